package httpflv

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// unsent is how many bytes the kernel keeps for a viewer beside those on their way: with more, one that was stopped and
// goes on would first be sent what is long over, and thousands that take nothing would fill the memory.
const unsent = 256 << 10

// pumpable returns the connection as a pump writes to it.
func pumpable(c *net.TCPConn) syscall.RawConn {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// bound limits what the kernel keeps of a connection. It is a help: without it all works, with as many bytes as the
// system's tcp_wmem says.
func bound(c *net.TCPConn) {
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
		})
	}
}

// vector is a framed write as the kernel takes it.
type vector struct{ parts []unix.Iovec }

func (v *vector) set(b net.Buffers) {
	v.parts = v.parts[:0]
	for _, t := range b {
		part := unix.Iovec{Base: unsafe.SliceData(t)}
		part.SetLen(len(t))
		v.parts = append(v.parts, part)
	}
}

// clear lets go of the bytes.
func (v *vector) clear() {
	clear(v.parts)
	v.parts = v.parts[:0]
}

// nozzle writes vectors to connections without waiting.
type nozzle struct {
	vector *vector
	sent   int
	errno  syscall.Errno
	do     func(fd uintptr) bool // n.write: a method value of each time would be an allocation
}

func newNozzle() *nozzle {
	n := new(nozzle)
	n.do = n.write
	return n
}

// send writes as much of a vector as the connection's buffer has room for, and returns how many bytes that were.
func (n *nozzle) send(c syscall.RawConn, v *vector) (int, error) {
	n.vector, n.sent, n.errno = v, 0, 0
	err := c.Write(n.do)
	n.vector = nil
	switch {
	case err != nil:
		return 0, err
	case n.errno != 0 && n.errno != unix.EAGAIN:
		return 0, n.errno
	}
	return n.sent, nil
}

// write is one system call. It returns at once, since the socket does not block; so it is made as a raw one, of which
// the scheduler knows nothing: what it would do for a thread that might wait costs a tenth of the send.
func (n *nozzle) write(fd uintptr) (done bool) {
	parts := n.vector.parts
	for {
		sent, _, errno := syscall.RawSyscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&parts[0])), uintptr(len(parts)))
		if errno == unix.EINTR {
			continue
		}
		if n.errno = errno; errno == 0 {
			n.sent = int(sent)
		}
		return true // never wait: who is not in step is written to elsewhere
	}
}
