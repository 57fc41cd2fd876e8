package bridge

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/examples/wechat-agent/wechat"
)

const (
	// maxCallback bounds the body of a callback, in bytes.
	maxCallback = 64 << 10
	// maxSkew is how far the time of a signature may be off.
	maxSkew = time.Minute
	// afterSend is the only command that matters here.
	afterSend = "C2C.CallbackAfterSendMsg"
)

// sent is a message that somebody sent to somebody.
type sent struct {
	From   string `json:"From_Account"`
	To     string `json:"To_Account"`
	Result int    `json:"SendMsgResult"`
	Key    string `json:"MsgKey"`
	Body   []struct {
		Type    string `json:"MsgType"`
		Content struct {
			Text string
		} `json:"MsgContent"`
	} `json:"MsgBody"`
}

// text is the text of a message.
func (s sent) text() string {
	var parts []string
	for _, e := range s.Body {
		if e.Type == "TIMTextElem" {
			parts = append(parts, e.Content.Text)
		}
	}
	return strings.Join(parts, "\n")
}

// callback takes what the room system tells. What the agent wrote to a customer goes to WeChat before it is answered: the room
// system tries again what was answered by an error.
func (b *Bridge) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if !b.signed(query) || query.Get("SdkAppid") != strconv.Itoa(b.App) {
		refuse(w)
		return
	}
	var m sent
	err := json.NewDecoder(io.LimitReader(r.Body, maxCallback)).Decode(&m)
	switch {
	case err != nil:
		b.Log.Warn("no callback", "error", err)
		w.WriteHeader(http.StatusBadRequest)
		return
	case query.Get("CallbackCommand") != afterSend || m.From != b.Agent || m.Result != 0 || m.text() == "":
		allow(w)
		return
	}
	// The same message may be told twice.
	key := "callback " + r.Header.Get("X-Weir-Event-Id") + " " + m.Key
	if b.done.has(key, b.Now()) {
		allow(w)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	err = b.Customers.Send(ctx, m.To, m.text())
	switch {
	case err != nil && !wechat.Final(err):
		b.Log.Warn("answer not delivered, it will be tried again", "error", err)
		w.WriteHeader(http.StatusBadGateway)
		return
	case err != nil:
		b.Log.Error("answer not delivered", "error", err)
	}
	b.done.add(key, b.Now())
	allow(w)
}

// allow is the answer that the room system expects: ErrorCode 0 lets everything pass.
func allow(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	say(w, `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`)
}

// signed tells whether a callback comes from whoever knows the token, and does now.
func (b *Bridge) signed(query url.Values) bool {
	if b.CallbackToken == "" {
		return true
	}
	at, err := strconv.ParseInt(query.Get("RequestTime"), 10, 64)
	if err != nil || b.Now().Sub(time.Unix(at, 0)).Abs() > maxSkew {
		return false
	}
	sum := sha256.Sum256([]byte(b.CallbackToken + query.Get("RequestTime")))
	want := hex.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(want), []byte(query.Get("Sign"))) == 1
}
