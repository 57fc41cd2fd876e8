//go:build linux

package crowd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxMembersRead is what one system call reads of a member's socket: more than a window of messages.
	maxMembersRead = 64 << 10
	// memberTimeout is how long a member waits for each answer while it comes in.
	memberTimeout = 30 * time.Second
)

// What members look for in what they get.
var (
	memberPings   = [][]byte{[]byte("\x81\x02{}"), []byte("\n{}"), []byte("{}\n")} // alone, or in a frame with others
	memberPong    = []byte("\x81\x82\x00\x00\x00\x00{}")                           // masked with nothing
	memberMessage = []byte(`"TIMTextElem"`)
	memberStamp   = []byte(`"Text":"t`)
)

// ErrMember means that the server did not let a member in.
var ErrMember = errors.New("the server did not let a member in")

// Members are anonymous viewers in one room of the channel. One goroutine reads for all, counts messages and answers
// pings; the messages of the first ones tell how long they took: a text begins with t and the Unix time in
// nanoseconds at which it was sent. Join and the figures may be used while it runs.
type Members struct {
	poll    int
	sockets []int        // of Join and Close only
	probes  atomic.Int32 // members of the first so many sockets tell how long messages took
	read    []byte

	bytes, messages atomic.Uint64
	closed          atomic.Int64

	mu     sync.Mutex // guards delays
	delays []float64  // in milliseconds
}

// NewMembers are nobody.
func NewMembers() (*Members, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot poll: %w", err)
	}
	return &Members{poll: poll, read: make([]byte, maxMembersRead)}, nil
}

// Join lets one more member come in: the handshake of the WebSocket, the login and the room.
func (m *Members) Join(addr, room string) error {
	s, err := m.dial(addr)
	if err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	head := "GET /im HTTP/1.1\r\nHost: " + addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	for _, step := range []struct {
		says   []byte
		expect string
	}{
		{[]byte(head), " 101 "},
		{memberFrame(`{"id":1,"connect":{}}`), `"connect":`},
		{memberFrame(fmt.Sprintf(`{"id":2,"rpc":{"method":"room.enter","data":{"room":%q}}}`, room)), `"status":`},
	} {
		if err := exchange(s, step.says, step.expect); err != nil {
			return fmt.Errorf("cannot join: %w", err)
		}
	}
	if err := unix.SetNonblock(s, true); err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	event := &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(s), Pad: int32(len(m.sockets))} //nolint:gosec // descriptors are small
	if err := unix.EpollCtl(m.poll, unix.EPOLL_CTL_ADD, s, event); err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	return nil
}

func (m *Members) dial(addr string) (int, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return 0, err
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	m.sockets = append(m.sockets, s)
	limit := unix.NsecToTimeval(memberTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(s, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return 0, err
	}
	return s, unix.Connect(s, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
}

// exchange says something and waits until what is expected has come.
func exchange(s int, says []byte, expect string) error {
	if _, err := unix.Write(s, says); err != nil {
		return err
	}
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(got, []byte(expect)) {
		n, err := unix.Read(s, buf)
		if errors.Is(err, unix.EINTR) { // with a timeout it is not begun anew by itself (signal(7))
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 || len(got) > maxMembersRead || bytes.Contains(got, []byte(`"error"`)) {
			return fmt.Errorf("%w: %.200q", ErrMember, got)
		}
		got = append(got, buf[:n]...)
	}
	return nil
}

// memberFrame is a text frame of a client (RFC 6455 5.2), masked with nothing.
func memberFrame(text string) []byte {
	head := []byte{0x81, 0x80 | byte(min(len(text), 126))}
	if len(text) >= 126 {
		head = binary.BigEndian.AppendUint16(head, uint16(len(text))) //nolint:gosec // commands are short
	}
	return append(append(head, 0, 0, 0, 0), text...)
}

// Probe lets that many members tell how long messages take from now on, and forgets what was told.
func (m *Members) Probe(n int) {
	m.probes.Store(int32(n)) //nolint:gosec // a few
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delays = nil
}

// Delays are what the probes told, in milliseconds.
func (m *Members) Delays() []float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]float64(nil), m.delays...)
}

// Bytes and Messages are how many came so far to all members, Closed how many members the server let down.
func (m *Members) Bytes() uint64 { return m.bytes.Load() }

// Messages is described at Bytes.
func (m *Members) Messages() uint64 { return m.messages.Load() }

// Closed is described at Bytes.
func (m *Members) Closed() int { return int(m.closed.Load()) }

// Run reads until ctx ends, which is no error.
func (m *Members) Run(ctx context.Context) error {
	runtime.LockOSThread() // its system calls do not wait, so nobody else need take the thread over
	defer runtime.UnlockOSThread()
	var events [eventsAtOnce]unix.EpollEvent
	for ctx.Err() == nil {
		n, err := unix.EpollWait(m.poll, events[:], int(pollTime.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("cannot poll: %w", err)
		}
		for i := range max(n, 0) {
			m.take(&events[i])
		}
	}
	return nil
}

// take reads what there is of one member's socket.
func (m *Members) take(e *unix.EpollEvent) {
	n, err := receive(e.Fd, &m.read[0], len(m.read), unix.MSG_DONTWAIT)
	if n <= 0 {
		if n == 0 || err != unix.EAGAIN && err != unix.EINTR {
			m.closed.Add(1)
			_ = unix.EpollCtl(m.poll, unix.EPOLL_CTL_DEL, int(e.Fd), nil) // it is there
		}
		return
	}
	got := m.read[:n]
	m.bytes.Add(uint64(n)) //nolint:gosec // it is positive
	m.messages.Add(uint64(bytes.Count(got, memberMessage)))
	if slices.ContainsFunc(memberPings, func(ping []byte) bool { return bytes.Contains(got, ping) }) {
		_, _ = unix.Write(int(e.Fd), memberPong) // who cannot be told is cut, and counted then
	}
	if e.Pad < m.probes.Load() {
		m.look(got, time.Now())
	}
}

// look notes how long the messages took that came.
func (m *Members) look(got []byte, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		_, rest, ok := bytes.Cut(got, memberStamp)
		if !ok {
			return
		}
		stamp, after, _ := bytes.Cut(rest, []byte(" "))
		if at, err := strconv.ParseInt(string(stamp), 10, 64); err == nil {
			m.delays = append(m.delays, float64(now.UnixNano()-at)/1e6)
		}
		got = after
	}
}

// Close lets everybody leave. Run must be over.
func (m *Members) Close() {
	for _, s := range m.sockets {
		_ = unix.Close(s)
	}
	_ = unix.Close(m.poll)
}
