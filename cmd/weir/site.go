package main

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"weir/config"
	"weir/room/auth"
)

// sites tells where this server is reached, for the addresses that it gives.
type sites struct {
	public      string         // http.public_url
	trusted     []netip.Prefix // of proxies
	rtmp, rtmps string         // addresses of the listeners; empty where nothing listens
}

func newSites(cfg *config.Config) (*sites, error) {
	s := &sites{public: cfg.HTTP.PublicURL, rtmp: cfg.RTMP.Listen, rtmps: cfg.RTMP.TLSListen}
	for _, n := range cfg.HTTP.TrustedProxies {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return nil, err
		}
		s.trusted = append(s.trusted, p)
	}
	return s, nil
}

// listening says where RTMP is taken in fact: a configured port may be 0.
func (s *sites) listening(rtmp, rtmps net.Addr) {
	s.rtmp, s.rtmps = text(rtmp), text(rtmps)
}

// of is where whoever sent a request reaches this server.
func (s *sites) of(r *http.Request) (auth.Site, error) {
	if s.public != "" {
		return s.at(s.public)
	}
	scheme, host := "http", s.host(r)
	if r.TLS != nil {
		scheme = "https"
	}
	if isProxied(r) {
		if p := forwarded(r, "X-Forwarded-Proto"); p == "http" || p == "https" {
			scheme = p
		}
	}
	return s.at(scheme + "://" + host)
}

// at is the site whose HTTP addresses begin with base.
func (s *sites) at(base string) (auth.Site, error) {
	b, err := url.Parse(base)
	if err != nil {
		return auth.Site{}, err
	}
	scheme, listen, usual := "rtmp", s.rtmp, "1935"
	if s.rtmps != "" {
		scheme, listen, usual = "rtmps", s.rtmps, "443"
	}
	if listen == "" {
		return auth.Site{HTTP: base}, nil
	}
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return auth.Site{}, err
	}
	host := b.Hostname()
	if port != usual || strings.Contains(host, ":") {
		host = net.JoinHostPort(host, port)
	}
	return auth.Site{HTTP: base, RTMP: scheme + "://" + host}, nil
}

// forwarded is what the first of the proxies wrote into a header.
func forwarded(r *http.Request, header string) string {
	first, _, _ := strings.Cut(r.Header.Get(header), ",")
	return strings.TrimSpace(first)
}
