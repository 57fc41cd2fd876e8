package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Action is what a request wants to do.
type Action uint8

// The actions. The zero value is none and is never allowed.
const (
	ActionNone      Action = iota
	ActionPublish          // send a stream into a room
	ActionPlay             // watch a stream
	ActionList             // see what is live
	ActionAdmin            // see and change everything in the app
	ActionAddresses        // be told the addresses of a stream
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
	// App is the default app. Its key must not be empty; what is missing of its keys for addresses is derived from it.
	App App
	// Apps knows the others; nil when there are none.
	Apps Apps
	// Publish says who may publish.
	Publish Mode
	// PlaySigned closes playing to everybody without a signed address or a UserSig that allows it.
	PlaySigned bool
	// Dialects are the dialects of signed addresses that are taken; only weir's own when there are none.
	Dialects []Dialect
	// Uses remembers which addresses for one use were used; nil refuses all of these.
	Uses Uses
	// Now tells the time; time.Now when nil.
	Now func() time.Time
}

// Uses remembers addresses for one use.
type Uses interface {
	// Use notes a use, to be remembered until a time at least, and tells whether it is the first of that name. Of
	// two at once one is. An error means that it could not be noted, so that the address must not open.
	Use(once string, until time.Time) (first bool, err error)
}

// Request asks for one action. Its ids must have passed CheckRoom and CheckStream. RequestOf makes one.
type Request struct {
	Action Action
	// App is whose room it is: DefaultApp, or an id.
	App          int
	Room, Stream string
	// ID is the stream id that the address has in the place of room and stream; empty: none. Then a signature is for the id,
	// and Room and Stream say whose it is, as far as that is known.
	ID string
	// Token is a UserSig, or empty.
	Token string
	// Query is the address's query as it came, where a signature may be, and Path its path, percent-encoded.
	Query, Path string
	// Session goes on with what was granted before: neither the signature's expiry counts, nor that the address was
	// used. Whoever asks so must know by other means, such as a secret id, that it is about that session.
	Session bool
	// Begins says that publishing or playing begins with it, so that those may be asked who decide beside this package.
	Begins bool
	// From is who asks, for these.
	From Client
}

// Client is where a request comes from and how it reached this server, as far as that is known.
type Client struct {
	Addr string // without the port
	Site string // such as https://live.example.com
	Page string // that the viewer is on
}

// ClientOf is who sent an HTTP request.
func ClientOf(r *http.Request) Client {
	c := Client{Addr: r.RemoteAddr, Site: "http://" + r.Host, Page: r.Referer()}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		c.Addr = host
	}
	if r.TLS != nil {
		c.Site = "https://" + r.Host
	}
	return c
}

// RequestOf is what an HTTP request asks for. The path value streamid is that of a request by a stream id.
func RequestOf(r *http.Request, action Action, room, stream string) Request {
	return Request{
		From:   ClientOf(r),
		Action: action, App: AppOf(r.URL.RawQuery), Room: room, Stream: stream, ID: r.PathValue(paramStreamID), Token: Token(r), Query: r.URL.RawQuery, Path: r.URL.EscapedPath(),
	}
}

// OfSession is the request made of one whose path is one segment below the address that began the session.
func (r Request) OfSession() Request {
	r.Session, r.Path = true, r.Path[:max(strings.LastIndexByte(r.Path, '/'), 0)]
	return r
}

// Beginning is the request as one with which publishing or playing begins.
func (r Request) Beginning() Request {
	r.Begins = true
	return r
}

// Grant is the answer to a Request that is allowed.
type Grant struct {
	// App is the id of the app that it is about; never DefaultApp.
	App int
	// User is who asked; empty when nobody in particular did.
	User string
	// Expires is until when the grant opens something; zero when there is no end to that.
	Expires time.Time
	// Ends is when what was begun with the grant has to end, too; zero when it may go on.
	Ends time.Time
	// Rights are what may be sent and received: a token may allow sound only.
	Rights Rights
	// Admin is true for a user who may administer the app.
	Admin bool
}

// Authorizer decides on requests to apps.
type Authorizer struct {
	own        *App // the default one
	apps       Apps // the others; may be nil
	publish    Mode
	playSigned bool // playing needs authority
	dialects   [len(dialects)]bool
	uses       Uses
	now        func() time.Time
}

// New returns an Authorizer.
func New(o Options) (*Authorizer, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	own, err := o.App.Ready()
	if err != nil {
		return nil, err
	}
	a := &Authorizer{own: own, apps: o.Apps, publish: o.Publish, playSigned: o.PlaySigned, uses: o.Uses, now: o.Now}
	a.dialects[DialectWeir] = true // the addresses that one address leads to are signed in it
	for _, d := range o.Dialects {
		a.dialects[d] = true
	}
	return a, nil
}

// PlaySigned tells whether playing needs a signed address or a token.
func (a *Authorizer) PlaySigned() bool { return a.playSigned }

// Authorize grants the request or says why not, with one of this package's errors.
func (a *Authorizer) Authorize(_ context.Context, r Request) (Grant, error) {
	if r.ID != "" && r.App == DefaultApp {
		r.App = a.AppFor("", r.ID)
	}
	app, err := a.app(r.App)
	if err != nil {
		return Grant{}, err
	}
	switch r.Action {
	case ActionPlay:
		return a.authorizePlay(app, &r)
	case ActionList:
		if !a.playSigned {
			return anybody(app), nil
		}
		return a.authorizeToken(app, &r, toReceive)
	case ActionPublish:
		return a.authorizePublish(app, &r)
	case ActionAddresses:
		return a.authorizeAddresses(app, &r)
	case ActionAdmin:
		return a.authorizeAdmin(app, &r)
	default:
		return Grant{}, ErrForbidden
	}
}

// anybody is what an app grants to nobody in particular where something is open.
func anybody(app *App) Grant { return Grant{App: app.ID, Rights: RightsAll} }

// authorizePlay wants a signature or a token. Where playing is open they only tell who it is, if they are good.
func (a *Authorizer) authorizePlay(app *App, r *Request) (Grant, error) {
	if !a.playSigned && r.Token == "" && r.Query == "" {
		return anybody(app), nil
	}
	grant, err := a.authorizeAny(app, r, toReceive)
	if err != nil && !a.playSigned {
		return anybody(app), nil
	}
	if !a.playSigned {
		grant.Rights |= toReceive // which everybody has
	}
	return grant, err
}

func (a *Authorizer) authorizePublish(app *App, r *Request) (Grant, error) {
	grant, err := a.authorizeAny(app, r, toSend)
	if a.publish == PublishOpen && errors.Is(err, ErrNoToken) {
		return anybody(app), nil
	}
	return grant, err
}

// authorizeAddresses takes whoever has an address for playing, or a token that is good for something in the room.
func (a *Authorizer) authorizeAddresses(app *App, r *Request) (Grant, error) {
	as := *r
	as.Action = ActionPlay
	return a.authorizeAny(app, &as, toSend|toReceive)
}

// authorizeAny takes a token that has any of the rights, or else a signature.
func (a *Authorizer) authorizeAny(app *App, r *Request, needs Rights) (Grant, error) {
	pr, err := parseProof(r.Query)
	switch {
	case err != nil:
		return Grant{}, err
	case pr.of(paramUserSig) != "" && pr.signature():
		return Grant{}, fmt.Errorf("%w: there is a token beside it in the address", ErrBadSignature)
	case r.Token != "":
		return a.authorizeToken(app, r, needs)
	case !pr.signature():
		return Grant{}, fmt.Errorf("%w, or a signed address", ErrNoToken)
	}
	pass, err := a.verify(app, r, &pr)
	if err != nil {
		return Grant{}, err
	}
	if err := a.use(&pass, r.Session); err != nil {
		return Grant{}, err
	}
	return pass.grant(), nil
}

// use takes the one use that an address may be for.
func (a *Authorizer) use(p *Pass, session bool) error {
	if p.Once == "" || session {
		return nil
	}
	if a.uses == nil {
		return ErrUsed
	}
	name := p.Once
	if p.App != a.own.ID {
		name = AppName(p.App) + ":" + name // no name has a colon: what one app uses, another one's address still is for
	}
	first, err := a.uses.Use(name, p.Expires)
	switch {
	case err != nil:
		return fmt.Errorf("cannot note that the address was used: %w", err)
	case !first:
		return ErrUsed
	}
	return nil
}

// authorizeToken takes a token that has any of the rights in the request's room.
func (a *Authorizer) authorizeToken(app *App, r *Request, needs Rights) (Grant, error) {
	user, err := a.verifySig(app, r.Token)
	if err != nil {
		return Grant{}, err
	}
	if user.Limit != nil {
		if user.Limit.Room != r.Room {
			return Grant{}, fmt.Errorf("%w: the token is for another room", ErrForbidden)
		}
		user.Limit.Rights = user.Limit.Rights.in(r.Stream)
		if !user.Limit.Rights.Has(needs) {
			return Grant{}, fmt.Errorf("%w: the token allows neither sound nor picture", ErrForbidden)
		}
	}
	return grant(app, user), nil
}

func (a *Authorizer) authorizeAdmin(app *App, r *Request) (Grant, error) {
	user, err := a.verifySig(app, r.Token)
	if err != nil {
		return Grant{}, err
	}
	g := grant(app, user)
	if !g.Admin {
		return Grant{}, ErrForbidden
	}
	return g, nil
}

// grant is all that the user's token allows in the app.
func grant(app *App, u User) Grant {
	g := Grant{App: app.ID, User: u.ID, Expires: u.Expires, Rights: RightsAll, Admin: app.Administers(u)}
	if u.Limit != nil {
		g.Rights = u.Limit.Rights & RightsAll
	}
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
