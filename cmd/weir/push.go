package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"weir/cdnrelay/address"
	"weir/cdnrelay/push"
	"weir/cdnrelay/srt"
	"weir/cdnrelay/whip"
	"weir/config"
	"weir/room/auth"
	"weir/room/hook"
	"weir/room/live"
	"weir/room/store"
	"weir/rtc"
)

// pushOutputs are the protocols that streams are pushed by.
type pushOutputs struct {
	rtmp *push.RTMP
	whip *whip.Output
}

func newPushOutputs(engine *rtc.Engine) *pushOutputs {
	return &pushOutputs{rtmp: push.NewRTMP(push.RTMPOptions{Agent: maker()}), whip: whip.New(engine)}
}

// bySchemes are the protocols by the schemes of addresses.
func (o *pushOutputs) bySchemes() map[string]push.Output {
	return map[string]push.Output{"rtmp": o.rtmp, "rtmps": o.rtmp, "http": o.whip, "https": o.whip, "srt": srt.Output{}}
}

// newPushes pushes streams to other servers.
func newPushes(
	cfg *config.Config, hub *live.Registry, kept *store.Store, hooks *hook.Hooks, outputs *pushOutputs, log *slog.Logger,
	sources ...push.Source,
) (*push.Manager, error) {
	c := &cfg.Relay
	o := push.Options{
		Hub: hub, Keeper: kept, Hooks: hooks, Outputs: outputs.bySchemes(), Guard: newGuard(cfg),
		ConnectTimeout: c.ConnectTimeout, WriteTimeout: c.WriteTimeout, MaxLag: c.MaxLag, MaxLags: cfg.Live.MaxLags,
		Retry: c.Retry, MaxRetry: c.RetryMax, GiveUp: c.GiveUp, SignedFor: c.SignedFor,
		Sign: signPush, Sources: sources, MaxTasks: c.MaxRelays, MaxPerStream: c.MaxPerStream, MaxTotal: c.MaxDestinations,
		MaxPerApp: c.MaxPerApp, Log: log,
	}
	for _, f := range hooks.Forwarders() {
		o.Sources = append(o.Sources, push.Asked(f))
	}
	o.Rules = pushRules(c.Rules)
	m, err := push.New(o)
	if err != nil {
		return nil, fmt.Errorf("relay.rules: %w", err)
	}
	return m, nil
}

// signPush signs the address of a push.
func signPush(to string, s push.Signing, expires time.Time) (string, error) {
	return address.Sign(to, address.Dialect(s.Dialect), auth.Secret(s.Key), auth.ActionPublish, expires)
}

// pushRules are the rules of the configuration.
func pushRules(rules []config.RelayRule) []push.Task {
	tasks := make([]push.Task, len(rules))
	for i := range rules {
		tasks[i] = pushRule(&rules[i])
	}
	return tasks
}

// pushRule is a rule of the configuration.
func pushRule(r *config.RelayRule) push.Task {
	t := push.Task{To: string(r.To), Token: string(r.Token), Audio: r.Audio}
	t.Room, t.Stream, _ = strings.Cut(r.Match, "/")
	if r.App != auth.DefaultApp {
		t.App = auth.AppName(r.App)
	}
	if r.Sign.Dialect != "" {
		t.Sign = &push.Signing{Dialect: r.Sign.Dialect, Key: string(r.Sign.Key)}
	}
	return t
}

// relays are the paths of what is pushed to other servers.
func relays(r *push.REST) []route {
	return []route{
		{"GET /api/v1/relays", http.HandlerFunc(r.List)},
		{"POST /api/v1/relays", http.HandlerFunc(r.Create)},
		{"GET /api/v1/relays/{id}", http.HandlerFunc(r.Get)},
		{"DELETE /api/v1/relays/{id}", http.HandlerFunc(r.Delete)},
	}
}
