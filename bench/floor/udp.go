//go:build linux

package floor

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// UDPForm is how datagrams are sent.
type UDPForm struct {
	// Segments sends a viewer's burst in one system call, which the kernel cuts (udp(7), UDP_SEGMENT).
	Segments bool
	// Seal encrypts every packet for every viewer, AES-128-GCM (RFC 7714).
	Seal bool
}

// mostSegments is how many datagrams one system call takes.
const mostSegments = 48

// udpSender is the one thread that sends to all.
type udpSender struct {
	form    UDPForm
	socket  int
	viewers []*udpViewer
	known   map[netip.AddrPort]bool
	control []byte
}

// udpViewer is where one viewer's datagrams go.
type udpViewer struct {
	to    unix.RawSockaddrInet4
	seal  cipher.AEAD
	nonce [12]byte
	buf   []byte
	seq   [2]uint16 // of pictures and sound
}

// UDP sends bursts to every address that has ever sent a datagram, from one thread, until ctx ends, which is no error.
func UDP(ctx context.Context, conn *net.UDPConn, form UDPForm, bursts Bursts, origin time.Time) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	file, err := conn.File()
	if err != nil {
		return fmt.Errorf("cannot take the socket: %w", err)
	}
	defer func() { _ = file.Close() }()
	defer func() { _ = conn.Close() }()
	s := &udpSender{form: form, socket: int(file.Fd()), known: make(map[netip.AddrPort]bool)}
	s.control = make([]byte, unix.CmsgSpace(2))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&s.control[0]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	for i, begin := 0, origin; ctx.Err() == nil; i++ {
		if i == len(bursts.list) {
			i, begin = 0, begin.Add(bursts.length)
		}
		b := &bursts.list[i]
		if left := time.Until(begin.Add(b.due)); left > 0 {
			time.Sleep(left)
		}
		if err := s.take(); err != nil {
			return err
		}
		ts := uint32(begin.Add(b.due).Sub(origin) * 90 / time.Millisecond)
		for _, v := range s.viewers {
			s.send(v, b, ts)
		}
	}
	return nil
}

// take lets those join who have sent a datagram.
func (s *udpSender) take() error {
	var buf [64]byte
	for {
		_, from, err := unix.Recvfrom(s.socket, buf[:], unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			return nil
		}
		a, ok := from.(*unix.SockaddrInet4)
		if err != nil || !ok {
			continue // a viewer is gone, which the socket tells here
		}
		addr := netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
		if s.known[addr] {
			continue
		}
		s.known[addr] = true
		v := &udpViewer{to: unix.RawSockaddrInet4{Family: unix.AF_INET, Port: uint16(a.Port)<<8 | uint16(a.Port)>>8, Addr: a.Addr}}
		if s.form.Seal {
			if v.seal, err = newSeal(); err != nil {
				return err
			}
		}
		s.viewers = append(s.viewers, v)
	}
}

// newSeal is a viewer's cipher, with a key of its own.
func newSeal() (cipher.AEAD, error) {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // it never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("cannot encrypt: %w", err)
	}
	return cipher.NewGCM(block)
}

// send sends one burst to one viewer.
func (s *udpSender) send(v *udpViewer, b *burst, ts uint32) {
	seq := &v.seq[0]
	if b.kind == sound {
		seq = &v.seq[1]
	}
	v.buf = v.buf[:0]
	size, n := 0, 0 // of the first packet, and how many are in the buffer
	for i, part := range b.parts {
		*seq++
		before := len(v.buf)
		v.append(b.kind, i == len(b.parts)-1, *seq, ts, part)
		if n++; n == 1 {
			size = len(v.buf) - before
		}
		if !s.form.Segments || n == mostSegments || i == len(b.parts)-1 {
			s.flush(v, size, n)
			v.buf, n = v.buf[:0], 0
		}
	}
}

// append appends a packet to the buffer.
func (v *udpViewer) append(kind byte, last bool, seq uint16, ts uint32, part []byte) {
	if v.seal == nil {
		v.buf = append(head(v.buf, kind, last, seq, ts), part...)
		return
	}
	begin := len(v.buf)
	v.buf = head(v.buf, kind, last, seq, ts)
	header := v.buf[begin:]
	copy(v.nonce[:], header) // a number that is used once, as in RFC 7714 8.1; a receiver with keys would need another
	v.buf = v.seal.Seal(v.buf, v.nonce[:], part, header)
}

// flush sends the buffer. What the kernel does not take is lost, as on any way.
func (s *udpSender) flush(v *udpViewer, size, n int) {
	if len(v.buf) == 0 {
		return
	}
	iov := unix.Iovec{Base: &v.buf[0]}
	iov.SetLen(len(v.buf))
	m := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&v.to)), Namelen: unix.SizeofSockaddrInet4, Iov: &iov}
	m.SetIovlen(1)
	if n > 1 {
		*(*uint16)(unsafe.Pointer(&s.control[unix.CmsgLen(0)])) = uint16(size)
		m.Control = &s.control[0]
		m.SetControllen(len(s.control))
	}
	_, _, _ = unix.RawSyscall(unix.SYS_SENDMSG, uintptr(s.socket), uintptr(unsafe.Pointer(&m)), unix.MSG_DONTWAIT)
}
