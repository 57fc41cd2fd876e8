package whip

import (
	"net/http"

	"weir/room/live"
)

// strictness orders the policies by how much they let happen to a publisher who is there.
var strictness = map[live.Policy]int{live.PolicyReplace: 0, live.PolicyResume: 1, live.PolicyReject: 2}

// policyOf is the policy that a publish asks for with ?policy=, or else the configured one. Anybody may be stricter
// than the configuration; only an administrator may be less.
func (h *Handler) policyOf(r *http.Request, admin bool) (live.Policy, error) {
	name := r.URL.Query().Get("policy")
	if name == "" {
		return h.opts.Policy, nil
	}
	p, err := live.ParsePolicy(name)
	if err != nil {
		return 0, refuse(http.StatusBadRequest, "bad_policy", "policy must be resume, replace or reject")
	}
	if !admin && strictness[p] < strictness[h.opts.Policy] {
		return 0, refuse(http.StatusForbidden, "policy_forbidden", "only an administrator may publish with the policy "+name+" here")
	}
	return p, nil
}
