package auth

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestNewURLs(t *testing.T) {
	got, err := NewURLs("https://live.example.com/", "my room", "cam", "a*b-c_")
	if err != nil {
		t.Fatal(err)
	}
	want := URLs{
		Studio: "https://live.example.com/studio#room=my%20room&stream=cam&usersig=a%2Ab-c_",
		Watch:  "https://live.example.com/watch/my%20room/cam",
		WHIP:   "https://live.example.com/whip/my%20room/cam",
		FLV:    "https://live.example.com/live/my%20room/cam.flv",
		HLS:    "https://live.example.com/live/my%20room/cam.m3u8",
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestURLsComeBack asks a real mux for every address and expects the ids that went in.
func TestURLsComeBack(t *testing.T) {
	var room, stream, file string
	mux := http.NewServeMux()
	mux.HandleFunc("/whip/{room}/{stream}", func(_ http.ResponseWriter, r *http.Request) {
		room, stream = r.PathValue("room"), r.PathValue("stream")
	})
	mux.HandleFunc("/live/{room}/{file}", func(_ http.ResponseWriter, r *http.Request) {
		room, file = r.PathValue("room"), r.PathValue("file")
	})
	ask := func(address string) {
		room, stream, file = "", "", ""
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, address, nil))
	}
	for _, id := range []string{"r", "my room", "a#b", "a&b=c+d", `"<>'`, "a;b,c", "~!$()*:@[]^`{|}", "1..2"} {
		u, err := NewURLs("http://localhost:8080", id, "-a.b_c", "token")
		if err != nil {
			t.Fatal(err)
		}
		if ask(u.WHIP); room != id || stream != "-a.b_c" {
			t.Errorf("%s gives %q and %q", u.WHIP, room, stream)
		}
		if ask(u.FLV); room != id || file != "-a.b_c.flv" {
			t.Errorf("%s gives %q and %q", u.FLV, room, file)
		}
		if ask(u.HLS); room != id || file != "-a.b_c.m3u8" {
			t.Errorf("%s gives %q and %q", u.HLS, room, file)
		}
		studio, err := url.Parse(u.Studio)
		if err != nil {
			t.Fatal(err)
		}
		fields, err := url.ParseQuery(studio.EscapedFragment())
		if err != nil || fields.Get("room") != id || fields.Get("usersig") != "token" || studio.RawQuery != "" {
			t.Errorf("%s gives %v, %v", u.Studio, fields, err)
		}
	}
}

func TestNewURLsRefuses(t *testing.T) {
	for _, tc := range []struct{ name, base, room, stream string }{
		{"bad room", "http://h", "a/b", "s"},
		{"bad stream", "http://h", "r", "s.flv"},
		{"no scheme", "h:8080", "r", "s"},
		{"other scheme", "ftp://h", "r", "s"},
		{"no host", "http://", "r", "s"},
		{"with a query", "http://h?a=b", "r", "s"},
		{"with a fragment", "http://h#a", "r", "s"},
		{"no URL", "http://[", "r", "s"},
	} {
		if u, err := NewURLs(tc.base, tc.room, tc.stream, ""); err == nil {
			t.Errorf("%s: got %+v", tc.name, u)
		}
	}
}

func TestNewPushURL(t *testing.T) {
	got, err := NewPushURL("rtmp://live.example.com/", "my room", "cam", "a*b-c_")
	if want := "rtmp://live.example.com/live/my%20room/cam?usersig=a*b-c_"; got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, ids := range [][2]string{{"a/b", "cam"}, {"demo", ".."}} {
		if got, err := NewPushURL("rtmp://localhost", ids[0], ids[1], "x"); !errors.Is(err, ErrBadID) {
			t.Errorf("%v: got %q, %v", ids, got, err)
		}
	}
}
