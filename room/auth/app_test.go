package auth

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"
)

const (
	otherApp = 1400000001
	otherKey = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
)

// known are the apps beside the default one.
type known map[int]*App

func (k known) App(id int) (*App, bool) {
	app, ok := k[id]
	return app, ok
}

// twoApps decides for the default app and another one.
func twoApps(t testing.TB, o Options) *Authorizer {
	t.Helper()
	other, err := App{ID: otherApp, Key: otherKey, Admins: []string{"boss"}}.Ready()
	if err != nil {
		t.Fatal(err)
	}
	o.App = App{ID: demoApp, Key: demoKey, Admins: []string{"administrator"}}
	o.Apps, o.Dialects = known{otherApp: other}, []Dialect{DialectTencent, DialectAlibaba}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func sigOf(t testing.TB, app int, key, user string) string {
	t.Helper()
	sig, err := tencentyun.GenUserSig(app, key, user, 3600)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// TestA32 is "a userSig of app A is refused by app B", for every action.
func TestA32(t *testing.T) {
	a := twoApps(t, Options{PlaySigned: true})
	own, other := sigOf(t, demoApp, demoKey, "administrator"), sigOf(t, otherApp, otherKey, "boss")
	for _, tc := range []struct {
		name  string
		app   int
		token string
		want  error
		is    int
	}{
		{"the default app's, unnamed", DefaultApp, own, nil, demoApp},
		{"the default app's, named", demoApp, own, nil, demoApp},
		{"the other's", otherApp, other, nil, otherApp},
		{"the other's where none is named", DefaultApp, other, ErrWrongApp, 0},
		{"the other's in the default app", demoApp, other, ErrWrongApp, 0},
		{"the default app's in the other", otherApp, own, ErrWrongApp, 0},
		{"signed with the default app's key", otherApp, sigOf(t, otherApp, demoKey, "boss"), ErrForged, 0},
		{"of an app that is not there", 7, sigOf(t, 7, demoKey, "boss"), ErrUnknownApp, 0},
		{"in an app that cannot be read", noApp, own, ErrUnknownApp, 0},
	} {
		for _, action := range []Action{ActionPublish, ActionPlay, ActionAddresses, ActionAdmin, ActionList} {
			g, err := a.Authorize(t.Context(), Request{Action: action, App: tc.app, Room: "r", Stream: "s", Token: tc.token})
			if !errors.Is(err, tc.want) || g.App != tc.is || err == nil && !g.Admin {
				t.Errorf("%s, action %d: got %+v, %v", tc.name, action, g, err)
			}
		}
	}
}

// TestAddressesOfTwoApps: an address opens the streams of its own app, in every dialect, and no other's of the same name.
func TestAddressesOfTwoApps(t *testing.T) {
	now := epoch
	a := twoApps(t, Options{PlaySigned: true, Now: func() time.Time { return now }})
	site := Site{HTTP: "https://live.example.com", RTMP: "rtmp://live.example.com"}
	for _, d := range []Dialect{DialectWeir, DialectTencent, DialectAlibaba} {
		for id, foreign := range map[int][]string{
			DefaultApp: {strconv.Itoa(otherApp)}, otherApp: {"", strconv.Itoa(demoApp), "7", "0" + strconv.Itoa(otherApp)},
		} {
			o := Address{App: id, Room: "r", Stream: "s", Dialect: d, Expires: now.Add(time.Hour)}
			play, err := a.PlayURLs(site, o)
			if err != nil {
				t.Fatal(err)
			}
			publish, err := a.PublishURLs(site, o)
			if err != nil {
				t.Fatal(err)
			}
			for address, action := range map[string]Action{
				play.FLV: ActionPlay, play.HLS: ActionPlay, play.WebRTC: ActionPlay, publish.WHIP: ActionPublish, publish.RTMP: ActionPublish,
			} {
				u, err := url.Parse(address)
				if err != nil {
					t.Fatal(err)
				}
				asked := func(query string) (Grant, error) {
					u.RawQuery = query
					return a.Authorize(t.Context(), RequestOf(httptest.NewRequest("GET", u.RequestURI(), nil), action, "r", "s"))
				}
				query := u.RawQuery
				want := id
				if id == DefaultApp {
					want = demoApp
				}
				if g, err := asked(query); err != nil || g.App != want {
					t.Errorf("%v, app %d, %s: got %+v, %v", d, id, address, g, err)
				}
				for _, app := range foreign {
					altered := strings.Replace(query, paramApp+"="+strconv.Itoa(otherApp)+"&", "", 1)
					if app != "" {
						altered = paramApp + "=" + app + "&" + altered
					}
					if g, err := asked(altered); err == nil {
						t.Errorf("%v, app %d: %s opens %+v", d, id, altered, g)
					}
				}
			}
		}
	}
}

// TestOneUseOfTwoApps: what is used up in one app is not in another.
func TestOneUseOfTwoApps(t *testing.T) {
	a := twoApps(t, Options{Uses: &memory{}, Now: func() time.Time { return epoch }})
	for _, want := range []error{nil, ErrUsed} {
		for _, id := range []int{DefaultApp, otherApp} {
			q := mustSign(t, a, DialectWeir, Pass{App: id, Action: ActionPublish, Room: "r", Stream: "s", Once: "n", Expires: epoch.Add(time.Hour)}, "")
			_, err := a.Authorize(t.Context(), Request{Action: ActionPublish, App: id, Room: "r", Stream: "s", Query: q})
			if !errors.Is(err, want) {
				t.Errorf("app %d: got %v, want %v", id, err, want)
			}
		}
	}
}

func TestVerifyAdmin(t *testing.T) {
	now := time.Now()
	a := twoApps(t, Options{Now: func() time.Time { return now.Add(2 * time.Second) }})
	limited, err := tencentyun.GenPrivateMapKeyWithStringRoomID(otherApp, otherKey, "boss", 3600, "r", 255)
	if err != nil {
		t.Fatal(err)
	}
	old, err := tencentyun.GenUserSig(otherApp, otherKey, "boss", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, user, sig string
		app             int
		want            error
	}{
		{"an administrator", "boss", sigOf(t, otherApp, otherKey, "boss"), otherApp, nil},
		{"70001 expired", "boss", old, otherApp, ErrExpired},
		{"70003 malformed", "boss", "x", otherApp, ErrBadToken},
		{"70009 another key", "boss", sigOf(t, otherApp, demoKey, "boss"), otherApp, ErrForged},
		{"70013 another user", "boss2", sigOf(t, otherApp, otherKey, "boss"), otherApp, ErrWrongUser},
		{"70014 another app", "boss", sigOf(t, demoApp, demoKey, "boss"), otherApp, ErrWrongApp},
		{"70020 no such app", "boss", sigOf(t, 7, otherKey, "boss"), 7, ErrUnknownApp},
		{"60010 no administrator", "ann", sigOf(t, otherApp, otherKey, "ann"), otherApp, ErrForbidden},
		{"60010 administrator of the other app", "administrator", sigOf(t, otherApp, otherKey, "administrator"), otherApp, ErrForbidden},
		{"60010 bound to a room", "boss", limited, otherApp, ErrForbidden},
		{"no token", "boss", "", otherApp, ErrNoToken},
	} {
		user, err := a.VerifyAdmin(t.Context(), tc.app, tc.user, tc.sig)
		if !errors.Is(err, tc.want) || err == nil && user.ID != tc.user {
			t.Errorf("%s: got %+v, %v", tc.name, user, err)
		}
		if errors.Is(err, ErrForged) != (tc.want == ErrForged) { //nolint:errorlint // which of the two it is
			t.Errorf("%s: got %v", tc.name, err)
		}
	}
}

func TestAppOf(t *testing.T) {
	for query, want := range map[string]int{
		"": DefaultApp, "x=1": DefaultApp, "sdkappid=1400000001": 1400000001, "x&sdkappid=5&y": 5, "sdkappid=4294967295": maxAppID,
		"sdkappid=": noApp, "sdkappid": noApp, "sdkappid=0": noApp, "sdkappid=05": noApp, "sdkappid=-5": noApp, "sdkappid=5&sdkappid=5": noApp,
		"sdkappid=0&sdkappid=5": noApp, "SdkAppId=5": noApp, "sdkappid=4294967296": noApp, "sdkappid=5x": noApp, "sdkappid=%35": noApp,
		"sdkappid=5&SDKAPPID=5": noApp, "sdkappid=+5": noApp,
	} {
		if got := AppOf(query); got != want {
			t.Errorf("%q: got %d, want %d", query, got, want)
		}
	}
}

func FuzzAppOf(f *testing.F) {
	f.Add("sdkappid=1400000001&x=1")
	f.Add("sdkappid=&SDKAPPID=1")
	f.Fuzz(func(t *testing.T, query string) {
		id := AppOf(query)
		if id < noApp || id > maxAppID {
			t.Errorf("%q: app %d", query, id)
		}
		if carried := CarriedApp(query); id > 0 && AppOf(carried) != id || id <= 0 && carried != "" {
			t.Errorf("%q: app %d is carried as %q", query, id, carried)
		}
	})
}

// TestRightsOfAStream: each bit of a privilege map means something.
func TestRightsOfAStream(t *testing.T) {
	const (
		sound, picture = RightSendAudio, RightSendVideo
		hear, see      = RightReceiveAudio, RightReceiveVideo
	)
	for _, tc := range []struct {
		name     string
		rights   Rights
		stream   string
		has, not Rights
	}{
		{"a viewer", 42, "cam", hear | see, sound | picture},
		{"a viewer who may not enter", 42 &^ RightEnterRoom, "cam", 0, hear | see},
		{"who may send sound only", 2 | 4, "cam", sound, picture | hear | see},
		{"a main picture", 2 | 16, "cam", picture, sound},
		{"a main picture is no screen", 2 | 16 | 32, "cam_aux", 0, picture | see},
		{"a screen", 2 | 64, "cam_aux", picture, see | sound},
		{"who watches screens only", 2 | 128, "cam_aux", see, picture | hear},
		{"a screen is no main picture", 2 | 64 | 128, "cam", 0, picture | see},
		{"all", 255, "cam_aux", sound | picture | hear | see, 0},
	} {
		got := tc.rights.in(tc.stream)
		if got&tc.has != tc.has || got&tc.not != 0 {
			t.Errorf("%s: rights %b of %s are %b", tc.name, tc.rights, tc.stream, got)
		}
	}
	u := User{ID: "ann", Limit: &Limit{Room: "r", Rights: RightEnterRoom}}
	if !u.May(RightEnterRoom, "r") || u.May(RightCreateRoom, "r") || u.May(RightEnterRoom, "q") || !(&User{}).May(RightCreateRoom, "q") {
		t.Error("May does not tell what a limit allows")
	}
}
