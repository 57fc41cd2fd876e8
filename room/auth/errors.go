package auth

import (
	"errors"
	"fmt"
	"net/http"
)

// What a check can end with.
var (
	// ErrNoToken means that the request needs a token and carries none.
	ErrNoToken = errors.New("a token is needed")
	// ErrBadToken means that the token is malformed, or that its signature is not ours.
	ErrBadToken = errors.New("the token is not valid")
	// ErrForged means that the token is well-formed and not signed by the app's key. It is an ErrBadToken, too.
	ErrForged = fmt.Errorf("%w: the signature does not match", ErrBadToken)
	// ErrExpired means that the token was valid once.
	ErrExpired = errors.New("the token has expired")
	// ErrWrongApp means that the token was made for another app.
	ErrWrongApp = errors.New("the token is for another app")
	// ErrWrongUser means that the token speaks for another user than the one who is named.
	ErrWrongUser = errors.New("the token is for another user")
	// ErrUnknownApp means that there is no app of that id.
	ErrUnknownApp = errors.New("there is no such app")
	// ErrForbidden means that the token's user is known and may not do this.
	ErrForbidden = errors.New("the user may not do this")
	// ErrBadSignature means that a signed address is malformed, altered, or signed for something else.
	ErrBadSignature = errors.New("the signature is not valid")
	// ErrSignatureExpired means that a signed address was good once.
	ErrSignatureExpired = errors.New("the address has expired")
	// ErrUsed means that an address for one use was used before.
	ErrUsed = errors.New("the address was for one use and has been used")
	// ErrBadDialect means that a dialect is unknown, or cannot say what is to be signed.
	ErrBadDialect = errors.New("the dialect cannot do this")
	// ErrForeignID means that a stream id belongs to another room or user.
	ErrForeignID = errors.New("the stream id is another's")
	// ErrBadID means that a room, stream or user id has a form that none may have.
	ErrBadID = errors.New("the id is not valid")
)

// RefusedError is the decision of somebody beside this package, such as of a room that is closed.
type RefusedError struct {
	Code   string // stable
	Detail string // for people
}

func (e *RefusedError) Error() string { return e.Detail }

// ErrEnds is why a session ends whose address promised that it would.
var ErrEnds error = ending{}

type ending struct{}

func (ending) Error() string { return "the address allowed it until now" }

// Reason is the reason for counters and logs.
func (ending) Reason() string { return "expired" }

// outcomes are the errors as HTTP shows them. The codes are stable.
var outcomes = []struct {
	err    error
	status int
	code   string
}{
	{ErrNoToken, http.StatusUnauthorized, "token_missing"},
	{ErrBadToken, http.StatusUnauthorized, "token_invalid"},
	{ErrExpired, http.StatusUnauthorized, "token_expired"},
	{ErrWrongApp, http.StatusUnauthorized, "token_wrong_app"},
	{ErrWrongUser, http.StatusUnauthorized, "token_wrong_user"},
	{ErrUnknownApp, http.StatusNotFound, "app_not_found"},
	{ErrForbidden, http.StatusForbidden, "forbidden"},
	{ErrBadSignature, http.StatusForbidden, "signature_invalid"},
	{ErrSignatureExpired, http.StatusForbidden, "signature_expired"},
	{ErrUsed, http.StatusForbidden, "address_used"},
	{ErrBadDialect, http.StatusBadRequest, "bad_dialect"},
	{ErrForeignID, http.StatusConflict, "streamid_taken"},
	{ErrBadID, http.StatusBadRequest, "bad_id"},
}

// Status gives the HTTP status and the stable code of an error of this package; any other is a 500.
func Status(err error) (status int, code string) {
	var refused *RefusedError
	if errors.As(err, &refused) {
		return http.StatusForbidden, refused.Code
	}
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			return o.status, o.code
		}
	}
	return http.StatusInternalServerError, "internal"
}
