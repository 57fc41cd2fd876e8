package main

import (
	"net/netip"

	"weir/config"
	"weir/room/dial"
)

// newGuard says where addresses may lead that came in by API.
func newGuard(cfg *config.Config) *dial.Guard {
	var allowed []netip.Prefix
	for _, text := range cfg.Outgoing.Allow {
		if p, err := netip.ParsePrefix(text); err == nil { // config has checked them
			allowed = append(allowed, p.Masked())
		}
	}
	return dial.NewGuard(allowed...)
}
