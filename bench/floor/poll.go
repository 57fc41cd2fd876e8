//go:build linux

package floor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller is the single-threaded form: one loop takes viewers, reads their requests and writes every batch to all.
type poller struct {
	poll, listener int
	greeting       []byte
	viewers        []*pollViewer
	byFD           map[int32]*pollViewer
}

// pollViewer is a socket and what of the last batch it did not take yet.
type pollViewer struct {
	fd   int
	rest []byte
	gone bool
}

// Poll sends the recording to whoever connects, from one thread and without waiting for anybody, until ctx ends,
// which is no error. A viewer that has not taken the batch before gets no other one.
func Poll(ctx context.Context, l *net.TCPListener, rec *Recording, join time.Duration, origin time.Time) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	file, err := l.File()
	if err != nil {
		return fmt.Errorf("cannot take the socket: %w", err)
	}
	defer func() { _ = file.Close() }()
	defer func() { _ = l.Close() }()
	p := &poller{listener: int(file.Fd()), greeting: append([]byte(responseHead), rec.Preamble...), byFD: make(map[int32]*pollViewer)}
	if p.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("cannot poll: %w", err)
	}
	defer p.close()
	if err := unix.SetNonblock(p.listener, true); err != nil {
		return fmt.Errorf("cannot use the socket: %w", err)
	}
	if err := p.watch(p.listener); err != nil {
		return err
	}
	batches := rec.batches(join)
	for i, begin := 0, origin; ctx.Err() == nil; i++ {
		if i == len(batches) {
			i, begin = 0, begin.Add(rec.Length)
		}
		if err := p.until(ctx, begin.Add(batches[i].due)); err != nil {
			return err
		}
		p.send(batches[i].data)
	}
	return nil
}

func (p *poller) watch(fd int) error {
	err := unix.EpollCtl(p.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	if err != nil {
		return fmt.Errorf("cannot poll: %w", err)
	}
	return nil
}

// until takes viewers until the time has come, once at least: sending may take all the time that there is.
func (p *poller) until(ctx context.Context, due time.Time) error {
	var events [64]unix.EpollEvent
	for ctx.Err() == nil {
		left := time.Until(due)
		n, err := unix.EpollWait(p.poll, events[:], max(0, int(left/time.Millisecond)+1))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("cannot poll: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) == p.listener {
				p.accept()
			} else {
				p.request(e.Fd)
			}
		}
		if left <= 0 {
			break
		}
	}
	return nil
}

func (p *poller) accept() {
	for {
		fd, _, err := unix.Accept4(p.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // as Go does
		if p.watch(fd) != nil {
			_ = unix.Close(fd)
		}
	}
}

// request takes a request, which comes in one piece on loopback, or a viewer's leave.
func (p *poller) request(fd int32) {
	var buf [1024]byte
	n, err := unix.Read(int(fd), buf[:])
	switch {
	case errors.Is(err, unix.EAGAIN):
	case n > 0 && bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")):
		v := &pollViewer{fd: int(fd), rest: p.greeting}
		p.viewers, p.byFD[fd] = append(p.viewers, v), v
		v.flush()
	default:
		if v := p.byFD[fd]; v != nil {
			v.gone = true
			delete(p.byFD, fd)
		}
		_ = unix.Close(int(fd))
	}
}

func (p *poller) send(data []byte) {
	kept := p.viewers[:0]
	for _, v := range p.viewers {
		if v.gone {
			continue
		}
		kept = append(kept, v)
		if v.flush(); len(v.rest) == 0 {
			v.rest = data
			v.flush()
		}
	}
	p.viewers = kept
}

// flush writes what the socket takes of the rest. An error shows at the next read.
func (v *pollViewer) flush() {
	if len(v.rest) == 0 {
		return
	}
	n, _, err := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(v.fd), uintptr(unsafe.Pointer(&v.rest[0])), uintptr(len(v.rest)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if err == 0 {
		v.rest = v.rest[n:]
	}
}

func (p *poller) close() {
	for _, v := range p.viewers {
		if !v.gone {
			_ = unix.Close(v.fd)
		}
	}
	_ = unix.Close(p.poll)
}
