package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// Cloud convention C2: {sdkappid}_{roomid}_{userid}_main.
func TestCloudID(t *testing.T) {
	for _, c := range []struct {
		room, user, stream, want string
	}{
		{"1001", "ann", "cam", "1400000000_1001_ann_main"},
		{"1001", "ann", "ann_aux", "1400000000_1001_ann_aux"},
		{"1001", "", "cam", "1400000000_1001_cam_main"},
		{"1001", "", "cam_aux", "1400000000_1001_cam_aux"},
		{"my room", "ann", "cam", "e53149c8cba07b383a613e890e3b460a"},
		{"r", "", strings.Repeat("s", 128), "59886e067ba4d8cc78c1d911ed6f9257"},
	} {
		if got := CloudID(1400000000, c.room, c.user, c.stream); got != c.want || CheckStream(got) != nil {
			t.Errorf("%q, %q, %q: got %q, want %q", c.room, c.user, c.stream, got, c.want)
		}
	}
}

func TestSplitCloudID(t *testing.T) {
	for _, c := range []struct {
		id           string
		app          int
		room, stream string
	}{
		{"1400000000_1001_ann_main", 1400000000, "1001", "ann"},
		{"1400000000_1001_user_7_main", 1400000000, "1001", "user_7"},
		{"1_r_ann_aux", 1, "r", "ann_aux"},
		{"1_r_ann_main_aux", 1, "r", "ann_main_aux"},
		{"1_r_ann_other", 0, "", ""},
		{"1_r_main", 0, "", ""},
		{"1__ann_main", 0, "", ""},
		{"1_r__main", 0, "", ""},
		{"01_r_ann_main", 0, "", ""},
		{"0_r_ann_main", 0, "", ""},
		{"x_r_ann_main", 0, "", ""},
		{"4294967296_r_ann_main", 0, "", ""},
		{"1&sdkappid=2_r_ann_main", 0, "", ""},
		{"1_r_" + strings.Repeat("a", 128) + "_main", 0, "", ""},
		{"", 0, "", ""},
	} {
		app, room, stream, ok := SplitCloudID(c.id)
		if app != c.app || room != c.room || stream != c.stream || ok != (c.app != 0) {
			t.Errorf("%q: got %d, %q, %q, %v", c.id, app, room, stream, ok)
		}
	}
}

func TestRoomOfID(t *testing.T) {
	for id, want := range map[string]string{
		"1400000000_1001_ann_main": "1001/ann", "concert": "concert/concert", "..": "", "a b": "",
		strings.Repeat("a", 49): "", "x.flv": "",
	} {
		room, stream, err := RoomOfID(id)
		if got := room + "/" + stream; (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: got %s, %v", id, got, err)
		}
	}
}

// A cloud's id is its room's and user's, also while they do not use it.
func TestMayHaveID(t *testing.T) {
	for _, c := range []struct {
		id, room, user string
		want           error
	}{
		{"concert", "r", "ann", nil},
		{"7_r_ann_main", "r", "ann", nil},
		{"7_r_ann_aux", "r", "ann", nil},
		{"7_r_ann_main", "r", "", nil},
		{"7_my_room_ann_main", "my_room", "ann", nil},
		{"7_r_ann_main", "r", "bob", ErrForeignID},
		{"7_r_ann_main", "r2", "ann", ErrForeignID},
		{"7_r2_ann_main", "r", "", ErrForeignID},
		{"7_r_ann_x_main", "r", "ann", ErrForeignID},
		{"8_r_bob_main", "r", "ann", nil}, // of no room of this app
		{"a/b", "r", "ann", ErrBadID},
	} {
		if err := MayHaveID(c.id, 7, c.room, c.user); !errors.Is(err, c.want) {
			t.Errorf("%q in %s by %s: got %v, want %v", c.id, c.room, c.user, err, c.want)
		}
	}
}

func FuzzSplitCloudID(f *testing.F) {
	for _, id := range []string{"1400000000_1001_ann_main", "1_r_ann_aux", "1_a_b_c_d_main", "_main", "1__"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		app, room, stream, ok := SplitCloudID(id)
		if !ok {
			return
		}
		if errors.Join(CheckRoom(room), CheckStream(stream)) != nil || CloudID(app, room, "", stream) != id {
			t.Errorf("%q gives %d, %q, %q", id, app, room, stream)
		}
	})
}

// TestSignedStreamID: an address by a stream id opens that id for its action, in every dialect, and nothing else.
func TestSignedStreamID(t *testing.T) {
	a := closed(t, Keys{}, epoch, nil)
	const id = "1400000000_r_s_main"
	by := func(action Action, id, room, stream, path, query string) error {
		_, err := a.Authorize(context.Background(), Request{Action: action, ID: id, Room: room, Stream: stream, Path: path, Query: query})
		return err
	}
	for d := range dialects {
		for _, action := range []Action{ActionPlay, ActionPublish} {
			path := "/live/" + id
			query := mustSign(t, a, Dialect(d), Pass{Action: action, ID: id, Expires: epoch.Add(time.Hour)}, path)
			if err := by(action, id, "r", "s", path, query); err != nil {
				t.Errorf("%v: %v", Dialect(d), err)
			}
			if err := by(action, id, "", "", path, query); err != nil {
				t.Errorf("%v, of nobody knows whose: %v", Dialect(d), err)
			}
			late := mustSign(t, a, Dialect(d), Pass{Action: action, ID: id, Expires: epoch.Add(-time.Second)}, path)
			if err := by(action, id, "r", "s", path, late); !errors.Is(err, ErrSignatureExpired) {
				t.Errorf("%v, expired: got %v", Dialect(d), err)
			}
			for name, err := range map[string]error{
				"another id":           by(action, id+"2", "r", "s", "/live/"+id+"2", query),
				"another action":       by(ActionPlay+ActionPublish-action, id, "r", "s", path, query),
				"a room and stream":    by(action, "", "r", "s", "/live/r/s", query),
				"a stream of its name": by(action, "", "r", id, "/live/r/"+id, query),
			} {
				if !errors.Is(err, ErrBadSignature) {
					t.Errorf("%v, %s: got %v", Dialect(d), name, err)
				}
			}
			for name, p := range map[string]Pass{
				"a room and stream":    {Action: action, Room: "r", Stream: "s"},
				"a stream of its name": {Action: action, Room: "r", Stream: id},
			} {
				p.Expires = epoch.Add(time.Hour)
				other := mustSign(t, a, Dialect(d), p, "/live/r/"+p.Stream)
				if err := by(action, id, "r", "s", path, other); !errors.Is(err, ErrBadSignature) {
					t.Errorf("%v, signed for %s: got %v", Dialect(d), name, err)
				}
			}
		}
	}
	for name, p := range map[string]Pass{
		"both":     {Action: ActionPlay, ID: id, Room: "r", Stream: "s"},
		"a bad id": {Action: ActionPlay, ID: "a/b"},
		"none":     {Action: ActionPlay},
	} {
		p.Expires = epoch.Add(time.Hour)
		if q, err := a.SignQuery(DialectWeir, p, "/live/x"); err == nil {
			t.Errorf("%s: got %s", name, q)
		}
	}
}

// TestTencentStreamID: by a stream id the dialect is the cloud's to the letter (C1).
func TestTencentStreamID(t *testing.T) {
	a := closed(t, Keys{Publish: tencentKeys.Play}, time.Unix(0x5C271099, 0), nil)
	const query = "txSecret=f85a2ab363fe4deaffef9754d79da6fe&txTime=5C271099"
	p := Pass{Action: ActionPublish, ID: "test", Expires: time.Unix(0x5C271099, 0)}
	if got := mustSign(t, a, DialectTencent, p, "/live/test"); got != query {
		t.Errorf("got %s", got)
	}
	r := Request{Action: ActionPublish, ID: "test", Room: "test", Stream: "test", Query: query, Path: "/live/test"}
	if _, err := a.Authorize(context.Background(), r); err != nil {
		t.Error(err)
	}
}

// The app of a cloud's id is meant where none is named, if it is one.
func TestAppFor(t *testing.T) {
	a := twoApps(t, Options{})
	for _, c := range []struct {
		query, id string
		want      int
	}{
		{"", "concert", demoApp},
		{"", "1_r_ann_main", demoApp},
		{"", AppName(otherApp) + "_r_ann_main", otherApp},
		{"sdkappid=" + AppName(demoApp), AppName(otherApp) + "_r_ann_main", demoApp},
		{"sdkappid=" + AppName(otherApp), "concert", otherApp},
		{"sdkappid=x", "concert", noApp},
	} {
		if got := a.AppFor(c.query, c.id); got != c.want {
			t.Errorf("%q, %q: got %d, want %d", c.query, c.id, got, c.want)
		}
	}
}
