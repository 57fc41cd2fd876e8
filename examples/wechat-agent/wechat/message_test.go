package wechat

import (
	"bytes"
	"encoding/xml"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestVerifyC03: the signature of a request, as WeChat makes it.
func TestVerifyC03(t *testing.T) {
	// printf '%s' 1777636800noncetoken | sha1sum
	const good = "dc8c460fe7cd25b5b8d140b6041e7a2b1609ac27"
	query := func(signature, timestamp, nonce string) url.Values {
		return url.Values{"signature": {signature}, "timestamp": {timestamp}, "nonce": {nonce}}
	}
	if !Verify("token", query(good, "1777636800", "nonce")) {
		t.Error("a good signature is refused")
	}
	for name, q := range map[string]url.Values{
		"another time": query(good, "1777636801", "nonce"), "another nonce": query(good, "1777636800", "nonc"),
		"no signature": query("", "1777636800", "nonce"), "in capitals": query(strings.ToUpper(good), "1777636800", "nonce"), "nothing": {},
	} {
		if Verify("token", q) {
			t.Errorf("%s is taken", name)
		}
	}
	if Verify("other", query(good, "1777636800", "nonce")) {
		t.Error("another token's signature is taken")
	}
	if sum := query("da39a3ee5e6b4b0d3255bfef95601890afd80709", "", ""); Verify("", sum) {
		t.Error("without a token everybody is taken")
	}
}

const inquiry = `<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oABC]]></FromUserName>` +
	`<CreateTime>1777636800</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[a < b && c]]></Content><MsgId>1234567890123456</MsgId></xml>`

func TestParse(t *testing.T) {
	m, err := Parse([]byte(inquiry))
	want := Message{To: "gh_1", From: "oABC", Time: 1777636800, Type: TypeText, Content: "a < b && c", ID: "1234567890123456"}
	m.XMLName = xml.Name{}
	if err != nil || m != want {
		t.Errorf("got %+v, %v", m, err)
	}
	if m.Key() != m.ID {
		t.Errorf("key %q", m.Key())
	}
}

// TestParseRefusesC08: what is no message, and what could do more than say something.
func TestParseRefusesC08(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":         "",
		"no XML":          "hello",
		"torn":            inquiry[:100],
		"no sender":       `<xml><ToUserName>a</ToUserName><MsgType>text</MsgType></xml>`,
		"no type":         `<xml><ToUserName>a</ToUserName><FromUserName>b</FromUserName></xml>`,
		"a bad time":      strings.Replace(inquiry, "1777636800", "x", 1),
		"a document type": `<!DOCTYPE xml [<!ENTITY a "b">]>` + inquiry,
		"a file":          `<!DOCTYPE xml [<!ENTITY f SYSTEM "file:///etc/passwd">]>` + strings.Replace(inquiry, "<![CDATA[a < b && c]]>", "&f;", 1),
		"an entity":       strings.Replace(inquiry, "<![CDATA[a < b && c]]>", "&f;", 1),
		"another root":    strings.ReplaceAll(inquiry, "xml>", "html>"),
		"too long":        strings.Replace(inquiry, "a < b", strings.Repeat("a", MaxMessage), 1),
		"too deep":        strings.Repeat("<xml>", MaxMessage/5),
	} {
		if m, err := Parse([]byte(text)); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestReply(t *testing.T) {
	m := Message{To: "gh_1", From: "oABC"}
	text := "a ]]> <b> &amp;"
	body, err := m.Reply(text, time.Unix(1777636800, 0))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(body, []byte("<xml><ToUserName><![CDATA[oABC]]></ToUserName><FromUserName><![CDATA[gh_1]]></FromUserName><CreateTime>1777636800</CreateTime><MsgType><![CDATA[text]]></MsgType>")) {
		t.Errorf("got %s", body)
	}
	back, err := Parse(body)
	if err != nil || back.Content != text || back.To != "oABC" {
		t.Errorf("got %+v, %v of %s", back, err, body)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(inquiry))
	f.Add([]byte(`<!DOCTYPE xml>` + inquiry))
	f.Add([]byte(`<?xml version="1.0" encoding="gbk"?>` + inquiry))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Parse(body)
		if err != nil {
			if m != (Message{}) {
				t.Errorf("refused, and something of it is there: %+v", m)
			}
			return
		}
		if bytes.Contains(body, []byte("<!ENTITY")) && !bytes.Contains(body, []byte("<!--")) && !bytes.Contains(body, []byte("CDATA")) {
			t.Errorf("an entity is declared in %s", body)
		}
		if _, err := m.Reply(m.Content, time.Now()); err != nil {
			t.Error(err)
		}
	})
}
