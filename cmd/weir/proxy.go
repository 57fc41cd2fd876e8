package main

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxied is where a request's context has the address of the trusted proxy that has sent it.
type proxied struct{}

// restore gives requests that trusted proxies send the addresses of their clients: for what is counted or bounded by
// address, for logs, and for who is on this machine.
func (s *sites) restore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.trusts(r.RemoteAddr) {
			r = r.WithContext(context.WithValue(r.Context(), proxied{}, r.RemoteAddr)) // a copy
			if client, ok := s.client(r.Header.Values("X-Forwarded-For")); ok {
				r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
			}
		}
		next.ServeHTTP(w, r)
	})
}

// client is the last address of the lists that is no trusted proxy's: each proxy appends whom it was asked by, and what
// stands before the first of them anybody could have written.
func (s *sites) client(lists []string) (netip.Addr, bool) {
	for _, text := range slices.Backward(strings.Split(strings.Join(lists, ","), ",")) {
		addr, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return netip.Addr{}, false
		}
		if addr = addr.Unmap().WithZone(""); !s.isTrusted(addr) {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

// isProxied tells whether a trusted proxy has sent a request, so that what it says of the client counts.
func isProxied(r *http.Request) bool { return r.Context().Value(proxied{}) != nil }

func (s *sites) trusts(remote string) bool {
	ap, err := netip.ParseAddrPort(remote)
	return err == nil && s.isTrusted(ap.Addr().Unmap().WithZone(""))
}

func (s *sites) isTrusted(addr netip.Addr) bool {
	return slices.ContainsFunc(s.trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}
