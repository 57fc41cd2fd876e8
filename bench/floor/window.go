//go:build linux

package floor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// members are the sockets that every window is written to.
type members struct {
	mu  sync.Mutex // guards all
	all []member
}

type member struct {
	conn net.Conn
	fd   int
}

// Window answers whoever connects as members of the room channel expect it, and from then on writes the same frame to each of
// them, once a window, with one system call that does not wait, until ctx ends, which is no error.
func Window(ctx context.Context, l *net.TCPListener, frame []byte, every time.Duration) error {
	m := &members{}
	defer m.close()
	both, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	both.Go(func() error { return m.accept(l) })
	both.Go(func() error { m.write(ctx, frame, every); return nil })
	return both.Wait()
}

func (m *members) accept(l *net.TCPListener) error {
	for {
		conn, err := l.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot accept: %w", err)
		}
		if err := m.welcome(conn); err != nil {
			_ = conn.Close()
			return err
		}
	}
}

// welcome answers what a member says while it comes in, without looking at it.
func (m *members) welcome(conn *net.TCPConn) error {
	in := bufio.NewReader(conn)
	if _, err := http.ReadRequest(in); err != nil {
		return fmt.Errorf("cannot read a handshake: %w", err)
	}
	for i, answer := range []string{"HTTP/1.1 101 Switching Protocols\r\n\r\n", Text(`"connect":`), Text(`"status":`)} {
		if i > 0 {
			if _, err := in.ReadByte(); err != nil {
				return fmt.Errorf("cannot read a command: %w", err)
			}
			_, _ = in.Discard(in.Buffered())
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return fmt.Errorf("cannot answer: %w", err)
		}
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("cannot take the socket: %w", err)
	}
	return raw.Control(func(fd uintptr) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.all = append(m.all, member{conn, int(fd)})
	})
}

// write writes windows. Who has not taken the one before gets what there is room for.
func (m *members) write(ctx context.Context, frame []byte, every time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m.mu.Lock()
		all := m.all
		m.mu.Unlock()
		for _, one := range all {
			if _, err := unix.Write(one.fd, frame); errors.Is(err, unix.EBADF) {
				return
			}
		}
	}
}

func (m *members) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range m.all {
		_ = one.conn.Close()
	}
}

// Messages is a frame of about that many bytes that members of the room channel take for n messages.
func Messages(n, bytes int) []byte {
	const one = `"TIMTextElem"`
	pad := max(0, bytes/n-len(one))
	return []byte(Text(strings.Repeat(one+strings.Repeat(" ", pad), n)))
}

// Text is a text frame of a server (RFC 6455 5.2).
func Text(text string) string {
	switch n := len(text); {
	case n < 126:
		return string([]byte{0x81, byte(n)}) + text
	case n < 1<<16:
		return string([]byte{0x81, 126, byte(n >> 8), byte(n)}) + text
	default:
		return string([]byte{0x81, 127, 0, 0, 0, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + text
	}
}
