package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Action is what a request wants to do.
type Action uint8

// The actions. The zero value is none and is never allowed.
const (
	ActionNone    Action = iota
	ActionPublish        // send a stream into a room
	ActionPlay           // watch a stream
	ActionList           // see what is live
	ActionAdmin          // see and change everything in the app
)

// Mode says who may publish.
type Mode uint8

// The modes.
const (
	// PublishUserSig takes publishers with a valid UserSig.
	PublishUserSig Mode = iota
	// PublishOpen takes everyone: for a laboratory.
	PublishOpen
)

// Options is what an Authorizer needs.
type Options struct {
	// App is whose tokens are valid. Its key must not be empty.
	App App
	// Publish says who may publish.
	Publish Mode
	// Now tells the time; time.Now when nil.
	Now func() time.Time
}

// Request asks for one action. Its ids must have passed CheckRoom and CheckStream.
type Request struct {
	Action       Action
	Room, Stream string
	// Token is a UserSig, or empty.
	Token string
}

// Grant is the answer to a Request that is allowed.
type Grant struct {
	// User is who asked; empty when nobody in particular did.
	User string
	// Expires is when the grant ends; zero when it does not.
	Expires time.Time
	// Rights are what may be sent and received: a token may allow sound only.
	Rights Rights
	// Admin is true for a user who may administer the app.
	Admin bool
}

// Authorizer decides on requests to one app.
type Authorizer struct {
	app     App
	publish Mode
	now     func() time.Time
}

// New returns an Authorizer.
func New(o Options) (*Authorizer, error) {
	if o.App.Key == "" {
		return nil, errors.New("cannot authorize without a key: an empty one would sign for everybody")
	}
	if o.App.ID <= 0 {
		return nil, fmt.Errorf("cannot authorize for app %d: the id must be positive", o.App.ID)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.App.Admins = slices.Clone(o.App.Admins)
	return &Authorizer{app: o.App, publish: o.Publish, now: o.Now}, nil
}

// Authorize grants the request or says why not, with one of this package's errors.
func (a *Authorizer) Authorize(_ context.Context, r Request) (Grant, error) {
	switch r.Action {
	case ActionPlay, ActionList:
		return Grant{Rights: RightsAll}, nil
	case ActionPublish:
		return a.authorizePublish(r)
	case ActionAdmin:
		return a.authorizeAdmin(r)
	default:
		return Grant{}, ErrForbidden
	}
}

func (a *Authorizer) authorizePublish(r Request) (Grant, error) {
	if a.publish == PublishOpen && r.Token == "" {
		return Grant{Rights: RightsAll}, nil
	}
	user, err := a.Verify(r.Token)
	if err != nil {
		return Grant{}, err
	}
	grant := a.grant(user)
	if user.Limit != nil {
		if user.Limit.Room != r.Room {
			return Grant{}, fmt.Errorf("%w: the token is for another room", ErrForbidden)
		}
		if !grant.Rights.Has(RightSendAudio | RightSendVideo) {
			return Grant{}, fmt.Errorf("%w: the token allows neither sound nor picture", ErrForbidden)
		}
	}
	return grant, nil
}

func (a *Authorizer) authorizeAdmin(r Request) (Grant, error) {
	user, err := a.Verify(r.Token)
	if err != nil {
		return Grant{}, err
	}
	grant := a.grant(user)
	if !grant.Admin {
		return Grant{}, ErrForbidden
	}
	return grant, nil
}

// grant is all that the user's token allows. A token that is bound to one room administers nothing.
func (a *Authorizer) grant(u User) Grant {
	g := Grant{User: u.ID, Expires: u.Expires, Rights: RightsAll}
	if u.Limit != nil {
		g.Rights = u.Limit.Rights & RightsAll
		return g
	}
	g.Admin = slices.Contains(a.app.Admins, u.ID)
	return g
}

// Token finds the token of a request: the Authorization header's Bearer (RFC 6750 2.1), else ?usersig=.
func Token(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if ok && strings.EqualFold(scheme, "Bearer") { // RFC 9110 11.1: the scheme's case does not matter
		return strings.TrimSpace(token)
	}
	return r.URL.Query().Get("usersig")
}
