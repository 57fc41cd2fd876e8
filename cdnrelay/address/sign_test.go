package address

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/room/auth"
)

const tencentKey = "e12c46f2612d5106e2034781ab261ca3"

// expires is 5C271099 in hexadecimal, of the vector in C1.
var expires = time.Unix(0x5C271099, 0)

func hash(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Features C1: the dialects of CDNs, by the vendors' vectors and formulas.
func TestSign(t *testing.T) {
	for _, c := range []struct {
		name, address string
		d             Dialect
		key           auth.Secret
		want          string
	}{
		{
			"tencent, vector of C1", "rtmp://livepush.tcloud.com/live/test", Tencent, tencentKey,
			"rtmp://livepush.tcloud.com/live/test?txSecret=f85a2ab363fe4deaffef9754d79da6fe&txTime=5C271099",
		},
		{
			"tencent, a player's file", "https://play.example.com/live/test.flv", Tencent, tencentKey,
			"https://play.example.com/live/test.flv?txSecret=f85a2ab363fe4deaffef9754d79da6fe&txTime=5C271099",
		},
		{
			"tencent, behind a query", "rtmp://livepush.tcloud.com/live/test?record=mp4", Tencent, tencentKey,
			"rtmp://livepush.tcloud.com/live/test?record=mp4&txSecret=f85a2ab363fe4deaffef9754d79da6fe&txTime=5C271099",
		},
		{
			"alibaba type A", "rtmp://push.example.com/app/cam", Alibaba, "secret",
			"rtmp://push.example.com/app/cam?auth_key=1546062225-0-0-" + hash("/app/cam-1546062225-0-0-secret"),
		},
		{
			"alibaba, a player's file", "https://play.example.com/app/cam.m3u8", Alibaba, "secret",
			"https://play.example.com/app/cam.m3u8?auth_key=1546062225-0-0-" + hash("/app/cam.m3u8-1546062225-0-0-secret"),
		},
		{"plain", "rtmp://push.example.com/app/inst/key", Plain, "", "rtmp://push.example.com/app/inst/key"},
		{"nothing said", "rtmp://push.example.com/app/key", "", "secret", "rtmp://push.example.com/app/key"},
	} {
		if got, err := Sign(c.address, c.d, c.key, auth.ActionPublish, expires); err != nil || got != c.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.name, got, err, c.want)
		}
	}
}

// TestSignWeir: what is signed for another weir opens it, for the one stream and action.
func TestSignWeir(t *testing.T) {
	there, err := auth.New(auth.Options{
		App: auth.App{ID: 7, Key: "the other's own", Keys: auth.Keys{Publish: auth.KeyPair{Primary: "shared"}}}, PlaySigned: true,
		Dialects: []auth.Dialect{auth.DialectTencent}, Now: func() time.Time { return expires },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		address string
		r       auth.Request
	}{
		{"rtmp://weir.example.com/live/r/s?sdkappid=7", auth.Request{Room: "r", Stream: "s"}},
		{"https://weir.example.com/whip/r/s?sdkappid=7", auth.Request{Room: "r", Stream: "s"}},
		{"rtmp://weir.example.com/live/7_r_s_main?sdkappid=7", auth.Request{Room: "r", Stream: "s", ID: "7_r_s_main"}},
	} {
		for _, d := range []Dialect{Weir, Tencent} {
			signed, err := Sign(c.address, d, "shared", auth.ActionPublish, expires)
			if err != nil {
				t.Fatal(err)
			}
			c.r.App, c.r.Action = 7, auth.ActionPublish
			_, c.r.Query, _ = strings.Cut(signed, "?")
			if _, err := there.Authorize(t.Context(), c.r); err != nil {
				t.Errorf("%s, %s: %v", c.address, d, err)
			}
			c.r.Action = auth.ActionPlay
			if _, err := there.Authorize(t.Context(), c.r); !errors.Is(err, auth.ErrBadSignature) {
				t.Errorf("%s, %s, to play: %v", c.address, d, err)
			}
		}
	}
}

func TestSignRefuses(t *testing.T) {
	for _, c := range []struct {
		name, address string
		d             Dialect
		key           auth.Secret
		want          error
	}{
		{"no address", "push.example.com/live/x", Plain, "", ErrAddress},
		{"another scheme", "file:///live/x", Tencent, "k", ErrAddress},
		{"a fragment", "rtmp://h/live/x#y", Tencent, "k", ErrAddress},
		{"no stream", "rtmp://h/live", Tencent, "k", ErrAddress},
		{"too deep", "rtmp://h/a/b/c/d", Tencent, "k", ErrAddress},
		{"an empty name", "rtmp://h/live/", Tencent, "k", auth.ErrBadID},
		{"no dialect", "rtmp://h/live/x", "akamai", "k", auth.ErrBadDialect},
		{"weir without its app", "rtmp://h/live/r/s", Weir, "k", ErrAddress},
	} {
		if got, err := Sign(c.address, c.d, c.key, auth.ActionPublish, expires); !errors.Is(err, c.want) {
			t.Errorf("%s: got %s, %v", c.name, got, err)
		}
	}
	if got, err := Sign("rtmp://h/live/x", Tencent, "", auth.ActionPublish, expires); err == nil {
		t.Errorf("without a key: got %s", got)
	}
}

// B31: the operator enters domain, application, stream and expiry.
func TestB31Outside(t *testing.T) {
	const query = "?txSecret=f85a2ab363fe4deaffef9754d79da6fe&txTime=5C271099"
	o := Outside{
		PushHost: "livepush.tcloud.com", PlayHost: "play.example.com:8080", Stream: "test", Dialect: Tencent,
		PushKey: tencentKey, PlayKey: tencentKey, Expires: expires, Insecure: true,
		WHIP: "https://livepush.tcloud.com/{app}/{stream}?proto=whip",
	}
	push, play, err := o.URLs()
	if err != nil {
		t.Fatal(err)
	}
	if want := (PushURLs{
		RTMP: "rtmp://livepush.tcloud.com/live/test" + query, Server: "rtmp://livepush.tcloud.com/live", Key: "test" + query,
		WHIP: "https://livepush.tcloud.com/live/test?proto=whip&" + query[1:],
	}); push != want {
		t.Errorf("got %+v", push)
	}
	const base = "://play.example.com:8080/live/test"
	if want := (PlayURLs{
		RTMP: "rtmp" + base + query, WebRTC: "webrtc" + base + query, FLV: "http" + base + ".flv" + query, HLS: "http" + base + ".m3u8" + query,
	}); play != want {
		t.Errorf("got %+v", play)
	}
	o.PushHost = "[2001:db8::1]:19350"
	if push, _, err = o.URLs(); err != nil || push.Server != "rtmp://[2001:db8::1]:19350/live" {
		t.Errorf("got %+v, %v", push, err)
	}
	o.PushHost, o.PlayKey, o.Insecure = "", "", false
	if push, play, err = o.URLs(); err != nil || push != (PushURLs{}) || play.FLV != "https"+base+".flv" {
		t.Errorf("got %+v, %+v, %v", push, play, err)
	}
}

// B31: another weir, whose app stands in the addresses; it opens them.
func TestB31AnotherWeir(t *testing.T) {
	there, err := auth.New(auth.Options{
		App:        auth.App{ID: 7, Key: "the other's own", Keys: auth.Keys{Play: auth.KeyPair{Primary: "play"}, Publish: auth.KeyPair{Primary: "push"}}},
		PlaySigned: true, Now: func() time.Time { return expires },
	})
	if err != nil {
		t.Fatal(err)
	}
	push, play, err := Outside{
		PushHost: "weir.example.com", PlayHost: "weir.example.com", Stream: "7_r_s_main", Dialect: Weir, AppID: 7, PushKey: "push", PlayKey: "play",
		WHIP: "https://weir.example.com/whip/r/s?policy=reject", Expires: expires,
	}.URLs()
	if err != nil || play.RTMP+play.WebRTC != "" {
		t.Fatalf("%+v, %v", play, err)
	}
	for _, c := range []struct{ address, begins, id string }{
		{push.RTMP, "rtmp://weir.example.com/live/7_r_s_main?sdkappid=7&sign=", "7_r_s_main"},
		{push.WHIP, "https://weir.example.com/whip/r/s?sdkappid=7&policy=reject&sign=", ""},
		{play.FLV, "https://weir.example.com/live/7_r_s_main.flv?sdkappid=7&sign=", "7_r_s_main"},
		{play.HLS, "https://weir.example.com/live/7_r_s_main.m3u8?sdkappid=7&sign=", "7_r_s_main"},
	} {
		r := auth.Request{App: 7, Action: auth.ActionPublish, Room: "r", Stream: "s", ID: c.id}
		if c.address == play.FLV || c.address == play.HLS {
			r.Action = auth.ActionPlay
		}
		_, r.Query, _ = strings.Cut(c.address, "?")
		if _, err := there.Authorize(t.Context(), r); err != nil || !strings.HasPrefix(c.address, c.begins) {
			t.Errorf("%s: %v", c.address, err)
		}
	}
}

func TestOutsideRefuses(t *testing.T) {
	good := Outside{PushHost: "push.example.com", Stream: "cam", Dialect: Tencent, PushKey: "k", Expires: expires}
	for name, alter := range map[string]func(o *Outside){
		"no domain":         func(o *Outside) { o.PushHost = "" },
		"a path":            func(o *Outside) { o.PushHost = "push.example.com/live" },
		"a user":            func(o *Outside) { o.PushHost = "u@push.example.com" },
		"a query":           func(o *Outside) { o.PlayHost = "play.example.com?x" },
		"IPv6 as a name":    func(o *Outside) { o.PushHost = "2001:db8::1" },
		"no such port":      func(o *Outside) { o.PlayHost = "play.example.com:65536" },
		"a port alone":      func(o *Outside) { o.PlayHost = ":80" },
		"no stream":         func(o *Outside) { o.Stream = "" },
		"a stream's path":   func(o *Outside) { o.Stream = "a/b" },
		"an app with a ?":   func(o *Outside) { o.App = "live?x" },
		"no key":            func(o *Outside) { o.PushKey = "" },
		"a WHIP of nowhere": func(o *Outside) { o.WHIP = "/whip/{stream}" },
		"no expiry":         func(o *Outside) { o.Expires = time.Time{} },
		"a weir of no app":  func(o *Outside) { o.Dialect = Weir },
		"no app's number":   func(o *Outside) { o.Dialect, o.AppID = Weir, -7 },
		"a weir's vhost":    func(o *Outside) { o.Dialect, o.AppID, o.App = Weir, 7, "vod" },
		"a CDN's number":    func(o *Outside) { o.AppID = 7 },
	} {
		o := good
		alter(&o)
		if push, play, err := o.URLs(); err == nil {
			t.Errorf("%s: got %+v, %+v", name, push, play)
		}
	}
}

func TestCut(t *testing.T) {
	for in, want := range map[string][2]string{
		"rtmp://h:1935/live/r/s?sign=x": {"rtmp://h:1935/live", "r/s?sign=x"},
		"rtmp://h/live/id":              {"rtmp://h/live", "id"},
		"rtmp://h/live/a%20b/s":         {"rtmp://h/live", "a%20b/s"},
		"rtmp://%zz/":                   {"", ""},
	} {
		if server, key := Cut(in); server != want[0] || key != want[1] {
			t.Errorf("%s: got %q, %q", in, server, key)
		}
	}
}

// FuzzSign: whatever an address is, it is refused or comes back with its path as it was and a signature behind it.
func FuzzSign(f *testing.F) {
	for _, address := range []string{
		"rtmp://livepush.tcloud.com/live/test", "https://h/live/a%20b/c.flv?x=y", "rtmp://h/live/", "rtmp://u:p@h:1/a/b/c/d", "rtmp://[::1]/live/x?sdkappid=7", "//", "rtmp://h/%zz",
	} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		for _, d := range []Dialect{Plain, Tencent, Alibaba, Weir} {
			signed, err := Sign(address, d, "key", auth.ActionPublish, expires)
			if err != nil || d == Plain {
				continue
			}
			before, errA := url.Parse(address)
			after, errB := url.Parse(signed)
			if errA != nil || errB != nil || after.EscapedPath() != before.EscapedPath() || after.Host != before.Host || !strings.HasPrefix(after.RawQuery, before.RawQuery) {
				t.Errorf("%s: %q became %q", d, address, signed)
			}
			Cut(signed)
		}
	})
}
