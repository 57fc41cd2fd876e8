package v4

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"weir/room/im"
)

// The fields of a request say in tags what is asked of them:
//
//	To_Account string `json:"To_Account" need:"90003"`  // must be there, and not be empty: else 90003
//	Life       *int64 `json:"MsgLifeTime" bad:"90044"`  // may be missing; of a wrong type: 90044
//
// Without a number, or with need:"", a fault is the service's own for parameters.

// field is a field of a request.
type field struct {
	index  []int
	name   string // in JSON
	typ    reflect.Type
	need   bool
	number int // of what is wrong with it; 0: the service's
}

// fields are those of a struct that a body can set.
func fields(t reflect.Type) iter.Seq[field] {
	return func(yield func(field) bool) {
		for _, f := range reflect.VisibleFields(t) {
			if f.Anonymous {
				continue // what is in it comes as well
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" {
				name = f.Name
			}
			number, need := f.Tag.Lookup("need")
			if !need {
				number = f.Tag.Get("bad")
			}
			n, _ := strconv.Atoi(number) // none is 0
			if !yield(field{index: f.Index, name: name, typ: f.Type, need: need, number: n}) {
				return
			}
		}
	}
}

// readBody reads a body that fits, and comes within the call's time.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	// Writers without deadlines exist in tests only.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(budget))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, &large):
		return nil, errHTTP.With("the body is longer than %d bytes", maxBody)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errTimeout.With("the body came too slowly")
	default:
		return nil, errHTTP.With("the body could not be read")
	}
}

// decode reads a body into a request, a pointer to a struct of the kind above.
func (s *service) decode(body []byte, request any) error {
	v := reflect.ValueOf(request).Elem()
	text, err := asJSON(body, v.Type())
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, request); err != nil {
		return s.misfit(err, v.Type())
	}
	for f := range fields(v.Type()) {
		if f.need && isNothing(v.FieldByIndex(f.index)) {
			return s.bad(f, "%s is missing", f.name)
		}
	}
	return nil
}

// isNothing tells whether a field that is needed was not there, or was empty.
func isNothing(v reflect.Value) bool {
	if v.Kind() == reflect.Slice {
		return v.Len() == 0
	}
	return v.IsZero()
}

// misfit is what a caller is told of JSON that is none, or does not fit the type.
func (s *service) misfit(err error, t reflect.Type) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		var im *im.Error // of a type that reads itself
		if errors.As(err, &im) {
			return im
		}
		return errJSON
	}
	for name := range strings.SplitSeq(wrong.Field, ".") { // the first ones may be structs that are embedded
		for f := range fields(t) {
			if f.name == name {
				return s.bad(f, "%s has a wrong type", f.name)
			}
		}
	}
	return errJSON
}

// bad is the refusal of a field.
func (s *service) bad(f field, format string, args ...any) error {
	number := f.number
	if number == 0 {
		number = s.parameter
	}
	return fault(number, "").With(format, args...)
}

// asJSON gives a body as JSON: itself, or what a form stands for that is sent for a request of type t. A body without
// anything is an empty form.
func asJSON(body []byte, t reflect.Type) ([]byte, error) {
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) > 0 && body[0] == '{' {
		return body, checkBounds(body)
	}
	form, err := parseForm(body)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	form.json(&out, t)
	return out.Bytes(), nil
}

// checkBounds refuses JSON that is deep or has many values before anything is made of it. Whether it is JSON is found
// out later.
func checkBounds(text []byte) error {
	depth, values, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			values++
		case c == '}' || c == ']':
			depth--
		case c == ',':
			values++
		}
		if depth > maxDepth {
			return errJSON.With("the body is deeper than %d levels", maxDepth)
		}
		if values > maxValues {
			return errJSON.With("the body has more than %d values", maxValues)
		}
	}
	return nil
}

// badParameter is the refusal of a value for which the service has no number of its own.
func (c *call) badParameter(format string, args ...any) error {
	return fault(c.service.parameter, "").With(format, args...)
}

// tooMany is the refusal of a list of accounts.
func (c *call) tooMany(most int) error {
	return im.ErrTooMany.With("there are more than %d accounts", most)
}

// value is what p points to, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// orEmpty is a list that JSON shows as one, also when it is empty.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
