package rtmp

import (
	"errors"
	"strings"
	"testing"

	"github.com/bluenviron/gortmplib"

	"weir/mux/rtmp"
)

// TestLogin: Adobe's authentication, checked by a foreign server.
func TestLogin(t *testing.T) {
	s := serve(t, nil, func(p *peer) {
		c := &gortmplib.ServerConn{RW: p.Conn}
		if c.Initialize() != nil || c.CheckCredentials("secretuser", "secret/pass") != nil || c.Accept() != nil {
			return
		}
		if c.URL.Path != "/live/secretkey" || !c.Publish {
			t.Errorf("asked for %v, publish %v", c.URL, c.Publish)
		}
		for {
			if _, err := c.Read(); err != nil {
				return
			}
		}
	})
	o := s.options()
	o.URL = "rtmp://secretuser:secret%2Fpass@" + s.addr + "/live/secretkey"
	c, err := publish(within(t), o)
	if err != nil {
		t.Fatal(err)
	}
	end := watch(c)
	if _, err := c.Write(rtmp.Message{Type: rtmp.TypeAudio, Body: []byte{0xaf, 0, 0x11, 0x90}}); err != nil {
		t.Error(err)
	}
	c.Close(within(t))
	_ = end()
	for name, url := range map[string]string{
		"nobody's name":    "rtmp://" + s.addr + "/live/secretkey",
		"a wrong password": "rtmp://secretuser:secretwrong@" + s.addr + "/live/secretkey",
	} {
		o.URL = url
		_, err := publish(within(t), o)
		if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrClosed) { // it closes without a word behind a wrong answer
			t.Errorf("%s: got %v", name, err)
		}
		unsecret(t, err)
	}
}

// TestLoginSteps: what the client makes of a server's words.
func TestLoginSteps(t *testing.T) {
	const asks = "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=u&salt=c2FsdA==&challenge=chal+/=&opaque="
	for _, tc := range []struct {
		name string
		said []string
		ok   bool
		want string // in the query
	}{
		{"asked for a name", []string{"[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : "}, true, "?authmod=adobe&user=u"},
		{"asked twice", []string{"[ code=403 need auth; authmod=adobe ]", "[ code=403 need auth; authmod=adobe ]"}, false, ""},
		// base64(md5(base64(md5("uc2FsdA==p")) + "op" + challenge)), made with md5sum and base64
		{"challenged", []string{asks + "op"}, true, "&response=QgwqJ3bW7700EAmMbS2ayg==&opaque=op"},
		{"challenged without an opaque value", []string{asks}, true, "&response=H4xIqwSVtdV1mysnLBnrCw=="},
		{"challenged twice", []string{asks, asks}, false, ""},
		{"wrong", []string{asks, "[ authmod=adobe ] : ?reason=authfail&opaque=x"}, false, ""},
		{"another method", []string{"[ code=403 need auth; authmod=llnw ]"}, false, ""},
		{"not about that", []string{"no such application"}, false, ""},
	} {
		l := newLogin(&target{user: "u", pass: "p"})
		l.challenge = "01234567"
		ok := false
		for _, said := range tc.said {
			ok = l.next(said)
		}
		if ok != tc.ok || !strings.HasSuffix(l.query, tc.want) {
			t.Errorf("%s: got %v, %q", tc.name, ok, l.query)
		}
	}
	if nobody := newLogin(new(target)); nobody.next("[ code=403 need auth; authmod=adobe ]") {
		t.Error("a login without a name")
	}
}
