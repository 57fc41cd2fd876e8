package signaling

import "net/http"

// RefusedError is an error of a request that cannot be served: what the client did, in words and as a stable code.
type RefusedError struct {
	Status int // of HTTP, 4xx or 503
	Code   string
	Detail string
}

func (r *RefusedError) Error() string { return r.Detail }

// Refuse is a RefusedError as an error.
func Refuse(status int, code, detail string) error {
	return &RefusedError{Status: status, Code: code, Detail: detail}
}

// ErrStopping: no session begins any more.
var ErrStopping = Refuse(http.StatusServiceUnavailable, "shutting_down", "the server is shutting down")

// BadOffer refuses what is no offer at all.
func BadOffer(detail string) error { return Refuse(http.StatusBadRequest, "bad_offer", detail) }

// Unsupported refuses an offer that is well formed and cannot be served (RFC 9725 4.4.2: 422).
func Unsupported(code, detail string) error {
	return Refuse(http.StatusUnprocessableEntity, code, detail)
}

func badFragment(detail string) error { return Refuse(http.StatusBadRequest, "bad_fragment", detail) }
