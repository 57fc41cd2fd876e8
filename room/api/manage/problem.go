package manage

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"weir/room/api"
	"weir/room/apps"
	"weir/room/auth"
	"weir/room/hook"
	"weir/room/im"
	"weir/room/store"
)

// badRequestError is a request that is malformed; its text says how.
type badRequestError struct{ text string }

func (e *badRequestError) Error() string { return e.text }

func bad(format string, args ...any) error { return &badRequestError{fmt.Sprintf(format, args...)} }

// statuses are the refusals of the channel that are no 400.
var statuses = map[int][]*im.Error{
	http.StatusNotFound: {
		im.ErrNoRoom, im.ErrNoAccount, im.ErrNoAttribute, im.ErrNotImported, im.ErrNoRecipient, im.ErrUnknownAccount, im.ErrNotMember,
	},
	http.StatusConflict: {
		im.ErrRoomTaken, im.ErrRoomYours, im.ErrMember, im.ErrAttributeConflict, im.ErrRoomFull, im.ErrOwnerStays,
	},
	http.StatusForbidden: {
		im.ErrNoPermission, im.ErrDenied, im.ErrDeniedC2C, im.ErrMuted, im.ErrMutedC2C, im.ErrBanned, im.ErrRoomClosed,
	},
	http.StatusTooManyRequests:     {im.ErrTooOften, im.ErrSendRate},
	http.StatusInternalServerError: {im.ErrInternal},
}

// statusOf is the HTTP status of a refusal of the channel.
func statusOf(e *im.Error) int {
	for status, list := range statuses {
		if slices.ContainsFunc(list, func(known *im.Error) bool { return known.Number == e.Number }) {
			return status
		}
	}
	if e.Code == im.Refused(0, "").Code {
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// outcomes are the errors of apps as HTTP shows them.
var outcomes = []struct {
	err    error
	status int
	code   string
}{
	{apps.ErrNotFound, http.StatusNotFound, "app_not_found"},
	{apps.ErrConfigured, http.StatusConflict, "app_configured"},
	{apps.ErrTaken, http.StatusConflict, "app_id_taken"},
	{apps.ErrFull, http.StatusConflict, "too_many_apps"},
	{hook.ErrConfigured, http.StatusConflict, "receiver_configured"},
	{apps.ErrBadApp, http.StatusBadRequest, api.CodeBadRequest},
}

// refuse answers with why a call did nothing.
func (m *Manage) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var malformed *badRequestError
	var no *im.Error
	switch {
	case errors.As(err, &malformed):
		api.Problem(w, r, http.StatusBadRequest, api.CodeBadRequest, malformed.Error())
		return
	case errors.As(err, &no):
		status := statusOf(no)
		if status == http.StatusInternalServerError {
			break
		}
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "1")
		}
		api.Problem(w, r, status, no.Code, no.Info)
		return
	}
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			api.Problem(w, r, o.status, o.code, err.Error())
			return
		}
	}
	status, code := auth.Status(err)
	if status != http.StatusInternalServerError {
		api.Problem(w, r, status, code, err.Error())
		return
	}
	if r.Context().Err() == nil {
		m.log.Error("call failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if errors.Is(err, store.ErrNoSpace) {
		api.Problem(w, r, http.StatusInsufficientStorage, api.CodeNoSpace, store.ErrNoSpace.Error())
		return
	}
	api.Problem(w, r, status, api.CodeInternal, "the server could not do it")
}
