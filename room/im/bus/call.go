package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/centrifugal/centrifuge"

	"weir/room/im"
)

const (
	// maxWaiting are the calls of one session that wait while one is answered.
	maxWaiting = 32
	// callTimeout is how long one call may take.
	callTimeout = 10 * time.Second
)

// guard lets clients connect, call and answer pings, as often as they may. They never choose a channel or publish.
func (b *Bus) guard(c *centrifuge.Client, e centrifuge.CommandReadEvent) error {
	switch {
	case e.Command.Connect != nil || e.Command.Ping != nil:
		return nil
	case e.Command.Rpc != nil:
		return b.guardRate(c)
	default:
		return centrifuge.ErrorPermissionDenied
	}
}

func (b *Bus) guardRate(c *centrifuge.Client) error {
	s := visitorOf(c.Context()).session
	if s == nil {
		return centrifuge.ErrorPermissionDenied
	}
	s.calls.mu.Lock()
	verdict := s.calls.rate.take(b.o.Now(), float64(b.o.CallsPerSecond))
	s.calls.mu.Unlock()
	switch verdict {
	case refuse:
		b.stats.refused("too_often")
		return toClient(im.ErrTooOften)
	case cut:
		return ReasonFlood.disconnect()
	default:
		return nil
	}
}

// call puts a call behind those before it. The answer comes from another goroutine: one call may take its time without
// keeping the connection from being read.
func (b *Bus) call(s *Session, _ *centrifuge.Client, e centrifuge.RPCEvent, done centrifuge.RPCCallback) {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	if len(s.calls.waiting) >= maxWaiting {
		b.stats.refused("too_often")
		done(centrifuge.RPCReply{}, toClient(im.ErrTooOften))
		return
	}
	s.calls.waiting = append(s.calls.waiting, call{e.Method, bytes.Clone(e.Data), done})
	if !s.calls.running && b.begin() {
		s.calls.running = true
		go b.answer(s)
	}
}

// answer answers the calls of a session until none waits.
func (b *Bus) answer(s *Session) {
	defer b.work.Done()
	for {
		next, ok := s.calls.next()
		if !ok {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		result, err := b.o.Call(ctx, s, next.method, next.params)
		cancel()
		data, err := b.encode(next.method, result, err)
		next.done(centrifuge.RPCReply{Data: data}, err)
	}
}

func (c *calls) next() (call, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		c.waiting, c.running = nil, false
		return call{}, false
	}
	next := c.waiting[0]
	c.waiting = c.waiting[1:]
	return next, true
}

func (b *Bus) encode(method string, result any, err error) ([]byte, error) {
	if err == nil && result == nil {
		return []byte("{}"), nil
	}
	var data []byte
	if err == nil {
		data, err = json.Marshal(result)
	}
	if err == nil {
		return data, nil
	}
	e, ok := errors.AsType[*im.Error](err)
	if !ok || e.Number == im.ErrInternal.Number {
		b.o.Log.Error("cannot answer a call", "method", method, "error", err)
		e = im.ErrInternal
	}
	return nil, toClient(e)
}

// toClient is a refusal in the engine's words.
func toClient(e *im.Error) *centrifuge.Error {
	return &centrifuge.Error{Code: uint32(e.Number), Message: e.Info} //nolint:gosec // numbers are positive
}
