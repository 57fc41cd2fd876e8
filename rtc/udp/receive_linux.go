package udp

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inbox is what the system call fills.
type inbox struct {
	messages [mostReceived]message
	vectors  [mostReceived]unix.Iovec
	names    [mostReceived]unix.RawSockaddrInet6 // large enough for both families
	buf      [mostReceived * receiveSize]byte
	zones    map[uint32]string // names of interfaces by their number
	next, n  int
	errno    unix.Errno
	call     func(fd uintptr) bool // a bound method, made once
}

func (r *Receiver) init() {
	r.inbox = &inbox{zones: make(map[uint32]string)}
	k := r.inbox
	k.call = k.invoke
	for i := range k.messages {
		k.vectors[i].Base = &k.buf[i*receiveSize]
		k.vectors[i].SetLen(receiveSize)
		h := &k.messages[i].header
		h.Name = (*byte)(unsafe.Pointer(&k.names[i]))
		h.Iov = &k.vectors[i]
		h.SetIovlen(1)
	}
}

// invoke is the system call. It returns false when there is nothing to read yet.
func (k *inbox) invoke(fd uintptr) bool {
	for i := range k.messages {
		k.messages[i].header.Namelen = unix.SizeofSockaddrInet6
	}
	k.next, k.n, k.errno = 0, 0, unix.EINTR
	for k.errno == unix.EINTR { // what is there is announced once, so it is not to be waited for again
		var n uintptr
		n, _, k.errno = unix.Syscall6(unix.SYS_RECVMMSG, fd,
			uintptr(unsafe.Pointer(&k.messages[0])), mostReceived, unix.MSG_DONTWAIT, 0, 0)
		if k.errno == 0 {
			k.n = int(n)
		}
	}
	return k.errno != unix.EAGAIN
}

// read waits for a datagram where none is at hand, and returns the next one.
func (r *Receiver) read(b []byte) (int, netip.AddrPort, error) {
	k := r.inbox
	for {
		for k.next == k.n {
			if err := r.raw.Read(k.call); err != nil {
				return 0, netip.AddrPort{}, err
			}
			if k.errno != 0 {
				return 0, netip.AddrPort{}, os.NewSyscallError("recvmmsg", k.errno)
			}
		}
		i := k.next
		k.next++
		if k.messages[i].header.Flags&unix.MSG_TRUNC != 0 {
			continue // RFC 7983 knows nothing that large
		}
		r.left = k.n - k.next
		r.drained = k.n < mostReceived
		n := copy(b, k.buf[i*receiveSize:][:k.messages[i].sent])
		return n, k.from(i), nil
	}
}

// from is whom the i-th datagram comes from.
func (k *inbox) from(i int) netip.AddrPort {
	name := &k.names[i]
	if name.Family == unix.AF_INET {
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), network(four.Port))
	}
	ip := netip.AddrFrom16(name.Addr)
	if name.Scope_id != 0 {
		ip = ip.WithZone(k.zone(name.Scope_id))
	}
	return netip.AddrPortFrom(ip, network(name.Port))
}

func (k *inbox) zone(scope uint32) string {
	if name, ok := k.zones[scope]; ok {
		return name
	}
	name := strconv.FormatUint(uint64(scope), 10)
	if i, err := net.InterfaceByIndex(int(scope)); err == nil {
		name = i.Name
	}
	k.zones[scope] = name
	return name
}
