package auth

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// App is what tokens and addresses belong to.
type App struct {
	// ID is the app's number, SDKAppID in UserSig.
	ID int
	// Name is for people.
	Name string
	// Key signs and checks the app's tokens.
	Key Secret
	// Admins are the users who may administer the app.
	Admins []string
	// Keys sign and check the app's addresses.
	Keys Keys
}

// Apps knows the apps by their ids. Those that it gives are Ready and are not changed any more.
type Apps interface {
	App(id int) (app *App, ok bool)
}

// Ready is the app with all of its keys: those for addresses that are missing are derived from its own. It refuses an
// app that nobody could be told from another one by.
func (a App) Ready() (*App, error) {
	if a.ID <= 0 || a.ID > maxAppID {
		return nil, fmt.Errorf("cannot use an app %d: the id must be from 1 to %d", a.ID, maxAppID)
	}
	if a.Key == "" {
		return nil, fmt.Errorf("cannot use app %d without a key: an empty one would sign for everybody", a.ID)
	}
	keys, err := a.Keys.WithDefaults(a.Key)
	if err != nil {
		return nil, err
	}
	a.Keys, a.Admins = keys, slices.Clone(a.Admins)
	return &a, nil
}

// Administers tells whether a user may administer the app. A token that is bound to one room administers nothing.
func (a *App) Administers(u User) bool { return u.Limit == nil && slices.Contains(a.Admins, u.ID) }

// maxAppID is the largest number that a privilege map has room for.
const maxAppID = 1<<32 - 1

const (
	// paramApp names the app in a query.
	paramApp = "sdkappid"
	// DefaultApp stands for the app that is meant where none is named.
	DefaultApp = 0
	// noApp is what a query names that cannot be read. No app has this id.
	noApp = -1
)

// AppName is an app as the keys of streams name it.
func AppName(id int) string { return strconv.Itoa(id) }

// AppOf is the app that a query names, DefaultApp when it names none. An app is named once, in this spelling and as a
// plain number, so that an address has one form only; anything else is an app that nobody has.
func AppOf(query string) int {
	id := DefaultApp
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(name, paramApp) {
			continue
		}
		n, err := strconv.ParseUint(value, 10, 32)
		if name != paramApp || id != DefaultApp || err != nil || n == 0 || value[0] == '0' {
			return noApp
		}
		id = int(n)
	}
	return id
}

// CarriedApp is the part of a query that names its app, for the addresses behind the one that has it; empty for the
// default app.
func CarriedApp(query string) string {
	if id := AppOf(query); id > 0 {
		return paramApp + "=" + AppName(id)
	}
	return ""
}

// app is the app of that id.
func (a *Authorizer) app(id int) (*App, error) {
	if id == DefaultApp || id == a.own.ID {
		return a.own, nil
	}
	if a.apps != nil {
		if app, ok := a.apps.App(id); ok {
			return app, nil
		}
	}
	return nil, ErrUnknownApp
}

// errNoKey means that somebody made an app without Ready.
var errNoKey = errors.New("the app has no key for addresses")
