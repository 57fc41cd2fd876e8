package auth

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

var site = Site{HTTP: "https://live.example.com/", RTMP: "rtmps://live.example.com/"}

func TestURLsWhereAllIsOpen(t *testing.T) {
	a, err := New(Options{App: App{ID: demoApp, Key: demoKey}, Publish: PublishOpen})
	if err != nil {
		t.Fatal(err)
	}
	play, err := a.PlayURLs(site, Address{Room: "my room", Stream: "cam"})
	want := PlayURLs{
		WebRTC: "https://live.example.com/whep/my%20room/cam",
		FLV:    "https://live.example.com/live/my%20room/cam.flv",
		WSFLV:  "wss://live.example.com/live/my%20room/cam.flv",
		HLS:    "https://live.example.com/live/my%20room/cam.m3u8",
		Watch:  "https://live.example.com/watch/my%20room/cam",
	}
	if play != want || err != nil {
		t.Errorf("got %+v, %v\nwant %+v", play, err, want)
	}
	publish, err := a.PublishURLs(site, Address{Room: "my room", Stream: "cam"})
	if want := (PublishURLs{
		WHIP: "https://live.example.com/whip/my%20room/cam", RTMP: "rtmps://live.example.com/live/my%20room/cam",
		Studio: "https://live.example.com/studio#room=my%20room&stream=cam",
	}); publish != want || err != nil {
		t.Errorf("got %+v, %v\nwant %+v", publish, err, want)
	}
	named, err := a.PlayURLs(site, Address{Room: "r", Stream: "s", User: "ann", Expires: epoch})
	if err != nil || !strings.Contains(named.FLV, "ann") {
		t.Errorf("a viewer with a name gets %+v, %v", named, err)
	}
	ends := Address{Room: "r", Stream: "s", Ends: true, Expires: epoch}
	play, err = a.PlayURLs(site, ends)
	publish, err2 := a.PublishURLs(site, ends)
	if err != nil || err2 != nil || !strings.Contains(play.HLS, "?sign=") || !strings.Contains(publish.WHIP, "?sign=") {
		t.Errorf("what promises an end is %+v, %+v, %v, %v", play, publish, err, err2)
	}
	if got, err := a.PublishURLs(Site{HTTP: "http://h"}, Address{Room: "r", Stream: "s"}); got.RTMP != "" || err != nil {
		t.Errorf("where no RTMP is there is %+v, %v", got, err)
	}
}

// TestURLsOpen asks a real mux for every address and expects that it opens what it names, in every dialect.
func TestURLsOpen(t *testing.T) {
	a := closed(t, Keys{}, epoch, nil)
	var answer error
	var room, stream, file string
	mux := http.NewServeMux()
	handle := func(pattern string, action Action) {
		mux.HandleFunc(pattern, func(_ http.ResponseWriter, r *http.Request) {
			room, stream, file = r.PathValue("room"), r.PathValue("stream"), r.PathValue("file")
			if stream == "" {
				stream, _, _ = SplitFile(file)
			}
			_, answer = a.Authorize(r.Context(), RequestOf(r, action, room, stream))
		})
	}
	handle("/whip/{room}/{stream}", ActionPublish)
	handle("/whep/{room}/{stream}", ActionPlay)
	handle("/live/{room}/{file}", ActionPlay)
	for d := range dialects {
		for _, id := range []string{"r", "my room", "a#b", "a&b=c+d", `"<>'`, "a;b,c", "~!$()*:@[]^`{|}", "1..2"} {
			o := Address{Room: id, Stream: "-a.b_c", Dialect: Dialect(d), Expires: epoch.Add(time.Hour)}
			play, err := a.PlayURLs(site, o)
			publish, err2 := a.PublishURLs(site, o)
			if err = errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			for _, address := range []string{play.WebRTC, play.FLV, play.HLS, publish.WHIP} {
				room, stream, answer = "", "", ErrForbidden
				mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, address, nil))
				if room != id || stream != "-a.b_c" || answer != nil {
					t.Errorf("%v: %s gives %q, %q, %v", Dialect(d), address, room, stream, answer)
				}
			}
			_, fragment, _ := strings.Cut(play.Watch, "#")
			if _, err := ask(a, ActionPlay, id, "-a.b_c", "/any", fragment); err != nil || strings.Contains(play.Watch, "?") {
				t.Errorf("%v: the page has %s: %v", Dialect(d), play.Watch, err)
			}
			_, proof, _ := strings.Cut(publish.Studio, "&sign=")
			if _, err := ask(a, ActionPublish, id, "-a.b_c", "/any", "sign="+proof); err != nil {
				t.Errorf("%v: %s: %v", Dialect(d), publish.Studio, err)
			}
			path, query, _ := strings.Cut(strings.TrimPrefix(publish.RTMP, "rtmps://live.example.com"), "?")
			if _, err := ask(a, ActionPublish, id, "-a.b_c", path, query); err != nil {
				t.Errorf("%v: %s: %v", Dialect(d), publish.RTMP, err)
			}
		}
	}
}

func TestURLsRefuse(t *testing.T) {
	a := closed(t, Keys{}, epoch, nil)
	for _, tc := range []struct{ name, base, room, stream string }{
		{"bad room", "http://h", "a/b", "s"},
		{"bad stream", "http://h", "r", "s.flv"},
		{"no scheme", "h:8080", "r", "s"},
		{"other scheme", "ftp://h", "r", "s"},
		{"no host", "http://", "r", "s"},
		{"with a user", "http://a:b@h", "r", "s"},
		{"with a query", "http://h?a=b", "r", "s"},
		{"with a fragment", "http://h#a", "r", "s"},
		{"no URL", "http://[", "r", "s"},
	} {
		o := Address{Room: tc.room, Stream: tc.stream, Expires: epoch}
		_, err := a.PlayURLs(Site{HTTP: tc.base}, o)
		_, err2 := a.PublishURLs(Site{HTTP: tc.base}, o)
		_, err3 := StudioURL(tc.base, DefaultApp, tc.room, tc.stream, "")
		if err == nil || err2 == nil || err3 == nil {
			t.Errorf("%s: %v, %v, %v", tc.name, err, err2, err3)
		}
	}
	if _, err := a.PlayURLs(site, Address{Room: "r", Stream: "s", Dialect: DialectTencent, User: "ann", Expires: epoch}); !errors.Is(err, ErrBadDialect) {
		t.Error(err)
	}
}

// TestURLsOfDialects: there are no addresses that this server would refuse.
func TestURLsOfDialects(t *testing.T) {
	a, err := New(Options{App: App{ID: demoApp, Key: demoKey}, PlaySigned: true, Dialects: []Dialect{DialectTencent}})
	if err != nil {
		t.Fatal(err)
	}
	for d := range dialects {
		o := Address{Room: "r", Stream: "s", Dialect: Dialect(d), Expires: epoch.Add(time.Hour)}
		_, err := a.PlayURLs(site, o)
		_, err2 := a.PublishURLs(site, o)
		if errors.Is(err, ErrBadDialect) != (Dialect(d) == DialectAlibaba) || errors.Is(err2, ErrBadDialect) != (Dialect(d) == DialectAlibaba) {
			t.Errorf("%v: %v, %v", Dialect(d), err, err2)
		}
	}
}

func TestStudioURL(t *testing.T) {
	got, err := StudioURL("https://live.example.com/", DefaultApp, "my room", "cam", "a*b-c_")
	if want := "https://live.example.com/studio#room=my%20room&stream=cam&usersig=a%2Ab-c_"; got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, room := range []string{"a#b", "a&b=c+d", "1..2"} {
		got, err := StudioURL("http://localhost", DefaultApp, room, "cam", "token")
		if err != nil {
			t.Fatal(err)
		}
		studio, err := url.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		fields, err := url.ParseQuery(studio.EscapedFragment())
		if err != nil || fields.Get("room") != room || fields.Get("usersig") != "token" || studio.RawQuery != "" {
			t.Errorf("%s gives %v, %v", got, fields, err)
		}
	}
}

// TestURLsByID: with a stream id there are the addresses by it, too, and a publisher gives it; each opens what it is for.
func TestURLsByID(t *testing.T) {
	a := closed(t, Keys{}, epoch, nil)
	site := Site{HTTP: "https://live.example.com", RTMP: "rtmp://live.example.com"}
	id := AppName(demoApp) + "_r_s_main"
	for d := range dialects {
		o := Address{Room: "r", Stream: "s", ID: id, Dialect: Dialect(d), Expires: epoch.Add(time.Hour)}
		play, err := a.PlayURLs(site, o)
		publish, err2 := a.PublishURLs(site, o)
		if err = errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if play.ByID == nil || play.ByID.ID != id || !strings.HasPrefix(play.ByID.WSFLV, "wss://live.example.com/live/"+id+".flv?") {
			t.Fatalf("%v: got %+v", Dialect(d), play.ByID)
		}
		for address, action := range map[string]Action{play.ByID.FLV: ActionPlay, play.ByID.HLS: ActionPlay, publish.RTMP: ActionPublish} {
			u, err := url.Parse(address)
			if err != nil || !strings.HasPrefix(u.Path, "/live/"+id) {
				t.Errorf("%v: %s: %v", Dialect(d), address, err)
				continue
			}
			r := Request{Action: action, ID: id, Room: "r", Stream: "s", Path: u.EscapedPath(), Query: u.RawQuery}
			if _, err := a.Authorize(t.Context(), r); err != nil {
				t.Errorf("%v: %s: %v", Dialect(d), address, err)
			}
		}
		if !strings.Contains(publish.WHIP, "/whip/r/s?streamid="+id+"&") || strings.Contains(publish.Studio, "streamid") {
			t.Errorf("%v: %+v", Dialect(d), publish)
		}
	}
	// An id that leads an encoder elsewhere stands behind the room and stream.
	publish, err := a.PublishURLs(site, Address{Room: "r", Stream: "s", ID: "concert", Expires: epoch.Add(time.Hour)})
	if err != nil || !strings.HasPrefix(publish.RTMP, "rtmp://live.example.com/live/r/s?streamid=concert&sign=") {
		t.Errorf("got %s, %v", publish.RTMP, err)
	}
	for _, id := range []string{"a/b", "x.flv"} {
		o := Address{Room: "r", Stream: "s", ID: id, Expires: epoch.Add(time.Hour)}
		_, err := a.PlayURLs(site, o)
		_, err2 := a.PublishURLs(site, o)
		if !errors.Is(err, ErrBadID) || !errors.Is(err2, ErrBadID) {
			t.Errorf("%q: %v, %v", id, err, err2)
		}
	}
}

// TestURLsByForeignID: an id that begins with the number of another app leads there by itself, so addresses of the default app
// name theirs.
func TestURLsByForeignID(t *testing.T) {
	a := twoApps(t, Options{PlaySigned: true, Now: func() time.Time { return epoch }})
	id := AppName(otherApp) + "_r_s_main"
	for app, asks := range map[int]int{DefaultApp: demoApp, demoApp: demoApp, otherApp: otherApp} {
		o := Address{App: app, Room: "r", Stream: "s", ID: id, Expires: epoch.Add(time.Hour)}
		play, err := a.PlayURLs(site, o)
		publish, err2 := a.PublishURLs(site, o)
		if err = errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		for address, action := range map[string]Action{play.ByID.FLV: ActionPlay, publish.RTMP: ActionPublish} {
			u, err := url.Parse(address)
			if err != nil || !strings.HasPrefix(u.Path, "/live/"+id) {
				t.Fatalf("%d: %s: %v", app, address, err)
			}
			r := Request{Action: action, App: a.AppFor(u.RawQuery, id), ID: id, Room: "r", Stream: "s", Path: u.EscapedPath(), Query: u.RawQuery}
			if _, err := a.Authorize(t.Context(), r); err != nil || r.App != asks {
				t.Errorf("%d: %s opens app %d: %v", app, address, r.App, err)
			}
		}
	}
}
