package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// asks tells whether a receiver is asked before something of that kind, and not told afterwards.
func (h *Hooks) asks(to StreamReceiver, k Kind) bool {
	return to.Form == FormSRS && (k == Published && h.opts.AskPublish || k == Played && h.opts.AskPlay)
}

// MayPublish asks those receivers of SRS's form that may refuse a publish. An error is a refusal: as with SRS, a receiver that
// does not answer lets nobody publish.
//
// Errors: ErrRefused, ErrUnanswered.
func (h *Hooks) MayPublish(ctx context.Context, e Event) error {
	e.Kind = Published
	return h.permit(ctx, &e)
}

// MayPlay asks those receivers of SRS's form that may refuse a viewer; see MayPublish.
//
// Errors: ErrRefused, ErrUnanswered.
func (h *Hooks) MayPlay(ctx context.Context, e Event) error {
	e.Kind = Played
	return h.permit(ctx, &e)
}

func (h *Hooks) permit(ctx context.Context, e *Event) error {
	ctx, cancel := context.WithTimeout(ctx, h.opts.Timeout)
	defer cancel()
	for _, to := range h.opts.Streams {
		if !h.asks(to, e.Kind) {
			continue
		}
		body, ok := to.Form.render(h.server, "", e)
		if !ok {
			continue
		}
		start := h.now()
		refused, err := h.permitBy(ctx, to, body)
		h.stats.permitted(e.Kind, refused, err, h.now().Sub(start))
		switch {
		case err != nil:
			h.log.Warn("stream receiver not answering, refused", "kind", e.Kind, "receiver", Masked(to.URL), "error", err)
			return fmt.Errorf("%w: %w", ErrUnanswered, err)
		case refused:
			return ErrRefused
		}
	}
	return nil
}

func (h *Hooks) permitBy(ctx context.Context, to StreamReceiver, body []byte) (refused bool, err error) {
	status, text, err := h.lanes.of(to.name()).call(ctx, h, Masked(to.URL), func(ctx context.Context) (int, []byte, error) {
		return h.trusted.post(ctx, to.URL, map[string]string{idHeader: newID()}, body)
	})
	if err != nil {
		return false, err
	}
	return !srsAllows(status, text), nil
}

// srsAllows reads the answer of a receiver of SRS's form: 200 or 201 with 0, or with an object whose code is 0, allows.
// Everything else refuses, an empty body as well.
func srsAllows(status int, text []byte) bool {
	if status != 200 && status != 201 {
		return false
	}
	text = bytes.TrimSpace(text)
	if bytes.Equal(text, []byte("0")) {
		return true
	}
	var said struct {
		Code *int `json:"code"`
	}
	return json.Unmarshal(text, &said) == nil && said.Code != nil && *said.Code == 0
}
