// Package bridge connects the customers of a WeChat subscription account with an agent in the room system: what they write
// becomes a message to the agent, and what the agent answers is written to them. It starts no goroutine.
package bridge

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"weir/examples/wechat-agent/im"
	"weir/examples/wechat-agent/wechat"
)

// What customers and the agent read.
const (
	// Inquiry stands before what a customer wrote.
	Inquiry = "Inquiry from a WeChat subscription account: "
	// Welcome greets who subscribes, Transferring answers an inquiry, Later says that it did not work.
	Welcome      = "Welcome! Write to us and an agent will answer."
	Transferring = "Transferring you to an agent, please wait."
	Later        = "No agent can be reached now, please write again later."
)

// success is what WeChat takes for an answer without content.
const success = "success"

// timeout bounds what is done for one request: WeChat waits five seconds.
const timeout = 4 * time.Second

// rooms is the room system as far as it is needed; *im.Client is one.
type rooms interface {
	ImportAccount(ctx context.Context, id string) error
	DeleteAccount(ctx context.Context, id string) error
	SendText(ctx context.Context, from, to, text string) error
}

// customers can be written to; *wechat.Client does.
type customers interface {
	Send(ctx context.Context, to, text string) error
}

// Bridge answers WeChat at / and the room system's callbacks at /imcallback. All fields are required, CallbackToken excepted.
type Bridge struct {
	Token         string // shared with WeChat
	CallbackToken string // shared with the room system; empty: its callbacks are not signed
	App           int    // of the room system
	Agent         string // the account that answers customers
	Rooms         rooms
	Customers     customers
	Now           func() time.Time
	Log           *slog.Logger

	known known // customers whose accounts exist
	done  known // messages and callbacks that were dealt with
}

// Handler is the whole interface.
func (b *Bridge) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.verify)
	mux.HandleFunc("POST /{$}", b.message)
	mux.HandleFunc("POST /imcallback", b.callback)
	return mux
}

// verify answers the question by which WeChat finds out whether the server is ours.
func (b *Bridge) verify(w http.ResponseWriter, r *http.Request) {
	if !wechat.Verify(b.Token, r.URL.Query()) {
		refuse(w)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	say(w, r.URL.Query().Get("echostr"))
}

// refuse is the answer to who does not know the token: there is nothing here.
func refuse(w http.ResponseWriter) {
	w.WriteHeader(http.StatusNotFound)
	say(w, "404 not found")
}

// say writes an answer. Whoever asked may be gone, which is nobody's fault.
func say(w io.Writer, text string) { _, _ = io.WriteString(w, text) }

// message takes what a customer did or wrote. What is no message is answered as well, or WeChat would repeat it.
func (b *Bridge) message(w http.ResponseWriter, r *http.Request) {
	if !wechat.Verify(b.Token, r.URL.Query()) {
		refuse(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wechat.MaxMessage))
	if err != nil {
		say(w, success)
		return
	}
	m, err := wechat.Parse(body)
	if err != nil {
		b.Log.Warn("no message", "error", err)
		say(w, success)
		return
	}
	if !b.done.add(m.Key(), b.Now()) { // WeChat repeats what takes long
		say(w, success)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	b.answer(w, m, b.take(ctx, m))
}

// answer replies to a message; without a text it only confirms it.
func (b *Bridge) answer(w http.ResponseWriter, m wechat.Message, text string) {
	if text == "" {
		say(w, success)
		return
	}
	body, err := m.Reply(text, b.Now())
	if err != nil {
		b.Log.Error("no reply", "error", err)
		say(w, success)
		return
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	_, _ = w.Write(body) // see say
}

// take deals with a message and says what its sender is told.
func (b *Bridge) take(ctx context.Context, m wechat.Message) (reply string) {
	switch m.Type {
	case wechat.TypeEvent:
		return b.event(ctx, m)
	case wechat.TypeText:
		return b.inquiry(ctx, m)
	case wechat.TypeImage, wechat.TypeVoice, wechat.TypeVideo, wechat.TypeShortVideo, wechat.TypeLocation, wechat.TypeLink:
		b.Log.Info("not transferred", "type", m.Type)
	default:
		b.Log.Warn("unknown type", "type", m.Type)
	}
	return ""
}

// event is that a customer came or left.
func (b *Bridge) event(ctx context.Context, m wechat.Message) (reply string) {
	switch m.Event {
	case wechat.EventSubscribe:
		if err := b.importCustomer(ctx, m.From); err != nil {
			b.Log.Error("customer not imported", "error", err)
		}
		return Welcome
	case wechat.EventUnsubscribe:
		if err := b.Rooms.DeleteAccount(ctx, m.From); err != nil {
			b.Log.Error("customer not deleted", "error", err)
		}
		b.known.remove(m.From)
	}
	return ""
}

// inquiry hands what a customer wrote to the agent, in the customer's name, so that the agent's answer finds its way back.
func (b *Bridge) inquiry(ctx context.Context, m wechat.Message) (reply string) {
	err := b.importCustomer(ctx, m.From)
	if err == nil {
		err = b.Rooms.SendText(ctx, m.From, b.Agent, Inquiry+m.Content)
	}
	var refusal *im.Error
	if errors.As(err, &refusal) {
		b.known.remove(m.From) // the account may have been deleted by somebody else
	}
	if err != nil {
		b.Log.Error("inquiry not transferred", "error", err)
		return Later
	}
	return Transferring
}

// importCustomer makes sure that a customer has an account: who subscribed before this program ran has one, but nobody remembers.
func (b *Bridge) importCustomer(ctx context.Context, id string) error {
	if b.known.has(id, b.Now()) {
		return nil
	}
	if err := b.Rooms.ImportAccount(ctx, id); err != nil {
		return err
	}
	b.known.add(id, b.Now())
	return nil
}
