package rtc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Addresses say which of the machine's addresses are used. The zero value uses all.
type Addresses struct {
	keep, leave rules
}

// rules match addresses by the interface that has them, or by their network.
type rules struct {
	names    map[string]bool
	networks []netip.Prefix
}

func (r *rules) add(item string) error {
	switch p, err := netip.ParsePrefix(item); {
	case err == nil:
		r.networks = append(r.networks, p.Masked())
	case item == "" || strings.ContainsAny(item, "/! "):
		return fmt.Errorf("%q is neither an interface nor a network such as 10.0.0.0/8", item)
	default:
		if r.names == nil {
			r.names = make(map[string]bool)
		}
		r.names[item] = true
	}
	return nil
}

func (r *rules) empty() bool { return len(r.names) == 0 && len(r.networks) == 0 }

func (r *rules) match(name string, ip netip.Addr) bool {
	for _, p := range r.networks {
		if p.Contains(ip) {
			return true
		}
	}
	return r.names[name]
}

// ParseAddresses reads a list of interface names (eth0) and networks (192.0.2.0/24). An item that begins with ! leaves
// out what it names; without another kind of item, everything else is used.
func ParseAddresses(items []string) (Addresses, error) {
	var a Addresses
	for _, item := range items {
		to := &a.keep
		rest, not := strings.CutPrefix(item, "!")
		if not {
			to = &a.leave
		}
		if err := to.add(rest); err != nil {
			return Addresses{}, err
		}
	}
	return a, nil
}

// uses tells whether an address of an interface is used.
func (a *Addresses) uses(name string, ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return (a.keep.empty() || a.keep.match(name, ip)) && !a.leave.match(name, ip)
}

// all tells whether nothing is left out.
func (a *Addresses) all() bool { return a.keep.empty() && a.leave.empty() }

// filter lists the machine's addresses that are used now, as the test that the WebRTC stack takes. It knows no address
// that comes later; neither have the UDP sockets.
func (a *Addresses) filter() (func(net.IP) bool, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("cannot list the interfaces: %w", err)
	}
	used := make(map[netip.Addr]bool)
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue // it went away
		}
		for _, addr := range addrs {
			if p, err := netip.ParsePrefix(addr.String()); err == nil && a.uses(i.Name, p.Addr()) {
				used[p.Addr().Unmap()] = true
			}
		}
	}
	if len(used) == 0 {
		return nil, errors.New("no address of this machine is left to use")
	}
	return func(ip net.IP) bool {
		addr, ok := netip.AddrFromSlice(ip)
		return ok && used[addr.Unmap()]
	}, nil
}
