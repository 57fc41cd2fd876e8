package main

import (
	"io"
	"net/http"
	"net/netip"

	"weir/cdnrelay/origin"
	"weir/config"
	"weir/room/api"
	"weir/room/auth"
	"weir/room/live"
)

// newOrigin makes what CDNs in front of this server are given.
func newOrigin(cfg *config.Config, at *sites) (*origin.Origin, error) {
	o := origin.Options{DefaultApp: cfg.Auth.AppID, Host: at.host, Peer: peer, Problem: api.Problem}
	for _, d := range cfg.Origin.Domains {
		o.Domains = append(o.Domains, origin.Domain{Host: d.Host, App: d.App, Puller: d.Puller})
	}
	for _, p := range cfg.Origin.Pullers {
		one := origin.Puller{
			Name: p.Name, App: p.App, Secret: auth.Secret(p.Secret), Trusted: p.Trusted, MaxPulls: p.MaxPulls,
			Keys: auth.KeyPair{Primary: auth.Secret(p.Key), Backup: auth.Secret(p.BackupKey)},
		}
		if p.Dialect != "" {
			d, err := auth.ParseDialect(p.Dialect)
			if err != nil {
				return nil, err
			}
			one.Dialect = d
		}
		for _, text := range p.Networks {
			n, err := netip.ParsePrefix(text)
			if err != nil {
				return nil, err
			}
			one.Networks = append(one.Networks, n.Masked())
		}
		o.Pullers = append(o.Pullers, one)
	}
	return origin.New(o)
}

// host is the host that the client of a request has asked.
func (s *sites) host(r *http.Request) string {
	if isProxied(r) {
		if h := forwarded(r, "X-Forwarded-Host"); h != "" {
			return h
		}
	}
	return r.Host
}

// peer is who sent a request: a proxy if one did, trusted or not.
func peer(r *http.Request) netip.Addr {
	remote := r.RemoteAddr
	if from, ok := r.Context().Value(proxied{}).(string); ok {
		remote = from
	}
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// health tells a CDN or a balancer whether to ask this server. It passes through the hub as every viewer does: a server
// whose hub stands still answers nothing here.
type health struct {
	ready func() bool
	hub   awaiter
}

// probed names no stream that anybody has: the probe looks for it as a viewer would.
var probed = live.Key{Room: "health"}

func (h health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = h.hub.Stream(probed)
	if !h.ready() {
		api.Problem(w, r, http.StatusServiceUnavailable, api.CodeShuttingDown, "the server is starting or stopping")
		return
	}
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "{\"status\":\"ok\"}\n") // the prober may be gone
}
