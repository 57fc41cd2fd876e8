package api

import (
	"encoding/json"
	"net/http"
)

// Stable codes that belong to no door. Those of authorization come from auth.Status.
const (
	CodeBadRequest       = "bad_request"
	CodeOriginForbidden  = "origin_forbidden"
	CodeNotFound         = "not_found"
	CodeStreamNotFound   = "stream_not_found"
	CodeTooMany          = "too_many_requests"
	CodeServerFull       = "server_full"
	CodeMethodNotAllowed = "method_not_allowed"
	CodeShuttingDown     = "shutting_down"
	CodeInternal         = "internal"
	CodeNoSpace          = "no_space"
)

// problem is the body of an error (RFC 9457 3.1). Its type is about:blank, which stands for the status.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"`
}

// Problem answers with an error. The code is for programs and never changes; the detail is for people and must
// hold neither a secret nor a stack.
func Problem(w http.ResponseWriter, _ *http.Request, status int, code, detail string) {
	body, err := json.Marshal(problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail})
	if err != nil {
		// Strings and a number always marshal; invalid UTF-8 becomes U+FFFD.
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="weir"`) // RFC 9110 15.5.2: a 401 names a scheme
	}
	w.WriteHeader(status)
	// The client may be gone; there is nobody left to tell.
	_, _ = w.Write(append(body, '\n'))
}
