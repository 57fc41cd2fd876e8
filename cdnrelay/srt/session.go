package srt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"weir/cdnrelay/push"
	"weir/mux/mpegts"
	"weir/room/live"
)

const (
	tick = 250 * time.Millisecond
	// keepAlive is after what silence this side says that it is there (draft 3.2.3).
	keepAlive = time.Second
	// silence is how long the listener may say nothing, where the target allows less (draft 4.5: 5 s).
	silence = 5 * time.Second
	// maxNumbers is how many packets one key encrypts (draft 6.1.6: before sequence numbers come again); then there is a new
	// connection with a new one.
	maxNumbers = 1 << 30
	// burst is how many packets leave at once, and pause the time before the next: the pictures that a receiver begins with
	// would else be more than sockets hold.
	burst = 32
	pause = time.Millisecond
	// againEvery is how soon a packet is sent again once more.
	againEvery = 10 * time.Millisecond
	maxRepairs = 1024
)

type source = live.Source[*mpegts.Unit]

// session is a stream at one listener.
type session struct {
	conn    net.Conn
	target  *push.Target
	source  source
	secrecy *secrecy // nil: without
	began   time.Time
	socket  uint32 // of this side
	peer    uint32
	latency time.Duration // how long the listener holds a packet before it gives it out

	life context.Context //nolint:containedctx // over when the connection is, with the reason as its cause
	end  context.CancelCauseFunc
	gone chan struct{} // closed when listen is over

	sending sync.Mutex // guards the fields below, which Send and listen share
	window  window
	count   uint32 // packets of data
	repairs int    // packets that may be sent again: as many as were sent, so that a listener cannot ask for floods
	lastOut time.Time
	newest  time.Time // when the newest packet of data left for the first time
	buf     []byte
}

var (
	errShutdown = errors.New("the listener has closed it")
	errOver     = errors.New("the session is over")
)

// start begins to listen to what comes back.
func (s *session) start() {
	s.life, s.end = context.WithCancelCause(context.Background())
	s.gone = make(chan struct{})
	s.lastOut = time.Now()
	go func() {
		defer close(s.gone)
		s.end(s.listen())
	}()
}

// Send implements push.Session.
func (s *session) Send(ctx context.Context, p *push.Progress) error {
	r := s.source.NewReader(s.target.Reader)
	defer r.Close()
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life, func() { cancel(context.Cause(s.life)) })()
	err := push.Forward(both, r, p, s.target.MaxLags, func(units []*mpegts.Unit) error {
		if err := fits(r.Tracks()); err != nil {
			return err
		}
		for _, u := range units {
			size, err := s.unit(both, u)
			if err != nil {
				return err
			}
			p.Sent(1, size, u.DTS)
		}
		return nil
	}, nil)
	if errors.Is(err, live.ErrEnded) {
		s.linger(both) // nobody is in a hurry yet, as whoever calls Close may be
	}
	return err
}

// unit sends an access unit and returns the bytes that this took.
func (s *session) unit(ctx context.Context, u *mpegts.Unit) (size int, err error) {
	sent := 0
	for data := u.Data; len(data) > 0; sent++ {
		payload := data[:min(payloadSize, len(data))]
		data = data[len(payload):]
		if err := s.data(payload); err != nil {
			return size, err
		}
		if size += headerSize + len(payload); sent%burst != burst-1 {
			continue
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return size, context.Cause(ctx)
		}
	}
	return size, nil
}

// data sends the next packet.
func (s *session) data(payload []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.count++; s.count > maxNumbers {
		return fmt.Errorf("%w: the key is worn out", push.ErrChanged)
	}
	s.repairs = min(s.repairs+1, maxRepairs)
	s.newest = time.Now()
	return s.transmitLocked(s.window.add(payload, messageNumber(s.count), s.now(), s.newest), 0)
}

// transmitLocked sends a packet for the first time or once more.
func (s *session) transmitLocked(p *sent, flags uint32) error {
	flags |= solo
	if s.secrecy != nil {
		flags |= evenKey
	}
	s.buf = appendData(s.buf[:0], p.sequence, flags|p.number, p.stamp, s.peer)
	s.buf = append(s.buf, p.payload...)
	if s.secrecy != nil {
		s.secrecy.apply(s.buf[headerSize:], p.sequence)
	}
	s.lastOut = time.Now()
	return s.raw(s.buf)
}

// raw sends a packet. Nobody listens any more where the system says so (ICMP). One for which there is no room is lost as it would be on the network.
func (s *session) raw(b []byte) error {
	_, err := s.conn.Write(b)
	if errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: %w", push.ErrClosed, err)
	}
	return nil
}

// write sends a control packet.
func (s *session) write(c *control) error {
	return s.raw(appendControl(make([]byte, 0, headerSize+len(c.content)), c, s.now()))
}

// now is the time in the packets: microseconds since the connection began.
func (s *session) now() uint32 { return uint32(time.Since(s.began).Microseconds()) } //nolint:gosec // wraps (draft 3)

// listen takes what the listener says, until the connection is over; it returns why.
func (s *session) listen() error {
	var buf [maxPacket]byte
	heard := time.Now()
	patience := silence
	if t := s.target.WriteTimeout; t > 0 {
		patience = min(patience, t)
	}
	for s.life.Err() == nil {
		if time.Since(heard) > patience {
			return fmt.Errorf("%w: nothing was heard for %v", push.ErrTimeout, patience)
		}
		if err := s.conn.SetReadDeadline(time.Now().Add(tick)); err != nil {
			return fmt.Errorf("%w: %w", push.ErrClosed, err)
		}
		n, err := s.conn.Read(buf[:])
		switch {
		case err == nil:
			c, ok := parseControl(buf[:n])
			if !ok || c.to != s.socket {
				break
			}
			heard = time.Now()
			if err := s.take(&c); err != nil {
				return err
			}
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("%w: %w", push.ErrClosed, err)
		}
		if err := s.stay(); err != nil {
			return err
		}
	}
	return context.Cause(s.life)
}

// stay says that this side is there when it has nothing else to say.
func (s *session) stay() error {
	s.sending.Lock()
	quiet := time.Since(s.lastOut) >= keepAlive
	if quiet {
		s.lastOut = time.Now()
	}
	s.sending.Unlock()
	if !quiet {
		return nil
	}
	return s.write(&control{kind: typeKeepAlive, to: s.peer})
}

// take acts on a control packet.
func (s *session) take(c *control) error {
	switch c.kind {
	case typeACK:
		if len(c.content) < 4 {
			return nil
		}
		s.sending.Lock()
		s.window.acknowledged(binary.BigEndian.Uint32(c.content) & sequenceMask)
		s.sending.Unlock()
		if c.information == 0 { // draft 3.2.4: a light one
			return nil
		}
		return s.write(&control{kind: typeACKACK, information: c.information, to: s.peer})
	case typeNAK:
		var err error
		left := flowWindow // a packet may name that many numbers a hundred times
		losses(c.content, func(first, last uint32) { err = errors.Join(err, s.repair(first, last, &left)) })
		return err
	case typeShutdown:
		return fmt.Errorf("%w: %w", push.ErrClosed, errShutdown)
	}
	return nil
}

// repair sends again what was lost of a range, as far as it is held and was not sent again just now. It looks at no more numbers
// than are left.
func (s *session) repair(first, last uint32, left *int) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	n := distance(first, last)
	if n < 0 || n >= flowWindow {
		return nil
	}
	now := time.Now()
	for i := range uint32(n) + 1 {
		if *left == 0 || s.repairs == 0 {
			return nil
		}
		*left--
		p := s.window.find((first + i) & sequenceMask)
		if p == nil || now.Sub(p.at) < againEvery {
			continue
		}
		p.at = now
		s.repairs--
		if err := s.transmitLocked(p, again); err != nil {
			return err
		}
	}
	return nil
}

// Close implements push.Session. A listener that is told of the end lets go of what it holds, so that is said when it has
// given out the newest packet.
func (s *session) Close(ctx context.Context) {
	s.linger(ctx)
	_ = s.write(&control{kind: typeShutdown, to: s.peer, content: make([]byte, 4)})
	s.end(errOver)
	_ = s.conn.Close()
	<-s.gone
}

// linger waits until the newest packet was held for the latency (draft 4.5), and for half as long again on its way.
func (s *session) linger(ctx context.Context) {
	s.sending.Lock()
	left := time.Until(s.newest.Add(s.latency * 3 / 2))
	s.sending.Unlock()
	if left <= 0 {
		return
	}
	wait := time.NewTimer(left)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-s.life.Done():
	case <-ctx.Done():
	}
}
