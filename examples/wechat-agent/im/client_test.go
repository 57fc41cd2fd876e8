package im

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const key = "c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7cafe"

// server answers with a text and notes what it was asked.
func server(t *testing.T, answer string) (c *Client, asked *http.Request, body *string) {
	t.Helper()
	asked, body = new(http.Request), new(string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*asked, *body = *r, string(text)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return &Client{Base: s.URL, App: 1400000000, Key: key, Admin: "administrator", HTTP: s.Client(), Now: func() time.Time { return time.Unix(1777636800, 0) }}, asked, body
}

// userSig is what is written in one (C09).
type userSig struct {
	User string `json:"TLS.identifier"`
	App  int    `json:"TLS.sdkappid"`
	Life int    `json:"TLS.expire"`
}

func opened(t *testing.T, text string) (s userSig) {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(strings.NewReplacer("*", "+", "-", "/", "_", "=").Replace(text))
	if err != nil {
		t.Fatal(err)
	}
	in, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

const ok = `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`

// TestCalls: each call as it is on the wire, in the words of the cases.
func TestCalls(t *testing.T) {
	for _, tc := range []struct {
		id, path, body string
		call           func(*Client) error
	}{
		{"C10", "/v4/im_open_login_svc/account_import", `{"Identifier":"oABC"}`, func(c *Client) error { return c.ImportAccount(t.Context(), "oABC") }},
		{"C11", "/v4/im_open_login_svc/account_delete", `{"DeleteItem":[{"UserID":"oABC"}]}`, func(c *Client) error { return c.DeleteAccount(t.Context(), "oABC") }},
		{
			"C12", "/v4/openim/sendmsg",
			`{"SyncOtherMachine":2,"From_Account":"oABC","To_Account":"user1","MsgLifeTime":60,"MsgRandom":R,"MsgTimeStamp":1777636800,` +
				`"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`,
			func(c *Client) error { return c.SendText(t.Context(), "oABC", "user1", "hi") },
		},
	} {
		t.Run(tc.id, func(t *testing.T) {
			c, asked, body := server(t, ok)
			if err := tc.call(c); err != nil {
				t.Fatal(err)
			}
			q := asked.URL.Query()
			if asked.URL.Path != tc.path || q.Get("sdkappid") != "1400000000" || q.Get("identifier") != "administrator" ||
				q.Get("contenttype") != "json" || q.Get("random") == "" {
				t.Errorf("asked %s", asked.URL)
			}
			if s := opened(t, q.Get("usersig")); s.User != "administrator" || s.App != 1400000000 || s.Life != 86400*180 {
				t.Errorf("the userSig is %+v", s)
			}
			got := *body
			if before, after, found := strings.Cut(got, `"MsgRandom":`); found {
				_, rest, _ := strings.Cut(after, ",")
				got = before + `"MsgRandom":R,` + rest
			}
			if got != tc.body {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	c, _, _ := server(t, `{"ActionStatus":"FAIL","ErrorInfo":"UserSig expired","ErrorCode":70001}`)
	err := c.ImportAccount(t.Context(), "oABC")
	if e := (*Error)(nil); !errors.As(err, &e) || e.Code != 70001 || !strings.Contains(err.Error(), "UserSig expired") {
		t.Errorf("got %v", err)
	}
	c, _, _ = server(t, `<html>`)
	if err := c.ImportAccount(t.Context(), "oABC"); err == nil {
		t.Error("a page is an answer")
	}
	c.Base = "http://127.0.0.1:0"
	if err := c.ImportAccount(t.Context(), "oABC"); err == nil || strings.Contains(err.Error(), "usersig") {
		t.Errorf("got %v", err)
	}
}
