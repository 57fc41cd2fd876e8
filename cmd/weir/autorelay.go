package main

import (
	"context"
	"fmt"
	"log/slog"

	"weir/cdnrelay/auto"
	"weir/config"
	"weir/room/apps"
	"weir/room/store"
)

// newAuto is the automatic relay of apps.
func newAuto(cfg *config.Config, kept *store.Store, known *apps.Apps, log *slog.Logger) (*auto.Relay, error) {
	r, err := auto.New(auto.Options{Default: known.Default(), Own: autoSettings(&cfg.Relay.Auto), Apps: kept, Log: log})
	if err != nil {
		return nil, fmt.Errorf("relay.auto: %w", err)
	}
	return r, r.Load(context.Background()) // which bounds itself
}

// autoSettings are those of the configuration, for the default app.
func autoSettings(c *config.RelayAuto) auto.Settings {
	return auto.Settings{On: c.On, To: string(c.To), Dialect: c.Dialect, Key: string(c.Key)}
}

// addressRoutes are the generator of addresses, and the automatic relay.
func addressRoutes(d doors) []route {
	return []route{
		{"POST /api/v1/addresses", d.calls.To(d.addresses.Create)},
		{"GET /api/v1/autorelay", d.calls.To(d.auto.Get)},
		{"PUT /api/v1/autorelay", d.calls.To(d.auto.Put)},
	}
}
