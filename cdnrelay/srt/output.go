package srt

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"weir/cdnrelay/push"
	"weir/room/dial"
)

// Output connects to SRT listeners. It is safe for concurrent use.
type Output struct{}

// repeat is the pace at which a handshake is sent again (draft 4.3.1).
const repeat = 250 * time.Millisecond

// Open implements push.Output.
func (Output) Open(ctx context.Context, t push.Target) (push.Session, error) {
	set, err := parse(t.URL)
	if err != nil {
		return nil, err
	}
	if err := t.Stream.Ready(ctx); err != nil {
		return nil, err
	}
	if err := fits(t.Stream.Tracks()); err != nil {
		return nil, err
	}
	source, err := units(t.Stream, t.Audio)
	if err != nil {
		return nil, err
	}
	addresses, err := addressesOf(ctx, t.URL)
	if err != nil {
		return nil, failure(ctx, err)
	}
	s, err := reach(ctx, &t, &set, source, addresses)
	if err != nil {
		return nil, err
	}
	s.start()
	return s, nil
}

// newSession draws the numbers that the session begins with.
func newSession(conn net.Conn, t *push.Target, source source) *session {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	s := &session{conn: conn, target: t, source: source, began: time.Now(), socket: binary.BigEndian.Uint32(b[:]) | 1}
	s.window.next = binary.BigEndian.Uint32(b[4:]) & sequenceMask
	s.window.oldest = s.window.next
	return s
}

// shake agrees with the listener (draft 4.3.1): an induction that proves this side's address, then the conclusion.
func (s *session) shake(ctx context.Context, set *settings) error {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Now()) })
	defer stop()
	ours := handshake{
		version: 4, fields: 2, sequence: s.window.next, mtu: 1500, window: flowWindow, kind: induction, socket: s.socket,
	}
	answer, err := s.ask(ctx, &ours)
	if err != nil {
		return err
	}
	if err := answer.checkInduction(); err != nil {
		return err
	}
	ours.version, ours.fields, ours.kind, ours.cookie = 5, flagHS, conclusion, answer.cookie
	ours.hello = helloOf(uint16(set.latency.Milliseconds())) //nolint:gosec // of maxLatency at most
	if ours.sid = set.streamID; ours.sid != "" {
		ours.fields |= flagConfig
	}
	if set.passphrase != "" {
		if s.secrecy, err = newSecrecy(set.keySize); err != nil {
			return err
		}
		if ours.key, err = s.secrecy.message(set.passphrase); err != nil {
			return err
		}
		ours.fields |= flagKM
		ours.encryption = uint16(set.keySize / 8) //nolint:gosec // 16 to 32
	}
	if answer, err = s.ask(ctx, &ours); err != nil {
		return err
	}
	s.peer = answer.socket
	if err := answer.checkConclusion(s.secrecy != nil); err != nil {
		return err
	}
	s.latency = min(max(set.latency, answer.latency()), maxLatency)
	return nil
}

// ask sends a handshake again and again until one answers it that is not of the stage before.
func (s *session) ask(ctx context.Context, h *handshake) (*handshake, error) {
	var buf [maxPacket]byte
	content := appendHandshake(nil, h)
	for {
		if err := s.write(&control{kind: typeHandshake, content: content}); err != nil {
			return nil, failure(ctx, err)
		}
		until := time.Now().Add(repeat)
		for {
			if err := s.conn.SetReadDeadline(until); err != nil {
				return nil, failure(ctx, err)
			}
			if ctx.Err() != nil { // the deadline of its end was overwritten
				return nil, failure(ctx, context.Cause(ctx))
			}
			n, err := s.conn.Read(buf[:])
			if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
				break
			}
			if err != nil {
				return nil, failure(ctx, err)
			}
			c, ok := parseControl(buf[:n])
			if !ok || c.kind != typeHandshake || c.to != s.socket {
				continue
			}
			answer, err := parseHandshake(c.content)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", push.ErrProtocol, err)
			}
			if h.kind == conclusion && answer.kind == induction { // to an induction that was sent twice
				continue
			}
			return &answer, nil
		}
	}
}

// failure is why there is no connection.
func failure(ctx context.Context, err error) error {
	kind := push.ErrConnect
	switch {
	case errors.Is(err, dial.ErrAddress):
		kind = push.ErrAddress
	case ctx.Err() != nil:
		kind = push.ErrTimeout
	}
	return fmt.Errorf("%w: %w", kind, err)
}
