package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"weir/config"
	"weir/ingest/whip"
	"weir/room/api"
	"weir/rtc"
)

// doctor examines the server for the API.
type doctor struct {
	cfg    *config.Config
	engine *rtc.Engine
	whip   *whip.Handler

	one sync.Mutex // held by an examination: no crowd of them
}

// Diagnose implements api.Doctor.
func (d *doctor) Diagnose(ctx context.Context) (api.Diagnosis, error) {
	d.one.Lock()
	defer d.one.Unlock()
	reached, err := d.engine.Probe(ctx)
	if err != nil {
		return api.Diagnosis{}, err
	}
	out := api.Diagnosis{
		Time: time.Now().UTC(), HTTPS: d.cfg.HTTP.TLS.Cert != "", MediaPort: d.engine.Port(),
		Candidates: []api.Candidate{}, Video: d.cfg.Ingest.Codecs, Audio: []string{"opus"},
		ICEServers: append([]string{}, d.cfg.WebRTC.ICEServers...), Failures: []api.FailedSession{},
	}
	for _, c := range reached {
		out.Candidates = append(out.Candidates, api.Candidate{
			Protocol: c.Protocol, Address: c.Addr.Addr().String(), Port: c.Addr.Port(), Scope: rtc.Scope(c.Addr.Addr()),
			Answered: c.Answered, Fault: c.Fault,
		})
	}
	for _, f := range d.whip.Failures() {
		out.Failures = append(out.Failures, failed(f))
	}
	out.Advice = d.advise(out.Candidates)
	return out, nil
}

// failed shows a failure; an empty list is [], never null.
func failed(f whip.Failure) api.FailedSession {
	out := api.FailedSession{
		Time: f.When.UTC(), Room: f.Room, Stream: f.Stream, User: f.User, Stage: string(f.Stage), Reason: f.Reason,
		Offered: append([]string{}, f.Offered...), Announced: append([]string{}, f.Announced...),
		Pairs: []api.PathTest{}, Advice: f.Advice,
	}
	for _, p := range f.Pairs {
		out.Pairs = append(out.Pairs, api.PathTest(p))
	}
	return out
}

// advise says what looks wrong of the server itself.
func (d *doctor) advise(candidates []api.Candidate) []string {
	advice := []string{}
	if d.cfg.HTTP.TLS.Cert == "" {
		advice = append(advice, "The server speaks plain HTTP: browsers open a camera on localhost only, unless a proxy before it speaks HTTPS.")
	}
	if !slices.ContainsFunc(candidates, func(c api.Candidate) bool { return c.Scope == "public" }) {
		advice = append(advice, "No public address is announced: publishers elsewhere need webrtc.public_ips.")
	}
	for _, c := range candidates {
		if c.Answered {
			continue
		}
		if slices.Contains(d.cfg.WebRTC.PublicIPs, c.Address) {
			advice = append(advice, fmt.Sprintf("%s port %d at %s did not answer from this machine, which behind many NATs is usual: try it from elsewhere.", c.Protocol, c.Port, c.Address))
			continue
		}
		advice = append(advice, fmt.Sprintf("%s port %d at %s did not answer: a firewall on this machine may be in the way.", c.Protocol, c.Port, c.Address))
	}
	return advice
}
