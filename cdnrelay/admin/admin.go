// Package admin lets administrators of an app call a door: it asks who they are, reads and bounds what they send, and answers
// in JSON or with a problem (RFC 9457). It knows no call; see To. It starts no goroutine.
package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"weir/room/auth"
	"weir/room/store"
)

// maxBody is the size of a request's body in bytes.
const maxBody = 64 << 10

// authorizer decides on requests; *auth.Authorizer is one.
type authorizer interface {
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
}

// Calls answers the calls of administrators. All fields but Log are required.
type Calls struct {
	Auth authorizer
	// Problem answers with an error.
	Problem func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
	Log     *slog.Logger
}

// Request is a request of an administrator of the app that Grant names.
type Request struct {
	*http.Request
	Grant auth.Grant
	w     http.ResponseWriter
}

// Error is a refusal as the caller sees it: a status and a stable code.
type Error struct {
	Status       int
	Code, Detail string
}

func (e *Error) Error() string { return e.Detail }

// Created is the result of a call that made something, and where that is.
type Created struct {
	Location string
	Body     any
}

// Bad is a request that is not as described.
func Bad(format string, args ...any) error {
	return &Error{http.StatusBadRequest, "bad_request", fmt.Sprintf(format, args...)}
}

// To is the handler of a call. Its result is the answer as JSON; nil is one without a body. Its error is an Error, one of
// room/auth, or nobody's business but the log's.
func (c Calls) To(do func(r *Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		grant, err := c.Auth.Authorize(r.Context(), auth.RequestOf(r, auth.ActionAdmin, "", ""))
		var result any
		if err == nil {
			result, err = do(&Request{Request: r, Grant: grant, w: w})
		}
		if err != nil {
			c.refuse(w, r, err)
			return
		}
		c.write(w, r, result)
	})
}

func (c Calls) write(w http.ResponseWriter, r *http.Request, result any) {
	w.Header().Set("Cache-Control", "no-store")
	if result == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	status := http.StatusOK
	if made, ok := result.(Created); ok {
		status, result = http.StatusCreated, made.Body
		w.Header().Set("Location", made.Location)
	}
	var body bytes.Buffer
	out := json.NewEncoder(&body)
	out.SetEscapeHTML(false) // an address is to be copied out of the answer as it is
	if err := out.Encode(result); err != nil {
		c.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // a client that is gone misses it
}

func (c Calls) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var no *Error
	if errors.As(err, &no) {
		c.Problem(w, r, no.Status, no.Code, no.Detail)
		return
	}
	status, code := auth.Status(err)
	detail := err.Error()
	if status == http.StatusInternalServerError {
		detail = "the server could not do it"
		if errors.Is(err, store.ErrNoSpace) {
			status, code, detail = http.StatusInsufficientStorage, "no_space", store.ErrNoSpace.Error()
		}
		if c.Log != nil {
			c.Log.Error("a call of an administrator failed", "path", r.URL.Path, "error", err)
		}
	}
	c.Problem(w, r, status, code, detail)
}

// Decode reads the body: one JSON value without members that to does not have.
func (r *Request) Decode(to any) error {
	return Decode(http.MaxBytesReader(r.w, r.Body, maxBody), to)
}
