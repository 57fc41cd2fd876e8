//go:build !linux

package httpflv

import (
	"net"
	"syscall"
)

// pumpable says that no connection is: here every viewer has a goroutine of its own.
func pumpable(*net.TCPConn) syscall.RawConn { return nil }

// bound does nothing: the system's own limits hold.
func bound(*net.TCPConn) {}

type vector struct{}

func (*vector) set(net.Buffers) {}
func (*vector) clear()          {}

type nozzle struct{}

func newNozzle() *nozzle { return nil }

func (*nozzle) send(syscall.RawConn, *vector) (int, error) { return 0, syscall.ENOSYS }
