//go:build linux

package crowd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// takeAtOnce is the most that one system call throws away.
	takeAtOnce = 1 << 20
	// eventsAtOnce is how many sockets one system call tells of.
	eventsAtOnce = 512
	// pollTime is how long the reader sleeps at most before it looks for its end.
	pollTime = 50 * time.Millisecond
)

// What the reader knows of a socket besides its number.
const (
	waiting = iota // for the head of its response
	watching
)

// FLV are viewers of HTTP-FLV that throw away what they get, without copying it (tcp(7), MSG_TRUNC). One goroutine
// reads for all. Join and the figures may be used while it runs.
type FLV struct {
	poll    int
	sockets []int // of Join and Close only

	bytes                   atomic.Uint64
	joined, refused, closed atomic.Int64
}

// NewFLV is a crowd of nobody.
func NewFLV() (*FLV, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot poll: %w", err)
	}
	return &FLV{poll: poll}, nil
}

// Join lets one more viewer ask for http://addr/path. It does not wait for the answer.
func (c *FLV) Join(addr, path string) error { return c.join(addr, path, unix.EPOLLIN|unix.EPOLLRDHUP) }

// JoinAsleep lets one more viewer ask, that never reads.
func (c *FLV) JoinAsleep(addr, path string) error { return c.join(addr, path, 0) }

func (c *FLV) join(addr, path string, events uint32) error {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	c.sockets = append(c.sockets, s)
	// On loopback this waits for nobody.
	if err := unix.Connect(s, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	if _, err := unix.Write(s, request(addr, path)); err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	if err := unix.SetNonblock(s, true); err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	if err := unix.EpollCtl(c.poll, unix.EPOLL_CTL_ADD, s, &unix.EpollEvent{Events: events, Fd: int32(s), Pad: waiting}); err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	return nil
}

// Bytes is how many came so far.
func (c *FLV) Bytes() uint64 { return c.bytes.Load() }

// Joined is how many got an answer of 200, Refused another one.
func (c *FLV) Joined() int { return int(c.joined.Load()) }

// Refused is described at Joined.
func (c *FLV) Refused() int { return int(c.refused.Load()) }

// Closed is how many were let down by the server.
func (c *FLV) Closed() int { return int(c.closed.Load()) }

// Run reads until ctx ends, which is no error.
func (c *FLV) Run(ctx context.Context) error {
	// Its system calls do not wait, so nobody else need take the thread over.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var events [eventsAtOnce]unix.EpollEvent
	for ctx.Err() == nil {
		n, err := unix.EpollWait(c.poll, events[:], int(pollTime.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("cannot poll: %w", err)
		}
		for i := range max(n, 0) {
			c.read(&events[i])
		}
	}
	return nil
}

// read takes what there is of one socket.
func (c *FLV) read(e *unix.EpollEvent) {
	var n int
	var err unix.Errno
	if e.Pad == waiting && e.Events&unix.EPOLLIN != 0 {
		n, err = c.readHead(e)
	} else {
		var none byte
		n, err = receive(e.Fd, &none, takeAtOnce, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
	}
	switch {
	case n > 0:
		c.bytes.Add(uint64(n))
	case n == 0 || err != unix.EAGAIN && err != unix.EINTR:
		c.closed.Add(1)
		_ = unix.EpollCtl(c.poll, unix.EPOLL_CTL_DEL, int(e.Fd), nil) // it is there
	}
}

// readHead takes the beginning of a response.
func (c *FLV) readHead(e *unix.EpollEvent) (int, unix.Errno) {
	var buf [64]byte
	n, err := receive(e.Fd, &buf[0], len(buf), unix.MSG_DONTWAIT)
	if n <= 0 {
		return n, err
	}
	if bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 200")) {
		c.joined.Add(1)
	} else {
		c.refused.Add(1)
	}
	_ = unix.EpollCtl(c.poll, unix.EPOLL_CTL_MOD, int(e.Fd), &unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: e.Fd, Pad: watching,
	}) // it is there
	return n, 0
}

// receive is recv(2), without the scheduler: it does not wait.
func receive(fd int32, buf *byte, size, flags int) (int, unix.Errno) {
	n, _, err := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(buf)), uintptr(size), uintptr(flags), 0, 0)
	if err != 0 {
		return -1, err
	}
	return int(n), 0
}

// Close lets everybody leave. Run must be over.
func (c *FLV) Close() {
	for _, s := range c.sockets {
		_ = unix.Close(s)
	}
	_ = unix.Close(c.poll)
}
