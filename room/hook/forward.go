package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// Forward asks where a stream is to be pushed. It is asked only, and told to nobody.
const Forward Kind = "stream.forward"

// maxTargets is how many targets of an answer count.
const maxTargets = 32

// Target is where a receiver wants a stream to be pushed.
type Target struct {
	// To is the address, as it came: nobody has checked it.
	To string `json:"to"`
	// Token is the bearer token of WHIP, Audio is aac or opus; both may be empty.
	Token string `json:"token"`
	Audio string `json:"audio"`
}

// Forwarder is a receiver of stream events that is asked where streams are to be pushed.
type Forwarder struct {
	hooks *Hooks
	to    StreamReceiver
}

// Forwarders are the receivers that are asked where streams are to be pushed: those of SRS's form and of weir's own, if
// Options.AskForward.
func (h *Hooks) Forwarders() (all []Forwarder) {
	for _, to := range h.opts.Streams {
		if h.opts.AskForward && slices.Contains([]Form{FormSRS, FormWeir}, to.Form) {
			all = append(all, Forwarder{h, to})
		}
	}
	return all
}

// Targets asks for the targets of a stream. A receiver that refuses, or knows nothing of such questions, names none.
//
// Errors: ErrUnanswered; it can be asked again.
func (f Forwarder) Targets(ctx context.Context, e Event) ([]Target, error) {
	h := f.hooks
	e.Kind = Forward
	if e.At.IsZero() {
		e.At = h.now()
	}
	id := newID()
	body, ok := f.to.Form.render(h.server, id, &e)
	if !ok {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.opts.Timeout)
	defer cancel()
	start := h.now()
	header, body := f.to.Form.sign(h.opts.Key, map[string]string{idHeader: id}, body, start)
	status, text, err := h.lanes.of(f.to.name()).call(ctx, h, Masked(f.to.URL), func(ctx context.Context) (int, []byte, error) {
		return h.trusted.post(ctx, f.to.URL, header, body)
	})
	if err == nil && (status >= 500 || again[status]) {
		err = &failure{reason: reasonStatus, status: status}
	}
	h.stats.permitted(Forward, false, err, h.now().Sub(start))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnanswered, err)
	}
	return parseTargets(f.to.Form, status, text), nil
}

// again are the statuses below 500 that say that another try may go better.
var again = map[int]bool{
	http.StatusRequestTimeout: true, http.StatusTooEarly: true, http.StatusTooManyRequests: true,
}

// parseTargets reads an answer: {"code": 0, "data": {"urls": [...]}} of SRS's form, {"targets": [{"to": ...}]} of weir's.
func parseTargets(form Form, status int, text []byte) (targets []Target) {
	if status != http.StatusOK && status != http.StatusCreated {
		return nil
	}
	var said struct {
		Code int `json:"code"`
		Data struct {
			URLs []string `json:"urls"`
		} `json:"data"`
		Targets []Target `json:"targets"`
	}
	if json.Unmarshal(bytes.TrimSpace(text), &said) != nil || said.Code != 0 {
		return nil
	}
	if form == FormWeir {
		return said.Targets[:min(len(said.Targets), maxTargets)]
	}
	for _, to := range said.Data.URLs[:min(len(said.Data.URLs), maxTargets)] {
		targets = append(targets, Target{To: to})
	}
	return targets
}
