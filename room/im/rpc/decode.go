package rpc

import (
	"encoding/json"
	"errors"
	"unicode/utf8"

	"weir/room/im"
)

const (
	// maxParams is the longest parameters, in bytes: a message as long as it may be, and what is around it.
	maxParams = 64 << 10
	// maxDepth is how deep they may be nested.
	maxDepth = 32
)

// decode reads the parameters of a call. Unknown fields are let be; a value of a wrong type is a refusal.
func decode(params []byte, into any) error {
	switch {
	case len(params) == 0 || string(params) == "null":
		return nil
	case len(params) > maxParams:
		return im.ErrTooLong.With("the parameters are longer than %d bytes", maxParams)
	case !utf8.Valid(params):
		return im.ErrBadParameter.With("the parameters are not UTF-8")
	case tooDeep(params):
		return im.ErrBadParameter.With("the parameters are nested deeper than %d levels", maxDepth)
	}
	err := json.Unmarshal(params, into)
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*im.Error](err); ok { // of a field that says itself what it may be
		return refused
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return im.ErrBadParameter.With("the parameters are not an object")
		}
		return im.ErrBadParameter.With("%s has a value of a wrong type", wrong.Field)
	}
	return im.ErrBadParameter.With("the parameters are not JSON")
}

// tooDeep tells whether JSON is nested deeper than it may be, before anything is made of it.
func tooDeep(text []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
