package v4

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"weir/room/im"
)

// envelope is what the query of every call says.
type envelope struct {
	app        int
	identifier string
	usersig    string
}

// readEnvelope reads a query. Of a parameter that is there twice the first one counts.
func readEnvelope(rawQuery string) (envelope, error) {
	q, err := url.ParseQuery(rawQuery)
	if err != nil {
		return envelope{}, errHTTP.With("the query could not be read")
	}
	app := q.Get("sdkappid")
	if app == "" {
		return envelope{}, errNoApp
	}
	id, err := strconv.Atoi(app)
	e := envelope{app: id, identifier: q.Get("identifier"), usersig: q.Get("usersig")}
	switch {
	case err != nil || id <= 0:
		return envelope{}, errBadApp
	case e.identifier == "":
		return envelope{}, errNoUser
	case e.usersig == "":
		return envelope{}, errNoSig
	}
	return e, nil
}

// base is what every answer begins with.
type base struct {
	ActionStatus string  `json:"ActionStatus"`
	ErrorInfo    string  `json:"ErrorInfo"`
	ErrorCode    int     `json:"ErrorCode"`
	ErrorDisplay *string `json:"ErrorDisplay,omitempty"`
	RequestID    string  `json:"RequestId"`
}

// maxAnswer bounds an answer's body, in bytes.
const maxAnswer = 1 << 20

// render is an answer's body: the base, and behind it the members of the payload, a struct or nil.
func render(b base, payload any) ([]byte, error) {
	text, err := json.Marshal(b)
	if err != nil || payload == nil {
		return text, err
	}
	more, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	if len(more) > len("{}") {
		text = append(append(text[:len(text)-1], ','), more[1:]...)
	}
	if len(text) > maxAnswer {
		return nil, errTooLarge
	}
	return text, nil
}

// outcome is the base of an answer to a command of a service.
func (s *service) outcome(id string, e *im.Error) base {
	b := base{ActionStatus: "OK", RequestID: id}
	if e != nil {
		b.ActionStatus, b.ErrorCode, b.ErrorInfo = "FAIL", e.Number, e.Info
	}
	if s != nil && s.display {
		b.ErrorDisplay = &b.ErrorInfo
	}
	return b
}

// write sends a body. The status is 200 whatever it says, as programs for the cloud expect.
func write(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	// The client may be gone; there is nobody left to tell.
	_, _ = w.Write(body)
}
