package store

import (
	"context"
	"encoding/json"
	"time"
)

// App is an app that was made at run time. Everything else of this package belongs to one app, by its id.
type App struct {
	ID      int
	Name    string
	Key     string // signs and checks its tokens
	Admins  []string
	Created time.Time
	// Settings are what may be set for one app: its callbacks, its limits; JSON, "{}" when nothing is.
	Settings []byte
}

// appFacts are what no query asks for, as they are stored.
type appFacts struct {
	Name     string          `json:"name,omitempty"`
	Key      string          `json:"key"`
	Admins   []string        `json:"admins,omitempty"`
	Settings json.RawMessage `json:"settings,omitempty"`
}

// CreateApp adds an app, or returns ErrExists.
func (s *Store) CreateApp(ctx context.Context, app App) error {
	return s.write(ctx, "create an app", func(a access) error {
		facts, err := app.facts()
		if err != nil {
			return err
		}
		_, err = a.exec("INSERT INTO apps (id, created, facts) VALUES ($1, $2, $3)", app.ID, millis(app.Created), facts)
		return err
	})
}

// App is the app with an id.
func (s *Store) App(ctx context.Context, id int) (app App, err error) {
	err = s.read(ctx, "read an app", func(a access) error {
		app, err = one(a, scanApp, selectApps+" WHERE id = $1", id)
		return err
	})
	return app, err
}

// Apps are all of them, by their ids.
func (s *Store) Apps(ctx context.Context) (apps []App, err error) {
	err = s.read(ctx, "read the apps", func(a access) error {
		apps, err = list(a, scanApp, selectApps+" ORDER BY id")
		return err
	})
	return apps, err
}

// ModifyApp changes what change changes, in one transaction, and returns the app as it is then. Its id and when it was
// created stay. An error of change leaves it as it was. change must not call the store; it may be
// called twice, in another caller's goroutine.
func (s *Store) ModifyApp(ctx context.Context, id int, change func(*App) error) (app App, err error) {
	err = s.write(ctx, "modify an app", func(a access) error {
		if app, err = one(a, scanApp, selectApps+" WHERE id = $1", id); err != nil {
			return err
		}
		before := app
		if err := change(&app); err != nil {
			return refusal{err}
		}
		app.ID, app.Created = before.ID, before.Created
		facts, err := app.facts()
		if err != nil {
			return err
		}
		_, err = a.exec("UPDATE apps SET facts = $2 WHERE id = $1", id, facts)
		return err
	})
	return app, err
}

// ofApp are the tables whose rows belong to an app; what belongs to their rows goes with them.
var ofApp = []string{"deliveries", "relays", "words", "fields", "rooms", "accounts"}

// DeleteApp deletes an app with everything that belongs to it, but for its recordings, which have files: they are doomed. Nothing
// is deleted where there is no such app.
func (s *Store) DeleteApp(ctx context.Context, id int) error {
	err := s.write(ctx, "delete an app", func(a access) error {
		if n, err := a.exec("DELETE FROM apps WHERE id = $1", id); err != nil || n == 0 {
			return orNotFound(err)
		}
		for _, table := range ofApp {
			if _, err := a.exec("DELETE FROM "+table+" WHERE app = $1", id); err != nil {
				return err
			}
		}
		return doomRecordings(a, id)
	})
	if err != nil {
		return err
	}
	return s.read(ctx, "count the queue", s.countQueue)
}

const selectApps = "SELECT id, created, facts FROM apps"

func scanApp(scan scanner) (App, error) {
	var app App
	var created int64
	var text []byte
	if err := scan(&app.ID, &created, &text); err != nil {
		return app, err
	}
	var facts appFacts
	err := unpack(text, &facts)
	app.Name, app.Key, app.Admins, app.Settings = facts.Name, facts.Key, facts.Admins, facts.Settings
	if app.Settings == nil {
		app.Settings = []byte("{}")
	}
	app.Created = fromMillis(created)
	return app, err
}

func (app *App) facts() ([]byte, error) {
	return pack(appFacts{app.Name, app.Key, app.Admins, app.Settings})
}
