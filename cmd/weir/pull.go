package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"

	"weir/cdnrelay/admin"
	"weir/cdnrelay/pull"
	"weir/config"
	"weir/room/auth"
	"weir/room/hook"
	"weir/room/live"
	"weir/room/store"
)

// newPulls brings streams of other servers. mine tells which names are this node's, where there are several.
func newPulls(
	cfg *config.Config, hub *live.Registry, kept *store.Store, hooks *hook.Hooks, mine func(name string) bool, log *slog.Logger,
) (*pull.Manager, error) {
	c := &cfg.Pull
	codecs, err := parseCodecs(cfg.Ingest.Codecs)
	if err != nil {
		return nil, fmt.Errorf("ingest.codecs: %w", err)
	}
	o := pull.Options{
		Hub: hub, Keeper: kept, Hooks: hooks, Guard: newGuard(cfg), Codecs: codecs,
		Timeout: c.Timeout, Idle: c.Idle, Retry: c.Retry, MaxRetry: c.RetryMax,
		MaxTasks: c.MaxPulls, MaxStreams: c.MaxStreams, MaxPerApp: c.MaxPerApp, Log: log,
	}
	o.Sources = pullSources(cfg)
	if cfg.IM.Redis != "" {
		o.Mine = mine
	}
	m, err := pull.New(o)
	if err != nil {
		return nil, fmt.Errorf("pull.sources: %w", err)
	}
	return m, nil
}

// pullSources are the sources of the configuration.
func pullSources(cfg *config.Config) []pull.Task {
	tasks := make([]pull.Task, len(cfg.Pull.Sources))
	for i, s := range cfg.Pull.Sources {
		t := pull.Task{App: auth.AppName(cmp.Or(s.App, cfg.Auth.AppID)), Mode: pull.Mode(cmp.Or(s.Mode, string(pull.OnDemand)))}
		t.Room, t.Stream, _ = strings.Cut(s.Match, "/")
		for _, from := range s.From {
			t.From = append(t.From, string(from))
		}
		tasks[i] = t
	}
	return tasks
}

// pulls are the paths of what is pulled from other servers.
func pulls(m *pull.Manager, calls admin.Calls) []route {
	return []route{
		{"GET /api/v1/pulls", calls.To(m.List)},
		{"POST /api/v1/pulls", calls.To(m.Create)},
		{"GET /api/v1/pulls/{id}", calls.To(m.Show)},
		{"DELETE /api/v1/pulls/{id}", calls.To(m.Delete)},
	}
}
