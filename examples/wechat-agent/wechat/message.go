// Package wechat speaks with WeChat about a subscription account: it checks who calls, reads and writes messages, and writes to
// customers by the customer-service interface. It starts no goroutine.
package wechat

import (
	"bytes"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ErrMessage means that a body is no message of WeChat.
var ErrMessage = errors.New("not a message")

// MaxMessage bounds the body of a message, in bytes.
const MaxMessage = 64 << 10

// Verify tells whether a request comes from whoever knows the token: its signature is the SHA-1 of token, timestamp and nonce,
// sorted and put together.
func Verify(token string, query url.Values) bool {
	parts := []string{token, query.Get("timestamp"), query.Get("nonce")}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	want := hex.EncodeToString(sum[:])
	return token != "" && subtle.ConstantTimeCompare([]byte(want), []byte(query.Get("signature"))) == 1
}

// The types of messages, and the events.
const (
	TypeText       = "text"
	TypeImage      = "image"
	TypeVoice      = "voice"
	TypeVideo      = "video"
	TypeShortVideo = "shortvideo"
	TypeLocation   = "location"
	TypeLink       = "link"
	TypeEvent      = "event"

	EventSubscribe   = "subscribe"
	EventUnsubscribe = "unsubscribe"
)

// Message is what a customer sent, or did.
type Message struct {
	XMLName xml.Name `xml:"xml"`
	To      string   `xml:"ToUserName"`   // the subscription account
	From    string   `xml:"FromUserName"` // the customer
	Time    int64    `xml:"CreateTime"`   // Unix seconds
	Type    string   `xml:"MsgType"`
	Event   string   `xml:"Event"` // of TypeEvent
	Content string   `xml:"Content"`
	ID      string   `xml:"MsgId"` // empty for events
}

// Key names a message, which WeChat sends up to three times while nobody answers.
func (m Message) Key() string {
	if m.ID != "" {
		return m.ID
	}
	return fmt.Sprint(m.From, " ", m.Time, " ", m.Event)
}

// Parse reads a message. Document types, and with them entities, are refused.
//
// Errors: ErrMessage.
func Parse(body []byte) (Message, error) {
	var m Message
	if len(body) > MaxMessage {
		return m, fmt.Errorf("%w: more than %d bytes", ErrMessage, MaxMessage)
	}
	d := xml.NewTokenDecoder(plain{xml.NewDecoder(bytes.NewReader(body))})
	if err := d.Decode(&m); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if m.From == "" || m.To == "" || m.Type == "" {
		return Message{}, fmt.Errorf("%w: it has no sender, recipient or type", ErrMessage)
	}
	return m, nil
}

// plain passes tokens on that are no directive.
type plain struct{ *xml.Decoder }

var errDirective = errors.New("a directive")

func (p plain) Token() (xml.Token, error) {
	t, err := p.Decoder.Token()
	if _, ok := t.(xml.Directive); ok {
		return nil, errDirective
	}
	return t, err
}

// reply is a text for a customer, as the answer to the customer's message.
type reply struct {
	XMLName xml.Name `xml:"xml"`
	To      cdata    `xml:"ToUserName"`
	From    cdata    `xml:"FromUserName"`
	Time    int64    `xml:"CreateTime"`
	Type    cdata    `xml:"MsgType"`
	Content cdata    `xml:"Content"`
}

type cdata struct {
	Text string `xml:",cdata"`
}

// Reply is the answer to a message that says something to its sender.
func (m Message) Reply(text string, now time.Time) ([]byte, error) {
	return xml.Marshal(reply{To: cdata{m.From}, From: cdata{m.To}, Time: now.Unix(), Type: cdata{TypeText}, Content: cdata{text}})
}
