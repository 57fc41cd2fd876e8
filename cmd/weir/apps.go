package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/spf13/cobra"

	"weir/config"
	"weir/room/apps"
	"weir/room/auth"
)

// appsOf are the apps as far as one of them needs it: the configured ones, the default one with its key, which is made now
// if this is the first start, and those of the store.
func appsOf(cmd *cobra.Command, cfg *config.Config, id int) (*apps.Apps, error) {
	key, err := loadKey(cfg)
	if err != nil {
		return nil, err
	}
	if key.made {
		cmd.PrintErrln("made a new secret key in", key.file+": a server that keeps its data elsewhere does not know it")
	}
	if key.warning != "" {
		cmd.PrintErrln("warning:", key.warning)
	}
	quiet := slog.New(slog.DiscardHandler)
	if id == auth.DefaultApp || slices.ContainsFunc(cfg.Auth.Apps, func(a config.App) bool { return a.ID == id }) {
		return loadApps(cfg, key.secret, nil, nil, quiet) // the store is of no interest, and need not be there
	}
	kept, err := openStore(cfg, quiet)
	if err != nil {
		return nil, err
	}
	known, err := loadApps(cfg, key.secret, kept, nil, quiet)
	return known, errors.Join(err, kept.Close())
}

// appOf is an app, or the default one.
func appOf(known *apps.Apps, id int) (auth.App, error) {
	if id == auth.DefaultApp {
		id = known.Default()
	}
	app, ok := known.App(id)
	if !ok {
		return auth.App{}, fmt.Errorf("app %d: %w", id, auth.ErrUnknownApp)
	}
	return *app, nil
}

// newApp is the default app.
func newApp(cfg *config.Config, key auth.Secret) auth.App {
	return auth.App{
		ID: cfg.Auth.AppID, Key: key, Admins: cfg.Auth.Admins, Keys: auth.Keys{
			Play:    auth.KeyPair{Primary: auth.Secret(cfg.Auth.Keys.Play), Backup: auth.Secret(cfg.Auth.Keys.PlayBackup)},
			Publish: auth.KeyPair{Primary: auth.Secret(cfg.Auth.Keys.Publish), Backup: auth.Secret(cfg.Auth.Keys.PublishBackup)},
		},
	}
}

// loadApps knows the apps of the configuration and those of the store. deleted hears of each app that is gone later; it may
// be nil.
func loadApps(cfg *config.Config, key auth.Secret, kept apps.Store, deleted func(id int), log *slog.Logger) (*apps.Apps, error) {
	o := apps.Options{Default: newApp(cfg, key), Store: kept, Deleted: deleted, Log: log}
	for _, app := range cfg.Auth.Apps {
		o.Configured = append(o.Configured, auth.App{ID: app.ID, Name: app.Name, Key: auth.Secret(app.Key), Admins: app.Admins})
	}
	known, err := apps.New(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	return known, known.Load(ctx)
}
