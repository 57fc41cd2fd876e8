package netsim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

const (
	tunPath = "/dev/net/tun"
	mtu     = 1500
)

// Namespace is a network of its own with a loopback and one end of a wire.
type Namespace struct {
	// Addr is the address of this end.
	Addr netip.Addr

	net *os.File // the namespace itself
	tun *os.File
}

// newNamespace makes a network with a device of an address in a network of so many bits.
func newNamespace(prefix netip.Prefix) (*Namespace, error) {
	n := &Namespace{Addr: prefix.Addr()}
	made := make(chan error)
	go func() {
		// Never unlocked: the thread is in the new namespace and dies with the goroutine.
		runtime.LockOSThread()
		made <- n.make(prefix)
	}()
	if err := <-made; err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// make runs on a thread that it moves into the new namespace.
func (n *Namespace) make(prefix netip.Prefix) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("%w: cannot make a network namespace: %w", ErrUnable, err)
	}
	var err error
	if n.net, err = os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid())); err != nil {
		return fmt.Errorf("%w: %w", ErrUnable, err)
	}
	const name = "wire"
	if n.tun, err = openTUN(name); err != nil {
		return err
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open a socket: %w", err)
	}
	defer unix.Close(socket) //nolint:errcheck // nothing is written to it
	mask := net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())
	for _, step := range []struct {
		what    string
		device  string
		request uint
		value   func(*unix.Ifreq) error
	}{
		{"raise loopback", "lo", unix.SIOCSIFFLAGS, up},
		{"set the address", name, unix.SIOCSIFADDR, inet4(prefix.Addr().AsSlice())},
		{"set the network", name, unix.SIOCSIFNETMASK, inet4(mask)},
		{"set the MTU", name, unix.SIOCSIFMTU, func(r *unix.Ifreq) error { r.SetUint32(mtu); return nil }},
		{"raise the device", name, unix.SIOCSIFFLAGS, up},
	} {
		r, err := unix.NewIfreq(step.device)
		if err == nil {
			err = step.value(r)
		}
		if err == nil {
			err = unix.IoctlIfreq(socket, step.request, r)
		}
		if err != nil {
			return fmt.Errorf("cannot %s: %w", step.what, err)
		}
	}
	return nil
}

func up(r *unix.Ifreq) error {
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return nil
}

func inet4(addr []byte) func(*unix.Ifreq) error {
	return func(r *unix.Ifreq) error { return r.SetInet4Addr(addr) }
}

// openTUN makes a device of IP packets in the namespace of the thread.
func openTUN(name string) (*os.File, error) {
	fd, err := unix.Open(tunPath, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: cannot open %s: %w", ErrUnable, tunPath, err)
	}
	r, err := unix.NewIfreq(name)
	if err == nil {
		r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, r)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("%w: cannot make a TUN device: %w", ErrUnable, err)
	}
	// Only now: the runtime polls a file that can be polled when it is made.
	return os.NewFile(uintptr(fd), name), nil
}

// Do runs f in the namespace and returns its error. What f opens or starts (a socket, a process) stays there; f must
// not wait for another goroutine to open something.
func (n *Namespace) Do(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here, in the wrong namespace for all others
		if err := unix.Setns(int(n.net.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("cannot enter the namespace: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}

// DialContext is a net.Dialer's, from within the namespace. The address is a number, not a name.
func (n *Namespace) DialContext(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = n.Do(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

func (n *Namespace) close() error {
	var errs []error
	for _, f := range []*os.File{n.tun, n.net} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
