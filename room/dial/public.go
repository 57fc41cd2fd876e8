package dial

import "net/netip"

// closed are networks beyond those that netip knows, which lead to this machine or to its neighbours.
var closed = prefixes(
	"0.0.0.0/8",        // this network (RFC 791 3.2)
	"100.64.0.0/10",    // shared behind a provider's NAT (RFC 6598)
	"192.0.0.0/24",     // protocol assignments (RFC 6890)
	"192.88.99.0/24",   // 6to4 relays (RFC 7526)
	"198.18.0.0/15",    // benchmarks (RFC 2544)
	"240.0.0.0/4",      // reserved, and broadcast (RFC 1112 4)
	"168.63.129.16/32", // a cloud's own services, which only look like somebody's on the Internet
	"2001::/23",        // protocol assignments, Teredo among them (RFC 2928)
	"2002::/16",        // 6to4, which holds an IPv4 address (RFC 3056)
)

// unicast6 is what is given out of IPv6 (RFC 4291 2.4). Outside of it are all the ways to write an IPv4 address as one: compatible
// (RFC 4291 2.5.5.1), translated (RFC 7915 1), behind NAT64 (RFC 6052, RFC 8215).
var unicast6 = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, 0, len(list))
	for _, p := range list {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

// Public tells whether an address is somebody's on the Internet, and not of this machine, its network or its cloud:
// their metadata services answer on link-local and private addresses.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.Zone() != "" {
		return false
	}
	if a.Is6() && !unicast6.Contains(a) {
		return false
	}
	for _, p := range closed {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
