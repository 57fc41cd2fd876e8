package auth

import "net/netip"

// NetworkOf is what the sender of a request counts as where something is bounded by address: its address, or of IPv6 its /64,
// which a single client may have. remote is that of the request, with its port; those that cannot be read count as one.
func NetworkOf(remote string) netip.Prefix {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	ip := ap.Addr().Unmap().WithZone("")
	p, _ := ip.Prefix(min(ip.BitLen(), 64)) // in range, so there is no error
	return p
}
