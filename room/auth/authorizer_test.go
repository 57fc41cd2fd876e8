package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"
)

func TestAuthorize(t *testing.T) {
	sign := func(user string) string {
		token, err := tencentyun.GenUserSig(demoApp, demoKey, user, 3600)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	limited := func(user, room string, rights uint32) string {
		token, err := tencentyun.GenPrivateMapKeyWithStringRoomID(demoApp, demoKey, user, 3600, room, rights)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	all := Grant{Rights: RightsAll}
	for _, tc := range []struct {
		name string
		mode Mode
		req  Request
		want Grant
		err  error
	}{
		{"play needs nothing", PublishUserSig, Request{Action: ActionPlay}, all, nil},
		{"list needs nothing", PublishUserSig, Request{Action: ActionList}, all, nil},
		{
			"play where it is open, with a token for sound alone", PublishUserSig,
			Request{Action: ActionPlay, Room: "r", Token: limited("ann", "r", 2|8)},
			Grant{User: "ann", Rights: RightEnterRoom | RightReceiveAudio | RightReceiveVideo},
			nil,
		},
		{"no action", PublishUserSig, Request{Token: sign("administrator")}, Grant{}, ErrForbidden},
		{"unknown action", PublishOpen, Request{Action: 99, Token: sign("administrator")}, Grant{}, ErrForbidden},
		{"publish without a token", PublishUserSig, Request{Action: ActionPublish}, Grant{}, ErrNoToken},
		{"publish with a bad token", PublishUserSig, Request{Action: ActionPublish, Token: "x"}, Grant{}, ErrBadToken},
		{
			"publish", PublishUserSig,
			Request{Action: ActionPublish, Room: "r", Token: sign("host")},
			Grant{User: "host", Rights: RightsAll},
			nil,
		},
		{
			"publish as an administrator", PublishUserSig,
			Request{Action: ActionPublish, Room: "r", Token: sign("administrator")},
			Grant{User: "administrator", Rights: RightsAll, Admin: true},
			nil,
		},
		{
			"publish into the map's room", PublishUserSig,
			Request{Action: ActionPublish, Room: "r", Token: limited("host", "r", 255)},
			Grant{User: "host", Rights: RightsAll},
			nil,
		},
		{
			"publish sound only", PublishUserSig,
			Request{Action: ActionPublish, Room: "r", Token: limited("host", "r", 2|4)},
			Grant{User: "host", Rights: RightEnterRoom | RightSendAudio},
			nil,
		},
		{
			"publish into another room", PublishUserSig,
			Request{Action: ActionPublish, Room: "q", Token: limited("host", "r", 255)},
			Grant{},
			ErrForbidden,
		},
		{
			"publish as a viewer", PublishUserSig,
			Request{Action: ActionPublish, Room: "r", Token: limited("host", "r", 42)},
			Grant{},
			ErrForbidden,
		},
		{"open publish without a token", PublishOpen, Request{Action: ActionPublish}, all, nil},
		{
			"open publish with a token", PublishOpen,
			Request{Action: ActionPublish, Token: sign("host")},
			Grant{User: "host", Rights: RightsAll},
			nil,
		},
		{"open publish with a bad token", PublishOpen, Request{Action: ActionPublish, Token: "x"}, Grant{}, ErrBadToken},
		{"administer without a token", PublishOpen, Request{Action: ActionAdmin}, Grant{}, ErrNoToken},
		{"administer as a user", PublishOpen, Request{Action: ActionAdmin, Token: sign("host")}, Grant{}, ErrForbidden},
		{
			"administer", PublishUserSig,
			Request{Action: ActionAdmin, Token: sign("administrator")},
			Grant{User: "administrator", Rights: RightsAll, Admin: true},
			nil,
		},
		{
			"administer with a token for one room", PublishUserSig,
			Request{Action: ActionAdmin, Room: "r", Token: limited("administrator", "r", 255)},
			Grant{},
			ErrForbidden,
		},
	} {
		a := authorizer(t, time.Now())
		a.publish = tc.mode
		got, err := a.Authorize(context.Background(), tc.req)
		if err == nil && (got.User != "") == got.Expires.IsZero() {
			t.Errorf("%s: a grant to %q ends at %v", tc.name, got.User, got.Expires)
		}
		got.Expires = time.Time{}
		if tc.err == nil {
			tc.want.App = demoApp
		}
		if got != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%s: got %+v and %v, want %+v and %v", tc.name, got, err, tc.want, tc.err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, app := range map[string]App{"no key": {ID: 1}, "no id": {Key: demoKey}} {
		if _, err := New(Options{App: app}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestToken(t *testing.T) {
	for _, tc := range []struct{ name, header, query, want string }{
		{"none", "", "", ""},
		{"header", "Bearer abc", "", "abc"},
		{"header in other case", "bearer  abc", "", "abc"},
		{"query", "", "usersig=a*b-c_", "a*b-c_"},
		{"header first", "Bearer abc", "usersig=def", "abc"},
		{"other scheme", "Basic abc", "usersig=def", "def"},
		{"scheme alone", "Bearer", "", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/whip/r/s?"+tc.query, nil)
		if tc.header != "" {
			r.Header.Set("Authorization", tc.header)
		}
		if got := Token(r); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, tc := range []struct {
		err    error
		status int
		code   string
	}{
		{ErrNoToken, 401, "token_missing"},
		{fmt.Errorf("%w: because", ErrBadToken), 401, "token_invalid"},
		{ErrExpired, 401, "token_expired"},
		{ErrWrongApp, 401, "token_wrong_app"},
		{ErrForbidden, 403, "forbidden"},
		{CheckRoom(""), 400, "bad_id"},
		{errors.New("other"), 500, "internal"},
	} {
		if status, code := Status(tc.err); status != tc.status || code != tc.code {
			t.Errorf("%v: got %d %s, want %d %s", tc.err, status, code, tc.status, tc.code)
		}
	}
}

func TestSecretNeverShows(t *testing.T) {
	app := App{ID: demoApp, Key: demoKey}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb, app, app.Key)
	}
	if err := json.NewEncoder(&out).Encode(app); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("app", "app", app, "key", app.Key)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("app", "app", app, "key", app.Key)
	for _, form := range []string{demoKey, fmt.Sprintf("%x", demoKey), fmt.Sprintf("%d", []byte(demoKey))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q stands in\n%s", form, out.String())
		}
	}
}
