package httpflv

import (
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// connSink writes to a connection that was taken from net/http.
type connSink struct {
	conn    net.Conn
	raw     syscall.RawConn // nil where a pump cannot write to it (TLS)
	framing framing
	timeout time.Duration
	talk    *talk // what the client says; nil where it says nothing (HTTP)
}

func newConnSink(conn net.Conn, f framing, timeout time.Duration) *connSink {
	s := &connSink{conn: conn, framing: f, timeout: timeout}
	if tcp, ok := conn.(*net.TCPConn); ok {
		s.raw = pumpable(tcp)
	} else if outer, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = outer.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		bound(tcp)
	}
	return s
}

func (s *connSink) write(b [][]byte) error {
	if err := s.reply(); err != nil {
		return err
	}
	f := scratch.Get().(*framed)
	defer scratch.Put(f)
	defer f.clear() // hold nothing while waiting
	return s.send(f.set(s.framing, b))
}

// send sends what is framed already. It consumes the slices.
func (s *connSink) send(b net.Buffers) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	if _, ok := s.conn.(*net.TCPConn); ok {
		_, err := b.WriteTo(s.conn)
		return err
	}
	f := scratch.Get().(*framed)
	defer scratch.Put(f)
	_, err := s.conn.Write(f.join(b))
	return err
}

// reply answers the client's last ping, if there is one that was not answered.
func (s *connSink) reply() error {
	if !s.talk.asks() {
		return nil
	}
	return s.send(net.Buffers{*s.talk.pong.Swap(nil)})
}

// close ends the response properly when it is whole, and cuts it otherwise.
func (s *connSink) close(reason error) {
	end := s.framing.end(reason)
	if s.talk != nil && end == nil {
		end = s.talk.farewell()
	}
	if end != nil {
		s.finish(end)
	}
	_ = s.conn.Close()
	if s.talk != nil {
		<-s.talk.done
	}
}

// finish sends what ends the response. A client that does not take it learns it from the close.
func (s *connSink) finish(end []byte) {
	if s.send(net.Buffers{end}) == nil && s.talk != nil {
		_ = s.conn.SetReadDeadline(time.Now().Add(closeWait)) // RFC 6455 7.1.1: the answer is awaited
		<-s.talk.done
		s.linger()
	}
}

// maxUnread is how much of what a client still sends is waited for, in bytes.
const maxUnread = 64 << 10

// linger lets the client see what was sent last: a connection that is closed with something unread is reset, and the
// client may lose what it has not read (RFC 9112 9.6).
func (s *connSink) linger() {
	if half, ok := s.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, s.conn, maxUnread)
	}
}

// framed is one write in the form of the connection.
type framed struct {
	all    net.Buffers
	size   int
	first  []byte // scratch: what stands before the rest
	joined []byte // scratch
}

// scratch are framed, for writes that are over before the next one begins.
var scratch = sync.Pool{New: func() any { return new(framed) }}

// set frames b; what it returns is good until the next set.
func (f *framed) set(form framing, b [][]byte) net.Buffers {
	f.size = size(b)
	f.all = f.all[:0]
	if f.first = form.head(f.first[:0], f.size); len(f.first) > 0 {
		f.all = append(f.all, f.first)
	}
	f.all = append(f.all, b...)
	if tail := form.tail(); len(tail) > 0 {
		f.all = append(f.all, tail)
		f.size += len(tail)
	}
	f.size += len(f.first)
	return f.all
}

// size is how many bytes the slices have together.
func size(b [][]byte) (n int) {
	for _, t := range b {
		n += len(t)
	}
	return n
}

// join returns the slices as one, for connections that take no vector. It is good until the next join.
func (f *framed) join(b [][]byte) []byte {
	f.joined = f.joined[:0]
	for _, t := range b {
		f.joined = append(f.joined, t...)
	}
	return f.joined
}

// rest is what follows the first n bytes, in slices of its own.
func (f *framed) rest(n int) net.Buffers {
	var rest net.Buffers
	for i, t := range f.all {
		if n >= len(t) {
			n -= len(t)
			continue
		}
		if t = t[n:]; i == 0 && len(f.first) > 0 {
			t = append([]byte(nil), t...) // the scratch is used again
		}
		rest, n = append(rest, t), 0
	}
	return rest
}

func (f *framed) clear() {
	clear(f.all[:cap(f.all)])
	f.all = f.all[:0]
}
