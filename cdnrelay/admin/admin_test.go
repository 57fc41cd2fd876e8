package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/room/auth"
	"weir/room/store"
)

// gate takes administrators whose token is "root".
type gate struct{}

func (gate) Authorize(_ context.Context, r auth.Request) (auth.Grant, error) {
	if r.Action != auth.ActionAdmin || r.Token != "root" {
		return auth.Grant{}, auth.ErrForbidden
	}
	return auth.Grant{App: 7, User: "root", Admin: true}, nil
}

func TestCalls(t *testing.T) {
	c := Calls{Auth: gate{}, Problem: func(w http.ResponseWriter, _ *http.Request, status int, code, detail string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "%s: %s", code, detail)
	}}
	echo := func(r *Request) (any, error) {
		var in struct {
			Name string `json:"name"`
		}
		if err := r.Decode(&in); err != nil {
			return nil, err
		}
		switch in.Name {
		case "none":
			return nil, nil
		case "fault":
			return nil, errors.New("secret")
		case "full":
			return nil, fmt.Errorf("secret: %w", store.ErrNoSpace)
		case "odd":
			return func() {}, nil
		case "taken":
			return nil, &Error{http.StatusConflict, "taken", "it is taken"}
		}
		return map[string]any{"name": in.Name, "app": r.Grant.App}, nil
	}
	for _, tc := range []struct {
		name, token, body string
		status            int
		want              string
	}{
		{"an answer", "root", `{"name":"a"}`, 200, `{"app":7,"name":"a"}`},
		{"without a body", "root", `{"name":"none"}`, 204, ""},
		{"nobody", "", `{"name":"a"}`, 403, "forbidden"},
		{"no JSON", "root", `name`, 400, "bad_request: the body is not the JSON that is described: it is no JSON object"},
		{"nothing", "root", ``, 400, "bad_request"},
		{"an array", "root", `[]`, 400, "bad_request: the body is not the JSON that is described: it is no JSON object"},
		{"half", "root", `{"name":`, 400, "bad_request"},
		{"an unknown member", "root", `{"nome":"a"}`, 400, `bad_request: the body is not the JSON that is described: there is no member "nome"`},
		{"of a wrong type", "root", `{"name":24}`, 400, "bad_request: the body is not the JSON that is described: the value of name is of the wrong type, which is number"},
		{"two values", "root", `{"name":"a"}{}`, 400, "bad_request"},
		{"too much", "root", `{"name":"` + strings.Repeat("a", maxBody) + `"}`, 400, "bad_request: the body is not the JSON that is described: it is longer than 65536 bytes"},
		{"a refusal", "root", `{"name":"taken"}`, 409, "taken: it is taken"},
		{"a fault tells nothing", "root", `{"name":"fault"}`, 500, "internal: the server could not do it"},
		{"a full disk is named", "root", `{"name":"full"}`, 507, "no_space: the disk is full"},
		{"an address is told as it is", "root", `{"name":"x?a&b"}`, 200, `{"app":7,"name":"x?a&b"}`},
		{"an answer that is none", "root", `{"name":"odd"}`, 500, "internal: the server could not do it"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/x", strings.NewReader(tc.body))
		r.Header.Set("Authorization", "Bearer "+tc.token)
		w := httptest.NewRecorder()
		c.To(echo).ServeHTTP(w, r)
		if w.Code != tc.status || !strings.HasPrefix(w.Body.String(), tc.want) {
			t.Errorf("%s: got %d %s", tc.name, w.Code, w.Body)
		}
	}
}
