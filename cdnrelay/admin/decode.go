package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Decode reads a bounded body: one JSON value without members that to does not have. Its error is a refusal that says what is
// wrong with it.
func Decode(body io.Reader, to any) error {
	in := json.NewDecoder(body)
	in.DisallowUnknownFields()
	if err := in.Decode(to); err != nil {
		return Bad("the body is not the JSON that is described: %s", why(err))
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return Bad("there is something behind the body's JSON")
	}
	return nil
}

// maxName is how much is said of the name of a member that there is not.
const maxName = 64

// why says an error of encoding/json without the names of Go.
func why(err error) string {
	var large *http.MaxBytesError
	var typed *json.UnmarshalTypeError
	unknown, named := strings.CutPrefix(err.Error(), "json: unknown field ")
	switch {
	case errors.As(err, &large):
		return fmt.Sprintf("it is longer than %d bytes", large.Limit)
	case errors.As(err, &typed) && typed.Field != "":
		kind, _, _ := strings.Cut(typed.Value, " ")
		return fmt.Sprintf("the value of %.*s is of the wrong type, which is %s", maxName, typed.Field, kind)
	case named:
		return fmt.Sprintf("there is no member %.*s", maxName, unknown)
	default:
		return "it is no JSON object"
	}
}
