package whip

import (
	"net/http"

	"weir/room/live"
	"weir/rtc/signaling"
)

// policyOf is the policy that a publish asks for with ?policy=, or else the configured one. Anybody may be stricter
// than the configuration; only an administrator may be less.
func (h *Handler) policyOf(r *http.Request, admin bool) (live.Policy, error) {
	name := r.URL.Query().Get("policy")
	if name == "" {
		return h.opts.Policy, nil
	}
	p, err := live.ParsePolicy(name)
	if err != nil {
		return 0, signaling.Refuse(http.StatusBadRequest, "bad_policy", "policy must be resume, replace or reject")
	}
	if !admin && p.Looser(h.opts.Policy) {
		return 0, signaling.Refuse(http.StatusForbidden, "policy_forbidden", "only an administrator may publish with the policy "+name+" here")
	}
	return p, nil
}
