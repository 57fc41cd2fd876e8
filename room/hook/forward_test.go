package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
)

// TestForward: receivers that know the question name targets, as SRS's on_forward has it or as weir has it; what is no answer
// names none, and what may answer another time is an error.
func TestForward(t *testing.T) {
	const url, more = "rtmp://cdn.example.com/live/cam", "https://cdn.example.com/whip/cam"
	weir := fmt.Sprintf(`{"targets": [{"to": %q}, {"to": %q, "token": "t", "audio": "opus"}]}`, url, more)
	var many []string
	for range 40 {
		many = append(many, fmt.Sprintf("%q", url))
	}
	for _, c := range []struct {
		name   string
		form   Form
		status int
		body   string
		want   []Target
		fails  bool
	}{
		{"C8 on_forward", FormSRS, 200, fmt.Sprintf(`{"code": 0, "data": {"urls": [%q, %q]}}`, url, more), []Target{{To: url}, {To: more}}, false},
		{"none", FormSRS, 200, `{"code": 0, "data": {"urls": []}}`, nil, false},
		{"0", FormSRS, 200, "0", nil, false},
		{"refused", FormSRS, 200, fmt.Sprintf(`{"code": 1, "data": {"urls": [%q]}}`, url), nil, false},
		{"no SRS", FormSRS, 200, weir, nil, false},
		{"too many", FormSRS, 200, fmt.Sprintf(`{"code": 0, "data": {"urls": [%s]}}`, strings.Join(many, ",")), make([]Target, maxTargets), false},
		{"weir", FormWeir, 200, weir, []Target{{To: url}, {To: more, Token: "t", Audio: "opus"}}, false},
		{"weir, nothing", FormWeir, 204, "", nil, false},
		{"weir, another answer", FormWeir, 200, "ok", nil, false},
		{"unknown here", FormWeir, 404, weir, nil, false},
		{"later", FormSRS, 503, "", nil, true},
		{"too often", FormWeir, 429, "", nil, true},
		{"down", FormWeir, 0, "", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := recorder{answer: func(got) (*http.Response, error) {
					if c.status == 0 {
						return nil, io.ErrUnexpectedEOF
					}
					return says(c.status, c.body), nil
				}}
				h := newHooks(t, Options{AskForward: true, Key: "k", Streams: []StreamReceiver{
					{FormCSS, "http://b.example.com/x"}, {c.form, "http://a.example.com/x"},
				}}, &r)
				ask := h.Forwarders()
				if len(ask) != 1 {
					t.Fatalf("%d are asked", len(ask))
				}
				targets, err := ask[0].Targets(t.Context(), events[Published])
				if c.name == "too many" {
					for i := range c.want {
						c.want[i].To = url
					}
				}
				if !reflect.DeepEqual(targets, c.want) || errors.Is(err, ErrUnanswered) != c.fails || err != nil != c.fails {
					t.Errorf("got %v, %v", targets, err)
				}
				var body struct{ Action, Type string }
				if err := json.Unmarshal(r.all()[0].body, &body); err != nil {
					t.Fatal(err)
				}
				signed := r.all()[0].header.Get(signatureHeader) != ""
				if c.form == FormSRS && body.Action != "on_forward" || c.form == FormWeir && (body.Type != "weir.stream.forward" || !signed) {
					t.Errorf("asked: %+v, signed: %v", body, signed)
				}
			})
		})
	}
	h := newHooks(t, Options{Streams: []StreamReceiver{{FormSRS, "http://c.example.com/x"}}}, nil)
	if n := len(h.Forwarders()); n != 0 {
		t.Errorf("without the switch %d are asked", n)
	}
}
