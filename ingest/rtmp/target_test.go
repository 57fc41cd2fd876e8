package rtmp

import (
	"errors"
	"strings"
	"testing"

	"weir/mux/av"
)

func TestParseTarget(t *testing.T) {
	want := target{room: "demo", stream: "cam", token: "e*J-_"}
	for _, tc := range []struct{ name, app, stream string }{
		{"OBS: server and key", "live", "demo/cam?usersig=e*J-_"},
		{"ffmpeg: the last part is the name", "live/demo", "cam?usersig=e*J-_"},
		{"librtmp: all in the app", "live/demo/cam?usersig=e*J-_", ""},
		{"slashes too many", "/live/", "/demo/cam/?usersig=e*J-_"},
		{"token behind the server", "live?usersig=e*J-_", "demo/cam"},
		{"the key's token counts", "live?usersig=other", "demo/cam?usersig=e*J-_"},
		{"more parameters", "live", "demo/cam?codec=h264&usersig=e*J-_"},
		{"escaped once", "live", "de%6Do/cam?usersig=e*J-%5F"},
	} {
		got, err := parseTarget(tc.app, tc.stream)
		if got.query, got.path = "", ""; err != nil || got != want {
			t.Errorf("%s: got %+v, %v", tc.name, got, err)
		}
	}
	if got, err := parseTarget("live", "my%20room/cam"); err != nil || got.room != "my room" || got.token+got.policy != "" {
		t.Errorf("a room with a space: got %+v, %v", got, err)
	}
}

// What proves something comes through as it was written, and from one place.
func TestParseTargetSignature(t *testing.T) {
	for _, tc := range []struct{ app, stream, query string }{
		{"live", "demo/cam?sign=w1.1.e...x", "sign=w1.1.e...x"},
		{"live/demo?sign=x", "cam", "sign=x"},
		{"live/demo?sign=x", "cam?policy=reject", "sign=x"},
		{"live/demo?sign=x", "cam?sign=y&sign=z", "sign=y&sign=z"},
		{"live/demo/cam?txSecret=A&txTime=B", "", "txSecret=A&txTime=B"},
	} {
		if got, err := parseTarget(tc.app, tc.stream); err != nil || got.query != tc.query || got.path != "/live/demo/cam" {
			t.Errorf("%q, %q: got %+v, %v", tc.app, tc.stream, got, err)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	for _, tc := range []struct{ app, stream, code string }{
		{"", "", "bad_address"},
		{"live", "", "bad_address"},
		{"other", "demo/cam", "bad_address"},
		{"live", "demo/cam/more", "bad_address"},
		{"live", "a/b/c", "bad_address"},
		{"live", "../cam", "bad_id"},
		{"live", "demo/..", "bad_id"},
		{"live", "demo/%2e%2e", "bad_id"},
		{"live", "demo%2fx/cam", "bad_id"},
		{"live", "demo/cam.flv", "bad_id"},
		{"live", "demo/%zz", "bad_id"},
		{"live", strings.Repeat("r", 49) + "/cam", "bad_id"},
	} {
		_, err := parseTarget(tc.app, tc.stream)
		var told *refusal
		if !errors.As(err, &told) || told.code != tc.code {
			t.Errorf("%q, %q: got %v, want %s", tc.app, tc.stream, err, tc.code)
		}
	}
}

// The cloud's form: the id names room and user, any other is a room and a stream of that name.
func TestParseTargetByID(t *testing.T) {
	for _, tc := range []struct {
		app, name string
		want      target
	}{
		{"live", "1400000000_1001_ann_main?txSecret=A&txTime=B", target{
			room: "1001", stream: "ann", id: "1400000000_1001_ann_main", byID: true, query: "txSecret=A&txTime=B", path: "/live/1400000000_1001_ann_main",
		}},
		{"live", "concert", target{room: "concert", stream: "concert", id: "concert", byID: true, path: "/live/concert"}},
		{"live/concert", "", target{room: "concert", stream: "concert", id: "concert", byID: true, path: "/live/concert"}},
		{"live", "r/s?streamid=x", target{room: "r", stream: "s", id: "x", path: "/live/r/s"}},
	} {
		got, err := parseTarget(tc.app, tc.name)
		if err != nil || got != tc.want {
			t.Errorf("%q, %q: got %+v, %v", tc.app, tc.name, got, err)
		}
	}
	for _, name := range []string{"..", "x.flv", strings.Repeat("a", 49), "a%2fb"} {
		if got, err := parseTarget("live", name); err == nil {
			t.Errorf("%q: got %+v", name, got)
		}
	}
}

func TestStatusCodes(t *testing.T) {
	for code, want := range map[string]string{
		"stream_busy": "NetStream.Publish.BadName", "streamid_taken": "NetStream.Publish.BadName", "bad_id": "NetStream.Publish.BadName",
		"codec": "NetStream.Publish.Rejected", "play": "NetStream.Play.Failed",
		"token_missing": "NetStream.Publish.Denied", "forbidden": "NetStream.Publish.Denied",
	} {
		if got := statusCode(code); got != want {
			t.Errorf("%s: got %s, want %s", code, got, want)
		}
	}
}

func TestFourCC(t *testing.T) {
	for codec, want := range map[av.Codec]string{
		av.CodecH264: "avc1", av.CodecH265: "hvc1", av.CodecAV1: "av01", av.CodecVP9: "vp09", av.CodecOpus: "",
	} {
		if got := fourCC(codec); got != want {
			t.Errorf("%v: got %q, want %q", codec, got, want)
		}
	}
}

func FuzzTarget(f *testing.F) {
	f.Add("live", "demo/cam?usersig=x")
	f.Add("live/demo?usersig=x", "cam")
	f.Add("", "live/%2e%2e/cam")
	f.Fuzz(func(t *testing.T, app, name string) {
		to, err := parseTarget(app, name)
		if err == nil && (to.room == "" || to.stream == "") {
			t.Errorf("%q and %q became %+v", app, name, to)
		}
	})
}
