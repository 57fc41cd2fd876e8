package manage

import (
	"fmt"
	"time"

	"weir/room/auth"
)

// usualTTL and maxTTL are the life of a token when none is asked for, and the longest one that is given.
const (
	usualTTL = 24 * time.Hour
	maxTTL   = 180 * 24 * time.Hour
)

// newUserSig is what is asked of a token to be made.
type newUserSig struct {
	User string `json:"user"`
	TTL  string `json:"ttl"`
	// Room and Privileges bind the token to one room and to some rights in it.
	Room       string  `json:"room"`
	Privileges *uint32 `json:"privileges"`
}

// userSigJSON is a token.
type userSigJSON struct {
	UserSig string    `json:"usersig"`
	App     int       `json:"app"`
	User    string    `json:"user"`
	Expires time.Time `json:"expires"`
}

// CreateUserSig answers POST /api/v1/usersig: a token for a user of the app, so that an application's backend needs no
// key and no library.
func CreateUserSig(m *Manage, r *Request) (any, error) {
	var asked newUserSig
	if err := r.decode(&asked); err != nil {
		return nil, err
	}
	ttl, err := asked.life()
	if err != nil {
		return nil, err
	}
	app, ok := m.o.Apps.App(r.actor.App)
	if !ok {
		return nil, auth.ErrUnknownApp
	}
	if err := asked.check(app); err != nil {
		return nil, err
	}
	expires := m.now().Add(ttl).UTC().Truncate(time.Second)
	sig, err := asked.sign(app, ttl)
	if err != nil {
		return nil, err
	}
	return userSigJSON{UserSig: sig, App: app.ID, User: asked.User, Expires: expires}, nil
}

func (u *newUserSig) life() (time.Duration, error) {
	if u.TTL == "" {
		return usualTTL, nil
	}
	ttl, err := time.ParseDuration(u.TTL)
	if err != nil || ttl < time.Second || ttl > maxTTL {
		return 0, bad("ttl must be a time such as 90s or 24h, from 1s to %v", maxTTL)
	}
	return ttl, nil
}

func (u *newUserSig) check(app *auth.App) error {
	if err := auth.CheckUser(u.User); err != nil {
		return err
	}
	switch {
	case u.Privileges != nil && u.Room == "":
		return bad("privileges hold in one room: name it")
	case u.Privileges != nil && *u.Privileges > uint32(auth.RightsAll):
		return bad("privileges are bits from 1 to %d", auth.RightsAll)
	case u.Room != "":
		return auth.CheckRoom(u.Room)
	case app.Administers(auth.User{ID: u.User}): // or else one that is stolen could be made good for ever
		return fmt.Errorf("%w: administrators' tokens are made with the key alone", auth.ErrForbidden)
	}
	return nil
}

func (u *newUserSig) sign(app *auth.App, ttl time.Duration) (string, error) {
	if u.Room == "" {
		return auth.Sign(*app, u.User, ttl)
	}
	rights := auth.RightsAll
	if u.Privileges != nil {
		rights = auth.Rights(*u.Privileges)
	}
	return auth.SignLimited(*app, u.User, ttl, u.Room, rights)
}
