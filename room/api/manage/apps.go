package manage

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"weir/room/apps"
	"weir/room/auth"
)

// appKeeper keeps the apps; *apps.Apps does.
type appKeeper interface {
	Default() int
	App(id int) (*auth.App, bool)
	List() []apps.Info
	Info(id int) (apps.Info, bool)
	Create(ctx context.Context, d apps.Draft) (apps.Info, auth.Secret, error)
	Delete(ctx context.Context, id int) error
}

// appJSON is an app as JSON shows it.
type appJSON struct {
	ID      int      `json:"id"` // SDKAppID
	Name    string   `json:"name"`
	Status  string   `json:"status"` // enabled
	Default bool     `json:"default"`
	Origin  string   `json:"origin"` // configured or stored
	Admins  []string `json:"admins"`
	// Created is left out of apps that are configured.
	Created *time.Time `json:"created,omitempty"`
	// Key is there once: in the answer to the call that made the app.
	Key string `json:"key,omitempty"`
}

// statusEnabled is the status of an app that is there: there is no other one.
const statusEnabled = "enabled"

func (m *Manage) appOf(i apps.Info) appJSON {
	out := appJSON{
		ID: i.ID, Name: i.Name, Status: statusEnabled, Default: i.ID == m.o.Apps.Default(), Origin: string(i.Origin), Admins: i.Admins,
	}
	if out.Admins == nil {
		out.Admins = []string{}
	}
	if !i.Created.IsZero() {
		at := i.Created.UTC()
		out.Created = &at
	}
	return out
}

// overApps lets administrators of the default app pass, who alone may see and change apps.
func (m *Manage) overApps(r *Request) error {
	if r.actor.App != m.o.Apps.Default() {
		return fmt.Errorf("%w: only administrators of the default app see and change apps", auth.ErrForbidden)
	}
	return nil
}

// ListApps answers GET /api/v1/apps.
func ListApps(m *Manage, r *Request) (any, error) {
	if err := m.overApps(r); err != nil {
		return nil, err
	}
	list := m.o.Apps.List()
	out := make([]appJSON, 0, len(list))
	for _, i := range list {
		out = append(out, m.appOf(i))
	}
	return map[string][]appJSON{"apps": out}, nil
}

// newApp is what is asked of an app to be made.
type newApp struct {
	ID     int      `json:"id"`
	Name   string   `json:"name"`
	Admins []string `json:"admins"`
}

// usualAdmin administers an app for which nobody is named.
const usualAdmin = "administrator"

// CreateApp answers POST /api/v1/apps.
func CreateApp(m *Manage, r *Request) (any, error) {
	if err := m.overApps(r); err != nil {
		return nil, err
	}
	var asked newApp
	if err := r.decode(&asked); err != nil {
		return nil, err
	}
	if asked.Admins == nil {
		asked.Admins = []string{usualAdmin}
	}
	info, key, err := m.o.Apps.Create(r.Context(), apps.Draft{ID: asked.ID, Name: asked.Name, Admins: asked.Admins})
	if err != nil {
		return nil, err
	}
	out := m.appOf(info)
	out.Key = string(key)
	return created{"/api/v1/apps/" + strconv.Itoa(info.ID), out}, nil
}

// appID reads the app of the path.
func (r *Request) appID() (int, error) {
	text := r.PathValue("app")
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == 0 || text[0] == '0' {
		return 0, apps.ErrNotFound
	}
	return int(id), nil
}

// GetApp answers GET /api/v1/apps/{app}.
func GetApp(m *Manage, r *Request) (any, error) {
	info, err := m.askedApp(r)
	if err != nil {
		return nil, err
	}
	return m.appOf(info), nil
}

func (m *Manage) askedApp(r *Request) (apps.Info, error) {
	if err := m.overApps(r); err != nil {
		return apps.Info{}, err
	}
	id, err := r.appID()
	if err != nil {
		return apps.Info{}, err
	}
	info, ok := m.o.Apps.Info(id)
	if !ok {
		return apps.Info{}, apps.ErrNotFound
	}
	return info, nil
}

// DeleteApp answers DELETE /api/v1/apps/{app}: the app and all of its data are gone for good, so ?confirm= has to repeat
// its name.
func DeleteApp(m *Manage, r *Request) (any, error) {
	info, err := m.askedApp(r)
	if err != nil {
		return nil, err
	}
	switch {
	case info.Origin == apps.Configured:
		return nil, apps.ErrConfigured
	case r.URL.Query().Get("confirm") != info.Name:
		return nil, bad("all data of the app goes with it, for good: repeat its name in ?confirm=")
	}
	return nil, m.o.Apps.Delete(r.Context(), info.ID)
}
