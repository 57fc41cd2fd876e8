package whep

import (
	"errors"
	"net/http"
	"strings"

	"weir/room/auth"
	"weir/room/live"
	"weir/rtc/peer"
	"weir/rtc/sender"
	"weir/rtc/signaling"
)

// maxLayer is the longest name of a layer, in bytes; those of browsers have one or two.
const maxLayer = 64

// layerOf is the simulcast layer that a viewer asks for; empty without one.
func layerOf(r *http.Request) (string, error) {
	given := r.URL.Query()["layer"]
	if len(given) == 0 {
		return "", nil
	}
	// RFC 8851 10, RFC 8852 3.1: alphanumeric, and by the older form with - and _ in it.
	odd := strings.ContainsFunc(given[0], func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
	if len(given) > 1 || len(given[0]) > maxLayer || odd {
		return "", signaling.Refuse(http.StatusBadRequest, "bad_layer", "layer must be given once, as the name of a layer")
	}
	return given[0], nil
}

// wholeOf tells whether a viewer wants every picture or none: one that has another form to turn to.
func wholeOf(r *http.Request) (bool, error) {
	given := r.URL.Query()["pictures"]
	if len(given) > 1 || len(given) == 1 && given[0] != "all" {
		return false, signaling.Refuse(http.StatusBadRequest, "bad_pictures", "pictures must be all, once")
	}
	return len(given) == 1, nil
}

// refuse answers with the reason why a viewer is not served, or a session's request not done.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client hung up: nobody is listening, and nothing went wrong here
	}
	status, code, detail := outcome(err)
	switch status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "5") // WHEP 4.6
	case http.StatusConflict:
		if code == codeNotLive {
			w.Header().Set("Retry-After", retryAfter) // WHEP 4.2.8
		}
	case http.StatusInternalServerError:
		h.log.Error("cannot serve a viewer", "error", err)
		detail = "the stream cannot be served by WebRTC"
	}
	h.stats.refusals.WithLabelValues(code).Inc()
	h.opts.Problem(w, r, status, code, detail)
}

// codeNotLive is the code of a stream that nobody publishes: WHEP 4.2.8 answers it with 409, where the other doors say 404.
const codeNotLive = "stream_not_found"

func outcome(err error) (status int, code, detail string) {
	var no *signaling.RefusedError
	switch {
	case errors.As(err, &no):
		return no.Status, no.Code, no.Detail
	case errors.Is(err, live.ErrNoStream):
		return http.StatusConflict, codeNotLive, "the stream is not live"
	case errors.Is(err, errNoMedia), errors.Is(err, live.ErrEnded):
		return http.StatusConflict, codeNotLive, "the stream has no media"
	case errors.Is(err, live.ErrNoLayer):
		return http.StatusNotFound, "layer_not_found", err.Error()
	case errors.Is(err, sender.ErrBFrames):
		return http.StatusNotAcceptable, string(sender.ErrBFrames),
			"the video has pictures that are shown in another order than they are sent in (B frames), which WebRTC cannot say: play it as FLV or HLS, or publish without them"
	case errors.Is(err, peer.ErrBadRemote):
		return http.StatusBadRequest, "bad_offer", err.Error()
	case errors.Is(err, errFull):
		return http.StatusServiceUnavailable, "server_full", "the server takes no more viewers now"
	case errors.Is(err, live.ErrStopping):
		return http.StatusServiceUnavailable, "shutting_down", "the server is shutting down"
	default:
		status, code = auth.Status(err)
		return status, code, err.Error()
	}
}
