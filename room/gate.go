package room

import (
	"context"
	"errors"
	"fmt"

	"weir/room/auth"
	"weir/room/hook"
	"weir/room/im"
)

// authorizer decides on requests by what they prove; *auth.Authorizer is one.
type authorizer interface {
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
}

// rules are who may publish into which room; *rooms.Rooms has them.
type rules interface {
	MayPublish(ctx context.Context, app int, room, user string, admin bool) error
}

// asker asks others before somebody publishes or plays; *hook.Hooks is one.
type asker interface {
	MayPublish(ctx context.Context, e hook.Event) error
	MayPlay(ctx context.Context, e hook.Event) error
}

// The codes of what a gate refuses beside those of the rooms' own refusals (im.Error).
const (
	codeRefused    = "refused_by_callback"
	codeUnanswered = "callback_unanswered"
)

// Gate decides whether somebody may publish or play: what the request proves has to allow it, then the room, and then
// those who asked to be asked. Its methods may be called from several goroutines.
type Gate struct {
	auth  authorizer
	rooms rules
	hooks asker
	names names
}

// names knows the stream ids of streams; *Namer does.
type names interface {
	Of(app int, user string, r *auth.Request) string
}

// NewGate returns a gate that says what by says; see Attach.
func NewGate(by authorizer) *Gate { return &Gate{auth: by} }

// Attach says who is asked beside: the rooms, and those outside who want to be. Either may be nil. Call it before the
// first request.
func (g *Gate) Attach(in rules, hooks asker) { g.rooms, g.hooks = in, hooks }

// Name says who knows the stream ids of which others are told. Call it before the first request.
func (g *Gate) Name(by names) { g.names = by }

// Authorize grants the request or says why not, with an error that auth.Status knows.
func (g *Gate) Authorize(ctx context.Context, r auth.Request) (auth.Grant, error) {
	return g.authorize(ctx, &r, "")
}

// Door is the gate as one door has it.
type Door struct {
	gate *Gate
	form string
}

// At is the gate of a door: what comes through it is told to others as of that form, such as whip or flv.
func (g *Gate) At(form string) Door { return Door{gate: g, form: form} }

// Authorize grants the request or says why not; see Gate.Authorize.
func (d Door) Authorize(ctx context.Context, r auth.Request) (auth.Grant, error) {
	return d.gate.authorize(ctx, &r, d.form)
}

func (g *Gate) authorize(ctx context.Context, r *auth.Request, form string) (auth.Grant, error) {
	grant, err := g.auth.Authorize(ctx, *r)
	if err != nil {
		return auth.Grant{}, err
	}
	if r.Action == auth.ActionPublish && !r.Session {
		if err := g.mayPublish(ctx, r, grant); err != nil {
			return auth.Grant{}, err
		}
	}
	if r.Begins && g.hooks != nil {
		if err := g.ask(ctx, r, grant, form); err != nil {
			return auth.Grant{}, err
		}
	}
	return grant, nil
}

// mayPublish asks the room. A signed address that names nobody speaks for whoever could sign it.
func (g *Gate) mayPublish(ctx context.Context, r *auth.Request, grant auth.Grant) error {
	if g.rooms == nil {
		return nil
	}
	signed := grant.User == "" && !grant.Expires.IsZero()
	err := g.rooms.MayPublish(ctx, grant.App, r.Room, grant.User, grant.Admin || signed)
	var no *im.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &no) && !errors.Is(no, im.ErrInternal):
		return &auth.RefusedError{Code: no.Code, Detail: no.Info}
	default:
		return fmt.Errorf("cannot ask the room: %w", err)
	}
}

func (g *Gate) ask(ctx context.Context, r *auth.Request, grant auth.Grant, form string) error {
	e := hook.Event{
		App: grant.App, Room: r.Room, Stream: r.Stream, User: grant.User, Form: form,
		Addr: r.From.Addr, Site: r.From.Site, Page: r.From.Page, Query: r.Query,
	}
	if g.names != nil {
		e.StreamID = g.names.Of(grant.App, grant.User, r)
	}
	var err error
	switch r.Action {
	case auth.ActionPublish:
		err = g.hooks.MayPublish(ctx, e)
	case auth.ActionPlay:
		err = g.hooks.MayPlay(ctx, e)
	default:
		return nil
	}
	switch {
	case errors.Is(err, hook.ErrRefused):
		return &auth.RefusedError{Code: codeRefused, Detail: "the application refuses it"}
	case err != nil:
		return &auth.RefusedError{Code: codeUnanswered, Detail: "the application, which decides on it, does not answer"}
	default:
		return nil
	}
}
