package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"weir/cdnrelay/auto"
	"weir/cdnrelay/push"
	"weir/config"
	"weir/room/store"
)

// newAuto is the automatic relay of apps.
func newAuto(cfg *config.Config, kept *store.Store, log *slog.Logger) (*auto.Relay, error) {
	if err := checkAuto(cfg); err != nil {
		return nil, err
	}
	o := auto.Options{Configured: map[int]auto.Settings{}, Apps: kept, Pushed: pushed(cfg), Log: log}
	for _, a := range configuredAutos(cfg) {
		o.Configured[a.app] = a.settings
	}
	r := auto.New(o)
	return r, r.Load(context.Background()) // which bounds itself
}

// configuredAuto is the automatic relay of an app of the configuration, and the key that it stands in.
type configuredAuto struct {
	app      int
	key      string
	settings auto.Settings
}

func configuredAutos(cfg *config.Config) []configuredAuto {
	of := func(app int, key string, c *config.RelayAuto) configuredAuto {
		return configuredAuto{app, key, auto.Settings{On: c.On, To: string(c.To), Dialect: c.Dialect, Key: string(c.Key)}}
	}
	all := []configuredAuto{of(cfg.Auth.AppID, "relay.auto", &cfg.Relay.Auto)}
	for i := range cfg.Auth.Apps {
		app := &cfg.Auth.Apps[i]
		all = append(all, of(app.ID, fmt.Sprintf("auth.apps[%d].autorelay", i), &app.Auto))
	}
	return all
}

// checkAuto tells which automatic relay of the configuration makes no sense.
func checkAuto(cfg *config.Config) error {
	var errs []error
	for _, a := range configuredAutos(cfg) {
		errs = append(errs, of(a.key, a.settings.Check(true, pushed(cfg))))
	}
	return errors.Join(errs...)
}

// pushed tells of a task that nothing could be pushed by it.
func pushed(cfg *config.Config) func(push.Task) error {
	o := push.Options{Outputs: newPushOutputs(nil).bySchemes(), Sign: signPush, Guard: newGuard(cfg)}
	return func(t push.Task) error { return t.Check(&o) }
}

// addressRoutes are the generator of addresses, and the automatic relay.
func addressRoutes(d doors) []route {
	return []route{
		{"POST /api/v1/addresses", d.calls.To(d.addresses.Create)},
		{"GET /api/v1/autorelay", d.calls.To(d.auto.Get)},
		{"PUT /api/v1/autorelay", d.calls.To(d.auto.Put)},
	}
}
