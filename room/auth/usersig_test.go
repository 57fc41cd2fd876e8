package auth

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"
)

// The published key of the cloud's own demo, and a token made with it by another implementation (Node).
const (
	demoApp   = 1400000000
	demoKey   = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
	demoTime  = 1600000000
	demoTTL   = 15552000
	demoToken = "eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwqXFqUUwieKU7MSCgswUJStDEwMogMiUZOamKlkZmqGKplYUZBaBxE1NTY3" +
		"gosWZ6UpWSr4*fo4*wWm*zqn*pUEeZc5uhQERRcFRRtnlJZZV5RFVYZXJKW5RTsluea62SrUABE0xww__"
	// demoUserBuf is the map for room 10000, all rights, ending with the token; demoBufSig is its signature.
	demoUserBuf = "AAAFdXNlcjBTck4AAAAnEGBLXgAAAAD/AAAAAA=="
	demoBufSig  = "JLHgn8JMSV254hxVKiclhR7uWeO5W50s/Zn2HxNsV1A="
)

func authorizer(t testing.TB, now time.Time) *Authorizer {
	t.Helper()
	a, err := New(Options{
		App: App{ID: demoApp, Key: demoKey, Admins: []string{"administrator"}},
		Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// pack wraps a document as a token.
func pack(t testing.TB, doc any) string {
	t.Helper()
	text, ok := doc.(string)
	if !ok {
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return sigBase64.EncodeToString(out.Bytes())
}

// demoDoc is the document of demoToken, for tests to damage.
func demoDoc() map[string]any {
	return map[string]any{
		"TLS.ver": "2.0", "TLS.identifier": "user0", "TLS.sdkappid": demoApp, "TLS.time": demoTime,
		"TLS.expire": demoTTL, "TLS.sig": "MLNALSfMCeOuRHvCFqPXrSZ2kwt9zwXzVycdFZBcFnE=",
	}
}

func TestVerifyKnownToken(t *testing.T) {
	last := time.Unix(demoTime+demoTTL, 0)
	for _, tc := range []struct {
		name, token string
		now         time.Time
		want        error
	}{
		{"when made", demoToken, time.Unix(demoTime, 0), nil},
		{"in its last second", demoToken, last, nil},
		{"a second later", demoToken, last.Add(time.Second), ErrExpired},
		{"packed by Go", pack(t, demoDoc()), last, nil},
	} {
		user, err := authorizer(t, tc.now).Verify(t.Context(), DefaultApp, tc.token)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: got error %v, want %v", tc.name, err, tc.want)
		}
		if err == nil && (user.ID != "user0" || !user.Expires.Equal(last) || user.Limit != nil) {
			t.Errorf("%s: got %+v", tc.name, user)
		}
	}
}

func TestVerifyKnownLimit(t *testing.T) {
	doc := demoDoc()
	doc["TLS.userbuf"], doc["TLS.sig"] = demoUserBuf, demoBufSig
	user, err := authorizer(t, time.Unix(1615552000, 0)).Verify(t.Context(), DefaultApp, pack(t, doc))
	if err != nil {
		t.Fatal(err)
	}
	want := Limit{Room: "10000", Rights: RightsAll, Expires: time.Unix(1615552000, 0)}
	if user.Limit == nil || *user.Limit != want || !user.Expires.Equal(want.Expires) {
		t.Errorf("got %+v %+v, want %+v", user, user.Limit, want)
	}
	if _, err := authorizer(t, time.Unix(1615552001, 0)).Verify(t.Context(), DefaultApp, pack(t, doc)); !errors.Is(err, ErrExpired) {
		t.Errorf("a second after the map's end: got %v, want ErrExpired", err)
	}
}

func TestVerifyWhatTheLibraryMakes(t *testing.T) {
	now := time.Now()
	a := authorizer(t, now)
	for _, tc := range []struct {
		name string
		make func() (string, error)
		want *Limit
	}{
		{"Sign", func() (string, error) { return Sign(*a.own, "user-1", time.Hour) }, nil},
		{"plain", func() (string, error) { return tencentyun.GenUserSig(demoApp, demoKey, "user-1", 3600) }, nil},
		{"numeric room", func() (string, error) {
			return tencentyun.GenPrivateMapKey(demoApp, demoKey, "user-1", 3600, 4294967295, 42)
		}, &Limit{Room: "4294967295", Rights: RightEnterRoom | RightReceiveAudio | RightReceiveVideo}},
		{"text room", func() (string, error) {
			return tencentyun.GenPrivateMapKeyWithStringRoomID(demoApp, demoKey, "user-1", 3600, "my room", 255)
		}, &Limit{Room: "my room", Rights: RightsAll}},
	} {
		token, err := tc.make()
		if err != nil {
			t.Fatal(err)
		}
		user, err := a.Verify(t.Context(), DefaultApp, token)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if life := user.Expires.Sub(now); user.ID != "user-1" || life < 3599*time.Second || life > 3700*time.Second {
			t.Errorf("%s: got %q for %v", tc.name, user.ID, life)
		}
		if (user.Limit == nil) != (tc.want == nil) ||
			tc.want != nil && (user.Limit.Room != tc.want.Room || user.Limit.Rights != tc.want.Rights) {
			t.Errorf("%s: got limit %+v, want %+v", tc.name, user.Limit, tc.want)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	with := func(key string, value any) string {
		doc := demoDoc()
		doc[key] = value
		return pack(t, doc)
	}
	otherKey, err := tencentyun.GenUserSig(demoApp, strings.Repeat("0", 64), "user0", 3600)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, token string
		want        error
	}{
		{"nothing", "", ErrNoToken},
		{"another app", with("TLS.sdkappid", demoApp+1), ErrWrongApp},
		{"another user", with("TLS.identifier", "user1"), ErrBadToken},
		{"another time", with("TLS.time", demoTime+1), ErrBadToken},
		{"a longer life", with("TLS.expire", demoTTL+1), ErrBadToken},
		{"a map that was not signed", with("TLS.userbuf", demoUserBuf), ErrBadToken},
		{"another key", otherKey, ErrBadToken},
		{"no signature", with("TLS.sig", ""), ErrBadToken},
		{"a signature that is no base64", with("TLS.sig", "!"), ErrBadToken},
		{"half a signature", with("TLS.sig", "MLNALSfMCeOuRHvCFqPXrQ=="), ErrBadToken},
		{"version 1", with("TLS.ver", "1.0"), ErrBadToken},
		{"a user with a line end", with("TLS.identifier", "a\nTLS.sdkappid:1"), ErrBadToken},
		{"a user of 33 bytes", with("TLS.identifier", strings.Repeat("u", 33)), ErrBadToken},
		{"a negative time", with("TLS.time", -1), ErrBadToken},
		{"a life that overflows", with("TLS.expire", int64(1)<<62), ErrBadToken},
		{"a time as text", with("TLS.time", "1600000000"), ErrBadToken},
		{"no JSON", pack(t, "hello"), ErrBadToken},
		{"two JSON texts", pack(t, "{}{}"), ErrBadToken},
		{"deep JSON", pack(t, strings.Repeat("[", 4000)), ErrBadToken},
		{"an empty document", pack(t, "{}"), ErrBadToken},
		{"a large document", pack(t, strings.Repeat(" ", maxJSON+1)), ErrBadToken},
		{"a bomb", pack(t, strings.Repeat(" ", 2<<20)), ErrBadToken},
		{"a long token", strings.Repeat("A", maxSig+4), ErrBadToken},
		{"no zlib", sigBase64.EncodeToString([]byte("hello")), ErrBadToken},
		{"half a zlib", demoToken[:100], ErrBadToken},
		{"other base64", strings.ReplaceAll(demoToken, "*", "+"), ErrBadToken},
		{"a line end", demoToken[:40] + "\n" + demoToken[40:], ErrBadToken},
		{"a space", demoToken + " ", ErrBadToken},
	} {
		if _, err := authorizer(t, time.Unix(demoTime, 0)).Verify(t.Context(), DefaultApp, tc.token); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestVerifyRefusesLimits(t *testing.T) {
	whole, err := base64.StdEncoding.DecodeString(demoUserBuf)
	if err != nil {
		t.Fatal(err)
	}
	text := append(append([]byte{1}, whole[1:]...), 0, 4, 'r', 'o', 'o', 'm')
	edit := func(b []byte, at int, value byte) []byte {
		b = bytes.Clone(b)
		b[at] = value
		return b
	}
	for _, tc := range []struct {
		name string
		buf  []byte
		ok   bool
	}{
		{"numeric room", whole, true},
		{"text room", text, true},
		{"empty", nil, false},
		{"one byte", whole[:1], false},
		{"cut", whole[:len(whole)-1], false},
		{"version 2", edit(whole, 0, 2), false},
		{"account longer than the map", edit(whole, 2, 255), false},
		{"another user", edit(whole, 3, 'v'), false},
		{"another app", edit(whole, 8, 0), false},
		{"text room without its length", edit(whole, 0, 1), false},
		{"text room cut", text[:len(text)-1], false},
		{"text room with more behind it", append(bytes.Clone(text), 'x'), false},
	} {
		token, err := tencentyun.GenUserSigWithBuf(demoApp, demoKey, "user0", 3600, append([]byte{}, tc.buf...))
		if err != nil {
			t.Fatal(err)
		}
		_, err = authorizer(t, time.Unix(demoTime, 0)).Verify(t.Context(), DefaultApp, token)
		if tc.ok && err != nil || !tc.ok && !errors.Is(err, ErrBadToken) {
			t.Errorf("%s: got %v, want ok=%v", tc.name, err, tc.ok)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	app := App{ID: demoApp, Key: demoKey}
	for _, tc := range []struct {
		name, user string
		app        App
		ttl        time.Duration
	}{
		{"bad user", "a b", app, time.Hour},
		{"no key", "user0", App{ID: demoApp}, time.Hour},
		{"no life", "user0", app, 0},
		{"a life too long", "user0", app, MaxTTL + time.Second},
	} {
		if token, err := Sign(tc.app, tc.user, tc.ttl); err == nil {
			t.Errorf("%s: got %q", tc.name, token)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(demoToken)
	f.Add(pack(f, demoDoc()))
	f.Add(pack(f, "{}"))
	f.Add("")
	a := authorizer(f, time.Unix(demoTime, 0))
	f.Fuzz(func(t *testing.T, token string) {
		user, err := a.Verify(t.Context(), DefaultApp, token)
		if err == nil && user.ID != "user0" {
			t.Errorf("%q speaks for %q", token, user.ID)
		}
		if status, _ := Status(err); err != nil && status != 401 {
			t.Errorf("%q: %v is a %d", token, err, status)
		}
	})
}

func FuzzParseUserBuf(f *testing.F) {
	f.Add([]byte{})
	whole, err := base64.StdEncoding.DecodeString(demoUserBuf)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(append(append([]byte{1}, whole[1:]...), 0, 1, 'r'))
	f.Fuzz(func(t *testing.T, b []byte) {
		limit, err := parseUserBuf(base64.StdEncoding.EncodeToString(b), &sigDoc{User: "user0", App: demoApp})
		if (limit == nil) != errors.Is(err, ErrBadToken) {
			t.Errorf("%x: got %+v and %v", b, limit, err)
		}
	})
}
