package room

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"weir/room/auth"
	"weir/room/hook"
	"weir/room/im"
)

const gateKey = "0123456789abcdef0123456789abcdef"

// house lets into its rooms who is on its list.
type house struct {
	err   error
	asked string
}

func (h *house) MayPublish(_ context.Context, app int, room, user string, admin bool) error {
	h.asked = fmt.Sprintf("%d/%s %s %v", app, room, user, admin)
	return h.err
}

// outside is a program that is asked.
type outside struct {
	err   error
	asked []hook.Event
}

func (o *outside) MayPublish(_ context.Context, e hook.Event) error {
	e.Kind = hook.Published
	o.asked = append(o.asked, e)
	return o.err
}

func (o *outside) MayPlay(_ context.Context, e hook.Event) error {
	e.Kind = hook.Played
	o.asked = append(o.asked, e)
	return o.err
}

func gateAuth(t *testing.T) *auth.Authorizer {
	t.Helper()
	by, err := auth.New(auth.Options{App: auth.App{ID: 1, Key: gateKey, Admins: []string{"root"}}, Dialects: []auth.Dialect{auth.DialectTencent}})
	if err != nil {
		t.Fatal(err)
	}
	return by
}

func sigFor(t *testing.T, user string) string {
	t.Helper()
	sig, err := auth.Sign(auth.App{ID: 1, Key: gateKey}, user, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// TestGateAsksTheRoom: what a room refuses is a 403 with the room's own code, and only publishing is asked about.
func TestGateAsksTheRoom(t *testing.T) {
	by := gateAuth(t)
	for name, tc := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"B09 closed":   {im.ErrRoomClosed, 403, "room_closed"},
		"banned":       {im.ErrBanned, 403, "banned"},
		"not the host": {im.ErrNoPermission.With("it has a host"), 403, "no_permission"},
		"a fault":      {errors.New("the disk is gone"), 500, "internal"},
		"our fault":    {im.ErrInternal, 500, "internal"},
	} {
		g, h := NewGate(by), &house{err: tc.err}
		g.Attach(h, nil)
		asked := auth.Request{Action: auth.ActionPublish, Room: "demo", Stream: "cam", Token: sigFor(t, "ann")}
		grant, err := g.Authorize(t.Context(), asked)
		if status, code := auth.Status(err); err == nil || status != tc.status || code != tc.code || grant != (auth.Grant{}) {
			t.Errorf("%s: got %+v, %v", name, grant, err)
		}
		if h.asked != "1/demo ann false" {
			t.Errorf("%s: asked for %s", name, h.asked)
		}
		for what, r := range map[string]auth.Request{
			"a session goes on": {Action: auth.ActionPublish, Room: "demo", Stream: "cam", Token: asked.Token, Session: true},
			"somebody plays":    {Action: auth.ActionPlay, Room: "demo", Stream: "cam"},
			"somebody lists":    {Action: auth.ActionList},
		} {
			if _, err := g.Authorize(t.Context(), r); err != nil {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		h.asked = ""
		asked.Token = "x"
		if _, err := g.Authorize(t.Context(), asked); !errors.Is(err, auth.ErrBadToken) || h.asked != "" {
			t.Errorf("%s: the room is asked about a forger: %v, %s", name, err, h.asked)
		}
	}
}

// TestGateWhoIsAsked: an administrator is one for the room, too, and so is whoever could sign an address for nobody in
// particular.
func TestGateWhoIsAsked(t *testing.T) {
	by := gateAuth(t)
	sign := func(p auth.Pass, d auth.Dialect) string {
		p.Action, p.Room, p.Stream, p.Expires = auth.ActionPublish, "demo", "cam", time.Now().Add(time.Hour)
		q, err := by.SignQuery(d, p, "/live/demo/cam")
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	for _, tc := range []struct{ name, token, query, want string }{
		{"a user", sigFor(t, "ann"), "", "1/demo ann false"},
		{"an administrator", sigFor(t, "root"), "", "1/demo root true"},
		{"an address with a name", "", sign(auth.Pass{User: "ann"}, auth.DialectWeir), "1/demo ann false"},
		{"B31 an address for whoever has it", "", sign(auth.Pass{}, auth.DialectTencent), "1/demo  true"},
	} {
		g, h := NewGate(by), &house{}
		g.Attach(h, nil)
		_, err := g.Authorize(t.Context(), auth.Request{
			Action: auth.ActionPublish, Room: "demo", Stream: "cam", Token: tc.token, Query: tc.query, Path: "/live/demo/cam",
		})
		if err != nil || h.asked != tc.want {
			t.Errorf("%s: asked for %s, %v", tc.name, h.asked, err)
		}
	}
	open, err := auth.New(auth.Options{App: auth.App{ID: 1, Key: gateKey}, Publish: auth.PublishOpen})
	if err != nil {
		t.Fatal(err)
	}
	g, h := NewGate(open), &house{}
	g.Attach(h, nil)
	if _, err := g.Authorize(t.Context(), auth.Request{Action: auth.ActionPublish, Room: "demo", Stream: "cam"}); err != nil || h.asked != "1/demo  false" {
		t.Errorf("where publishing is open: asked for %s, %v", h.asked, err)
	}
}

// TestGateAsksOutside: others are asked once when something begins, are told who it is, and can refuse it.
func TestGateAsksOutside(t *testing.T) {
	by := gateAuth(t)
	r := httptest.NewRequest(http.MethodPost, "https://live.example.com/whip/demo/cam?x=1", nil)
	r.Header.Set("Authorization", "Bearer "+sigFor(t, "ann"))
	r.Header.Set("Referer", "https://shop.example.com/")
	for _, action := range []auth.Action{auth.ActionPublish, auth.ActionPlay} {
		out, kind, form := &outside{}, hook.Published, "whip"
		if action == auth.ActionPlay {
			kind, form = hook.Played, "flv"
		}
		g := NewGate(by)
		g.Attach(nil, out)
		asked := auth.RequestOf(r, action, "demo", "cam")
		door := g.At(form)
		if _, err := door.Authorize(t.Context(), asked); err != nil || len(out.asked) != 0 {
			t.Errorf("nothing begins, and %d are asked: %v", len(out.asked), err)
		}
		if _, err := door.Authorize(t.Context(), asked.Beginning()); err != nil || len(out.asked) != 1 {
			t.Fatalf("%d are asked: %v", len(out.asked), err)
		}
		e := out.asked[0]
		if e.Kind != kind || e.App != 1 || e.Room != "demo" || e.Stream != "cam" || e.User != "ann" || e.Form != form || e.Addr != "192.0.2.1" ||
			e.Site != "https://live.example.com" || e.Page != "https://shop.example.com/" || e.Query != "x=1" {
			t.Errorf("asked with %+v", e)
		}
		for refusal, code := range map[error]string{hook.ErrRefused: codeRefused, hook.ErrUnanswered: codeUnanswered} {
			out.err = refusal
			_, err := door.Authorize(t.Context(), asked.Beginning())
			if status, got := auth.Status(err); status != http.StatusForbidden || got != code {
				t.Errorf("%v: got %v", refusal, err)
			}
		}
	}
}
