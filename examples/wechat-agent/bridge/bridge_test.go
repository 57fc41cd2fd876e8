package bridge

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/examples/wechat-agent/im"
	"weir/examples/wechat-agent/wechat"
)

// calls are the room system and WeChat, which note what they are asked.
type calls struct {
	list []string
	err  error
}

func (c *calls) note(format string, args ...any) error {
	c.list = append(c.list, fmt.Sprintf(format, args...))
	return c.err
}

func (c *calls) ImportAccount(_ context.Context, id string) error { return c.note("import %s", id) }
func (c *calls) DeleteAccount(_ context.Context, id string) error { return c.note("delete %s", id) }
func (c *calls) SendText(_ context.Context, from, to, text string) error {
	return c.note("send %s %s %s", from, to, text)
}

func (c *calls) Send(_ context.Context, to, text string) error {
	return c.note("wechat %s %s", to, text)
}

var now = time.Unix(1777636800, 0)

func newBridge() (*Bridge, *calls) {
	c := new(calls)
	return &Bridge{
		Token: "token", CallbackToken: "callback", App: 1400000000, Agent: "user1", Rooms: c, Customers: c,
		Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
	}, c
}

// signed is an address with WeChat's signature.
func signed(more string) string {
	parts := []string{"token", "1777636800", "nonce"}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return "/?signature=" + hex.EncodeToString(sum[:]) + "&timestamp=1777636800&nonce=nonce" + more
}

func do(b *Bridge, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

// incoming is a message as WeChat sends it.
func incoming(kind, id, inside string) string {
	return "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oABC]]></FromUserName><CreateTime>1777636800</CreateTime>" +
		"<MsgType><![CDATA[" + kind + "]]></MsgType>" + inside + "<MsgId>" + id + "</MsgId></xml>"
}

func TestTokenCheckC03(t *testing.T) {
	b, _ := newBridge()
	if w := do(b, "GET", signed("&echostr=12345"), ""); w.Code != 200 || w.Body.String() != "12345" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, target := range []string{"/", "/?echostr=12345", strings.Replace(signed("&echostr=12345"), "nonce=nonce", "nonce=other", 1)} {
		for _, method := range []string{"GET", "POST"} {
			if w := do(b, method, target, incoming("text", "1", "<Content>hi</Content>")); w.Code != 404 || w.Body.String() != "404 not found" {
				t.Errorf("%s %s: %d %s", method, target, w.Code, w.Body)
			}
		}
	}
	if w := do(b, "GET", signed("&echostr="+url.QueryEscape("<script>")), ""); !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("a page: %v", w.Header())
	}
}

func replied(t *testing.T, body string) string {
	t.Helper()
	m, err := wechat.Parse([]byte(body))
	if err != nil || m.To != "oABC" || m.From != "gh_1" || m.Type != "text" || m.Time != now.Unix() {
		t.Fatalf("no reply: %s", body)
	}
	return m.Content
}

func TestSubscribeC04(t *testing.T) {
	b, c := newBridge()
	w := do(b, "POST", signed(""), incoming("event", "", "<Event>subscribe</Event>"))
	if replied(t, w.Body.String()) != Welcome || !slices.Equal(c.list, []string{"import oABC"}) {
		t.Errorf("%s, %q", w.Body, c.list)
	}
	do(b, "POST", signed(""), incoming("text", "1", "<Content>hi</Content>"))
	if len(c.list) != 2 {
		t.Errorf("not remembered: %q", c.list)
	}
}

func TestUnsubscribeC05(t *testing.T) {
	b, c := newBridge()
	do(b, "POST", signed(""), incoming("event", "", "<Event>subscribe</Event>"))
	w := do(b, "POST", signed(""), incoming("event", "", "<Event>unsubscribe</Event>"))
	if w.Body.String() != "success" || c.list[1] != "delete oABC" || b.known.has("oABC", now) {
		t.Errorf("%s, %q", w.Body, c.list)
	}
}

// TestInquiryC01C06: a text goes to the agent, in the customer's name, and the customer is told.
func TestInquiryC01C06(t *testing.T) {
	b, c := newBridge()
	w := do(b, "POST", signed(""), incoming("text", "1", "<Content><![CDATA[How much is it?]]></Content>"))
	if !strings.HasPrefix(replied(t, w.Body.String()), "Transferring you") {
		t.Errorf("%s", w.Body)
	}
	want := []string{"import oABC", "send oABC user1 Inquiry from a WeChat subscription account: How much is it?"}
	if !slices.Equal(c.list, want) {
		t.Errorf("%q", c.list)
	}
	// WeChat repeats what it has no answer to yet.
	if w := do(b, "POST", signed(""), incoming("text", "1", "<Content>How much is it?</Content>")); w.Body.String() != "success" || len(c.list) != 2 {
		t.Errorf("%s, %q", w.Body, c.list)
	}
}

func TestRoomsDown(t *testing.T) {
	b, c := newBridge()
	c.err = &im.Error{Code: 20003}
	w := do(b, "POST", signed(""), incoming("text", "1", "<Content>hi</Content>"))
	if replied(t, w.Body.String()) != Later {
		t.Errorf("%s", w.Body)
	}
	if w := do(b, "POST", signed(""), incoming("event", "", "<Event>subscribe</Event>")); replied(t, w.Body.String()) != Welcome {
		t.Errorf("%s", w.Body)
	}
	c.err = nil
	do(b, "POST", signed(""), incoming("text", "2", "<Content>hi</Content>"))
	if !slices.Contains(c.list, "send oABC user1 "+Inquiry+"hi") {
		t.Errorf("%q", c.list)
	}
}

func TestOtherTypesC07(t *testing.T) {
	for _, kind := range []string{"image", "voice", "video", "shortvideo", "location", "link", "event", "hologram"} {
		b, c := newBridge()
		if w := do(b, "POST", signed(""), incoming(kind, "1", "<MediaId>x</MediaId><Event>CLICK</Event>")); w.Code != 200 || w.Body.String() != "success" || len(c.list) != 0 {
			t.Errorf("%s: %d %s %q", kind, w.Code, w.Body, c.list)
		}
	}
}

func TestNoMessageC08(t *testing.T) {
	b, c := newBridge()
	for _, body := range []string{"", "<xml>", "{}", "<xml></xml>", `<!DOCTYPE xml [<!ENTITY a "b">]>` + incoming("text", "1", "<Content>&a;</Content>"), strings.Repeat("<xml>", 1<<20)} {
		if w := do(b, "POST", signed(""), body); w.Code != 200 || w.Body.String() != "success" {
			t.Errorf("%.50s: %d %s", body, w.Code, w.Body)
		}
	}
	if len(c.list) != 0 {
		t.Errorf("%q", c.list)
	}
}

// callback is the address of a callback, signed by the room system.
func callback(command string) string {
	sum := sha256.Sum256([]byte("callback1777636800"))
	return "/imcallback?SdkAppid=1400000000&CallbackCommand=" + command + "&contenttype=json&ClientIP=127.0.0.1&OptPlatform=Web&RequestTime=1777636800&Sign=" + hex.EncodeToString(sum[:])
}

const answered = `{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"user1","To_Account":"oABC","MsgKey":"1_2_3","SendMsgResult":0,` +
	`"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"100"}},{"MsgType":"TIMFaceElem","MsgContent":{"Index":1}},{"MsgType":"TIMTextElem","MsgContent":{"Text":"yuan"}}]}`

// TestAnswerC02: what the agent writes goes to the customer, once.
func TestAnswerC02(t *testing.T) {
	b, c := newBridge()
	for range 2 {
		w := do(b, "POST", callback("C2C.CallbackAfterSendMsg"), answered)
		if w.Code != 200 || w.Body.String() != `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}` {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if !slices.Equal(c.list, []string{"wechat oABC 100\nyuan"}) {
		t.Errorf("%q", c.list)
	}
}

// TestCallbackC16: every callback is answered so that all passes; what is not an answer of the agent goes nowhere.
func TestCallbackC16(t *testing.T) {
	b, c := newBridge()
	for name, body := range map[string]string{
		"C2C.CallbackAfterSendMsg":    strings.Replace(answered, `"From_Account":"user1"`, `"From_Account":"oABC"`, 1),
		"C2C.CallbackBeforeSendMsg":   answered,
		"Group.CallbackBeforeSendMsg": answered,
		"State.StateChange":           `{}`,
	} {
		if w := do(b, "POST", callback(name), body); w.Code != 200 || w.Body.String() != `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}` {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	failed := strings.Replace(answered, `"SendMsgResult":0`, `"SendMsgResult":20006`, 1)
	do(b, "POST", callback("C2C.CallbackAfterSendMsg"), failed)
	if len(c.list) != 0 {
		t.Errorf("%q", c.list)
	}
	if w := do(b, "POST", callback("C2C.CallbackAfterSendMsg"), `{"From_Account":`); w.Code != 400 {
		t.Errorf("%d", w.Code)
	}
}

func TestForgedCallback(t *testing.T) {
	b, c := newBridge()
	good := callback("C2C.CallbackAfterSendMsg")
	for _, target := range []string{
		strings.Replace(good, "Sign=", "Sign=0", 1), strings.Replace(good, "RequestTime=1777636800", "RequestTime=1777636801", 1),
		strings.Replace(good, "SdkAppid=1400000000", "SdkAppid=1400000001", 1), "/imcallback?SdkAppid=1400000000&CallbackCommand=C2C.CallbackAfterSendMsg",
	} {
		if w := do(b, "POST", target, answered); w.Code != 404 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	b.Now = func() time.Time { return now.Add(2 * time.Minute) } // a recorded one
	if w := do(b, "POST", good, answered); w.Code != 404 || len(c.list) != 0 {
		t.Errorf("%d %q", w.Code, c.list)
	}
}

// TestWeChatDown: the room system is asked to try again, unless it is for nothing.
func TestWeChatDown(t *testing.T) {
	b, c := newBridge()
	c.err = errors.New("cannot reach WeChat")
	if w := do(b, "POST", callback("C2C.CallbackAfterSendMsg"), answered); w.Code != 502 {
		t.Errorf("%d", w.Code)
	}
	c.err = &wechat.Error{Code: 45015}
	if w := do(b, "POST", callback("C2C.CallbackAfterSendMsg"), answered); w.Code != 200 || len(c.list) != 2 {
		t.Errorf("%d %q", w.Code, c.list)
	}
}

func TestKnownIsBounded(t *testing.T) {
	var k known
	for i := range maxKnown + 10 {
		k.add(fmt.Sprint(i), now)
	}
	if len(k.names) > maxKnown {
		t.Errorf("%d names", len(k.names))
	}
	if !k.add("x", now) || k.add("x", now) || !k.add("x", now.Add(rememberFor)) {
		t.Error("a name is not forgotten in time")
	}
}
