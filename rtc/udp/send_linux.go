package udp

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// message is the kernel's struct mmsghdr.
type message struct {
	header unix.Msghdr
	sent   uint32
}

// segmentSize is a control message: the size of the segments of a message's datagrams.
type segmentSize struct {
	header unix.Cmsghdr
	size   uint16
	_      [6]byte // up to CMSG_SPACE of 64-bit systems
}

// system is what a call needs. It is a part of the batch so that no call allocates.
type system struct {
	messages [maxDatagrams]message
	vectors  [maxDatagrams]unix.Iovec
	sizes    [maxDatagrams]segmentSize
	counts   [maxDatagrams]int // datagrams of each message

	next, end int // messages that the next call takes
	one       bool
	taken     int
	errno     unix.Errno
	call      func(fd uintptr) // a bound method, made once
}

func (k *system) init() {
	k.call = k.invoke
	for i := range k.messages {
		k.messages[i].header.Iov = &k.vectors[i]
		k.messages[i].header.SetIovlen(1)
		k.sizes[i].header.Level = unix.SOL_UDP
		k.sizes[i].header.Type = unix.UDP_SEGMENT
		k.sizes[i].header.SetLen(unix.CmsgLen(2))
	}
}

// fill describes the datagrams from the first on.
func (k *system) fill(b *Batch, first int, to *Path, w way) {
	k.next, k.end, k.one = 0, 0, w == single
	for i := first; i < b.n; {
		n := 1
		if w == segmented && !to.whole {
			n = b.run(i)
		}
		m := &k.messages[k.end].header
		m.Name, m.Namelen = to.address.raw()
		k.vectors[k.end].Base = &b.buf[b.start(i)]
		k.vectors[k.end].SetLen(b.ends[i+n-1] - b.start(i))
		m.Control = nil
		m.SetControllen(0)
		if n > 1 {
			k.sizes[k.end].size = uint16(b.size(i))
			m.Control = (*byte)(unsafe.Pointer(&k.sizes[k.end]))
			m.SetControllen(unix.CmsgSpace(2))
		}
		k.counts[k.end] = n
		k.end++
		i += n
	}
}

// invoke is the system call. Control holds no lock that other senders wait for, as the connection's own writes do.
func (k *system) invoke(fd uintptr) {
	var n uintptr
	if k.one {
		_, _, k.errno = unix.Syscall(unix.SYS_SENDMSG, fd,
			uintptr(unsafe.Pointer(&k.messages[k.next].header)), unix.MSG_DONTWAIT)
		n = 1
	} else {
		n, _, k.errno = unix.Syscall6(unix.SYS_SENDMMSG, fd,
			uintptr(unsafe.Pointer(&k.messages[k.next])), uintptr(k.end-k.next), unix.MSG_DONTWAIT, 0, 0)
	}
	k.taken = 0
	if k.errno == 0 {
		k.taken = int(n)
	}
}

// send returns how many of the datagrams the kernel took.
func (s *Socket) send(b *Batch, to *Path) (int, error) {
	k := &b.system
	sent, done := 0, 0 // done are sent or given up
	waited := time.Duration(0)
	k.fill(b, 0, to, way(s.best.Load()))
	for done < b.n {
		if err := s.raw.Control(k.call); err != nil {
			return sent, err
		}
		s.calls.Add(1)
		for range k.taken {
			sent += k.counts[k.next]
			done += k.counts[k.next]
			k.next++
		}
		if k.errno == 0 {
			continue
		}
		switch verdict := s.judge(k, to); verdict {
		case again:
			k.fill(b, done, to, way(s.best.Load()))
		case skip:
			done += k.counts[k.next]
			k.next++
		case full:
			if waited >= patience {
				return sent, nil
			}
			time.Sleep(pause)
			waited += pause
		default:
			return sent, fmt.Errorf("cannot send: %w", k.errno)
		}
	}
	return sent, nil
}

type verdict int

const (
	fail  verdict = iota
	again         // in another way
	skip          // this message
	full          // until packets have left
)

// judge decides what follows from the error of a call.
func (s *Socket) judge(k *system, to *Path) verdict {
	isRun := k.counts[k.next] > 1
	switch k.errno {
	case unix.EINTR:
		return again
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
		return full
	case unix.ENOSYS:
		if k.one {
			return fail
		}
		s.best.Store(int32(single))
		return again
	case unix.EIO, unix.EINVAL, unix.EMSGSIZE, unix.ENOPROTOOPT, unix.EOPNOTSUPP:
		// A device without checksum offload gives EIO, a path whose MTU is below the segments EINVAL: facts of this
		// destination, which must not cost the others theirs.
		switch {
		case isRun:
			to.whole = true
			return again
		case k.errno == unix.EMSGSIZE:
			return skip
		}
	}
	return fail
}

// probe finds out the socket's family and whether the kernel knows segments (Linux 4.18).
func (s *Socket) probe() error {
	var domain int
	var errDomain, errSegment error
	err := s.raw.Control(func(fd uintptr) {
		domain, errDomain = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		_, errSegment = unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
	})
	s.ip6 = domain == unix.AF_INET6
	if errSegment != nil {
		s.best.Store(int32(many))
	}
	return errors.Join(err, errDomain)
}

// address is a destination as the kernel takes it.
type address struct {
	four unix.RawSockaddrInet4
	six  unix.RawSockaddrInet6
}

func (a *address) raw() (*byte, uint32) {
	if a.six.Family != 0 {
		return (*byte)(unsafe.Pointer(&a.six)), unix.SizeofSockaddrInet6
	}
	return (*byte)(unsafe.Pointer(&a.four)), unix.SizeofSockaddrInet4
}

func (s *Socket) resolve(p *Path) error {
	ip := p.to.Addr()
	if !ip.IsValid() || p.to.Port() == 0 {
		return errors.New("it is no address")
	}
	if !s.ip6 {
		if ip = ip.Unmap(); !ip.Is4() {
			return syscall.EAFNOSUPPORT
		}
		p.address.four = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: network(p.to.Port()), Addr: ip.As4()}
		return nil
	}
	scope, err := scopeOf(ip.Zone())
	if err != nil {
		return err
	}
	p.address.six = unix.RawSockaddrInet6{
		Family: unix.AF_INET6, Port: network(p.to.Port()), Addr: ip.As16(), Scope_id: scope, // As16 maps IPv4
	}
	return nil
}

// network is a number in the order of bytes that it has on the network.
func network(port uint16) uint16 {
	b := [2]byte{byte(port >> 8), byte(port)}
	return *(*uint16)(unsafe.Pointer(&b))
}

func scopeOf(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	i, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, err
	}
	return uint32(i.Index), nil
}
