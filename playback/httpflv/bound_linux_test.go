package httpflv

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestKernelKeepsLittle: what the kernel keeps for a viewer is bounded, also behind TLS.
func TestKernelKeepsLittle(t *testing.T) {
	for name, over := range map[string]func(net.Conn) net.Conn{
		"TCP": func(c net.Conn) net.Conn { return c },
		"TLS": func(c net.Conn) net.Conn { return tls.Server(c, new(tls.Config)) },
	} {
		t.Run(name, func(t *testing.T) {
			server, _ := pair(t)
			newConnSink(over(server), chunked{}, time.Second)
			raw, err := server.(*net.TCPConn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			got := 0
			if failed := raw.Control(func(fd uintptr) {
				got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
			}); failed != nil || err != nil {
				t.Fatal(failed, err)
			}
			if got != unsent {
				t.Errorf("the bound is %d bytes, want %d", got, unsent)
			}
		})
	}
}
