package whip

import (
	"net/http"
	"time"

	"weir/room/auth"
	"weir/rtc/signaling"
)

// EndpointOptions answers OPTIONS on the endpoint, which needs no authority (RFC 9725 4.2). What CORS asks for is
// added by whoever mounts the handler.
func (h *Handler) EndpointOptions(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	signaling.AllowEndpoint(head)
	// RFC 9725 4.6: a preflight gets no server lists, which might cost something to make.
	if r.Header.Get("Access-Control-Request-Method") == "" {
		h.addLinks(head, r)
	}
	w.WriteHeader(http.StatusOK)
}

// SessionOptions answers OPTIONS on a session's URL, whether there is such a session or not.
func (h *Handler) SessionOptions(w http.ResponseWriter, _ *http.Request) {
	signaling.AllowSession(w.Header())
	w.WriteHeader(http.StatusOK)
}

// addLinks adds the ICE servers to an answer that anybody may have asked for.
func (h *Handler) addLinks(head http.Header, r *http.Request) {
	if len(h.opts.ICEServers.URLs) == 0 {
		return
	}
	head.Set("Cache-Control", "no-store")
	var grant auth.Grant
	known := false
	if auth.Token(r) != "" {
		var err error
		_, grant, err = h.authorize(r, asIs)
		known = err == nil
	}
	h.opts.ICEServers.AddLinks(head, grant.User, known, time.Now())
}
