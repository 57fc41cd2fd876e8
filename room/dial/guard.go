// Package dial says where this server may connect to when somebody else names the address: callbacks of an app, a server to
// push to, a source to pull from. What the operator wrote into the configuration is trusted and needs no guard.
//
// It opens no connection by itself and starts no goroutine.
package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrAddress means that an address is neither public nor among those that the operator allowed.
var ErrAddress = errors.New("the address is neither a public one nor in outgoing.allow")

// timeout is the longest that any setting gives a connection to come about: callers bound it by their contexts. keepAlive is how
// often an idle one is probed.
const timeout, keepAlive = time.Minute, 30 * time.Second

// Guard lets connections pass to public addresses and to networks that the operator allowed. A nil Guard lets none but public
// ones pass. It is immutable.
type Guard struct {
	allowed []netip.Prefix
	all     bool
}

// Trusted lets all connections pass: it is for addresses of the configuration.
var Trusted = &Guard{all: true}

// NewGuard returns a guard that lets pass to these networks, too.
func NewGuard(allowed ...netip.Prefix) *Guard { return &Guard{allowed: slices.Clone(allowed)} }

// Check tells whether a connection to an address may be opened, or returns ErrAddress.
func (g *Guard) Check(a netip.Addr) error {
	within := func(p netip.Prefix) bool { return p.Contains(a.Unmap()) }
	if Public(a) || g != nil && (g.all || slices.ContainsFunc(g.allowed, within)) {
		return nil
	}
	return ErrAddress
}

// Control is for net.Dialer and net.ListenConfig. It sees each address as it is dialed: after DNS, so that a name which leads
// elsewhere the second time is caught as well, and for each redirect.
func (g *Guard) Control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAddress, err)
	}
	return g.Check(at.Addr())
}

// errOthers is of a name one of whose addresses may not be connected to, and another one may.
var errOthers = errors.New("one of its addresses may not be connected to, and no other one answers")

// DialContext connects as the Dialer does. Of a name with several addresses that one tells the first one's error: here it is
// ErrAddress only if none of them may be connected to, since otherwise another try may go better.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return g.connect(ctx, g.Dialer(), network, address)
}

func (g *Guard) connect(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
	var passed atomic.Bool
	d.Control = func(network, address string, c syscall.RawConn) error {
		err := g.Control(network, address, c)
		if err == nil {
			passed.Store(true)
		}
		return err
	}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil && passed.Load() && errors.Is(err, ErrAddress) {
		return nil, errOthers
	}
	return conn, err
}

// Dialer opens connections that the guard lets pass. The proxy of the environment must not be asked beside it: it would
// resolve the names.
func (g *Guard) Dialer() *net.Dialer {
	return &net.Dialer{Timeout: timeout, KeepAlive: keepAlive, Control: g.Control}
}
