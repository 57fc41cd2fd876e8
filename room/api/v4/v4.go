package v4

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"weir/room/auth"
	"weir/room/im"
)

// budget is how long a call may take.
const budget = 3 * time.Second

// How often things may be done.
const (
	perSecond  = 200 // each command, by each app, where nothing else is said
	badSigs    = 60  // tokens that do not match, from one address in a minute
	badSigsFor = time.Minute
)

// Admins proves who asks. *auth.Authorizer does.
type Admins interface {
	// VerifyAdmin checks that a UserSig of an app speaks for the identifier, and that this is an administrator. Its
	// errors are those of package auth.
	VerifyAdmin(ctx context.Context, app int, identifier, usersig string) (auth.User, error)
}

// Options is what an API needs. All but the rates, Now and Log are required.
type Options struct {
	Admins  Admins
	People  People
	Rooms   Rooms
	Channel Channel
	Words   Words
	// Present are accounts in a room, those who came last first, at most limit.
	Present func(app int, room string, limit int) []Present

	// PerSecond is how often an app may call each command in a second; 0: 200. The few commands that have a rate of
	// their own keep it.
	PerSecond int
	// Rates are other rates, by service/command.
	Rates map[string]int

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.Default
}

// API answers the calls. It is safe for concurrent use.
type API struct {
	o     Options
	calls *counter[callOf]
	bad   *counter[netip.Prefix] // tokens that did not match, by network
	stats *Stats
	newID func() string
}

// callOf is what is counted: the calls of a command by an app.
type callOf struct {
	app     int
	command *command
}

// New makes an API.
func New(o Options) *API {
	if o.PerSecond == 0 {
		o.PerSecond = perSecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &API{
		o: o, newID: requestID, stats: newStats(),
		calls: newCounter[callOf](time.Second, o.Now), bad: newCounter[netip.Prefix](badSigsFor, o.Now),
	}
}

// requestID names a call in its answer and in the log.
func requestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // it never fails
	return hex.EncodeToString(id[:])
}

// call is a call that is being answered.
type call struct {
	*API
	ctx     context.Context
	service *service
	actor   im.Actor
}

// ServeHTTP answers POST /v4/{service}/{command}.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, done := context.WithTimeout(r.Context(), budget)
	defer done()
	id := a.newID()
	s, c := find(r.PathValue("service"), r.PathValue("command"))
	answer, err := a.answer(ctx, w, r, s, c)
	var body []byte
	if err == nil {
		body, err = render(s.outcome(id, nil), answer)
	}
	a.stats.count(s, c, err)
	if err != nil {
		refusal := s.refusal(err)
		if isOurs(err) {
			a.o.Log.Error("a call failed", "path", r.URL.Path, "request", id, "error", err)
		}
		body, _ = render(s.outcome(id, refusal), nil) // texts and numbers always marshal
	}
	write(w, body)
}

// answer does what is asked for.
func (a *API) answer(ctx context.Context, w http.ResponseWriter, r *http.Request, s *service, c *command) (any, error) {
	if c == nil {
		return nil, s.noCommand()
	}
	e, err := readEnvelope(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if err := a.verify(ctx, r, e); err != nil {
		return nil, err
	}
	if !a.calls.allow(callOf{e.app, c}, a.rate(s, c)) {
		return nil, errTooOften
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	return c.serve(&call{API: a, ctx: ctx, service: s, actor: im.Actor{
		App: e.app, User: e.identifier, Admin: true, Platform: im.PlatformREST, Addr: host(r.RemoteAddr),
	}}, body)
}

// rate is how often an app may call a command in a second.
func (a *API) rate(s *service, c *command) int {
	if n, ok := a.o.Rates[s.name+"/"+c.name]; ok {
		return n
	}
	if c.perSecond != 0 {
		return c.perSecond
	}
	return a.o.PerSecond
}

// verify proves who asks.
func (a *API) verify(ctx context.Context, r *http.Request, e envelope) error {
	_, err := a.o.Admins.VerifyAdmin(ctx, e.app, e.identifier, e.usersig)
	for _, known := range verdicts {
		if errors.Is(err, known.err) {
			err = known.as
			break
		}
	}
	if errors.Is(err, errMismatch) && !a.bad.allow(network(r.RemoteAddr), badSigs) {
		return errTooManySigs
	}
	return err
}

// verdicts are what is wrong with a token, the more special before the more general.
var verdicts = []struct {
	err error
	as  *im.Error
}{
	{auth.ErrUnknownApp, errUnknownApp},
	{auth.ErrExpired, errExpired},
	{auth.ErrForged, errMismatch},
	{auth.ErrBadToken, errUnparsable},
	{auth.ErrWrongUser, errOtherUser},
	{auth.ErrWrongApp, errOtherApp},
	{auth.ErrForbidden, errNoAdmin},
	{auth.ErrNoToken, errNoSig},
}

// host is an address without its port.
func host(remote string) string {
	h, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return h
}

// isOurs tells whether an error is a fault of the server, which its operator has to hear of.
func isOurs(err error) bool {
	var e *im.Error
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	return !errors.As(err, &e) || e.Number == im.ErrInternal.Number
}
