package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"weir/room"
	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
)

const (
	// heartbeat is how often a subscriber hears something, if only to keep what is between from closing the connection.
	heartbeat = 15 * time.Second
	// eventTimeout is how long a subscriber may take to take what is written.
	eventTimeout = 10 * time.Second
	// retry is when a client connects again, in milliseconds (HTML 9.2.6).
	retry = "retry: 2000\n\n"
	// goodThrough is the second in which a token or an address expires: it is still good in it.
	goodThrough = time.Second
)

// subscriber gives places in the audience of a room's events; *room.Events is one.
type subscriber interface {
	Subscribe(app, room, stream string) (*room.Subscription, error)
}

// Events answers GET /api/v1/rooms/{room}/events with what happens in the room, as server-sent events (HTML 9.2): first
// how each of its streams is and who watches, then what changes. ?stream= is about one stream alone, which is all that
// an address that was signed for one may ask. It goes on until the client leaves or does not take what it is told, until what
// allowed it expires, until the app is deleted, or until the server stops, and then says why (room.Over); a client that
// connects again has missed nothing that still holds.
func (a *API) Events(w http.ResponseWriter, r *http.Request) {
	in, stream := r.PathValue("room"), r.URL.Query().Get("stream")
	grant, err := a.mayPlay(r, in, stream)
	if err != nil {
		status, code := auth.Status(err)
		Problem(w, r, status, code, err.Error())
		return
	}
	if r.Method == http.MethodHead {
		eventsHead(w.Header())
		return
	}
	s, err := a.events.Subscribe(auth.AppName(grant.App), in, stream)
	if err != nil {
		w.Header().Set("Retry-After", "5")
		Problem(w, r, http.StatusServiceUnavailable, CodeServerFull, "the server takes no more subscribers now")
		return
	}
	defer s.Close()
	f := &feed{out: w, control: http.NewResponseController(w)}
	err = a.begin(f, grant.App, in, stream)
	if err == nil {
		err = a.follow(r, f, s, grant)
	}
	if f.lost || r.Context().Err() != nil {
		return
	}
	s.End(err)
	f.event(&room.Event{Type: room.Over, Stream: live.Key{Room: in}, At: time.Now(), Reason: live.Reason(err)})
	_ = f.flush() // a client that does not take it learns it from the end of the answer
}

// follow writes events until there are no more; it returns why. What allowed it is looked at again when that expires: where
// playing is open by then, or always was, it goes on.
func (a *API) follow(r *http.Request, f *feed, s *room.Subscription, grant auth.Grant) error {
	for {
		ctx, cancel := bound(r.Context(), grant)
		err := f.follow(ctx, s)
		cancel()
		if !errors.Is(err, errExpired) {
			return err
		}
		if grant, err = a.mayPlay(r, r.PathValue("room"), r.URL.Query().Get("stream")); err != nil {
			return auth.ErrEnds
		}
	}
}

// bound is a context that ends when what was granted has to end, or else when what allowed it expires.
func bound(ctx context.Context, grant auth.Grant) (context.Context, context.CancelFunc) {
	if !grant.Ends.IsZero() || grant.Expires.IsZero() {
		return grant.Bound(ctx)
	}
	return context.WithDeadlineCause(ctx, grant.Expires.Add(goodThrough), errExpired)
}

// mayPlay grants watching a stream, or, without one, a whole room.
func (a *API) mayPlay(r *http.Request, in, stream string) (auth.Grant, error) {
	if err := auth.CheckRoom(in); err != nil {
		return auth.Grant{}, err
	}
	if stream != "" {
		if err := auth.CheckStream(stream); err != nil {
			return auth.Grant{}, err
		}
	}
	return a.auth.Authorize(r.Context(), auth.RequestOf(r, auth.ActionPlay, in, stream))
}

// begin writes the head of the answer and how the room is, or one stream of it.
func (a *API) begin(f *feed, app int, in, stream string) error {
	eventsHead(f.out.Header())
	f.add([]byte(retry))
	now := time.Now()
	for _, s := range a.lister.Room(app, in) {
		if s.State == StateWaiting || stream != "" && s.Stream != stream {
			continue
		}
		k := live.Key{App: auth.AppName(app), Room: s.Room, Stream: s.Stream}
		state := room.StreamLive
		if s.State == StateInterrupted {
			state = room.StreamInterrupted
		}
		f.event(&room.Event{Type: state, Stream: k, At: s.Since})
		f.event(&room.Event{Type: room.StreamViewers, Stream: k, At: now, Viewers: a.audience.Of(k)})
	}
	return f.flush()
}

func eventsHead(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would collect what is to be seen at once
}

// feed is one subscriber's answer.
type feed struct {
	out     http.ResponseWriter
	control *http.ResponseController
	buf     []byte
	lost    bool // the client takes nothing any more
}

// follow writes events until there are no more; it returns why.
func (f *feed) follow(ctx context.Context, s *room.Subscription) error {
	for {
		ev, err := next(ctx, s)
		switch {
		case errors.Is(err, errQuiet):
			f.add([]byte(": quiet\n\n"))
		case err != nil:
			return err
		default:
			f.event(ev)
		}
		if err := f.flush(); err != nil {
			return err
		}
	}
}

var (
	errQuiet   = errors.New("nothing happened")
	errExpired = errors.New("what allowed it has expired")
)

// next is the next event, or errQuiet.
func next(ctx context.Context, s *room.Subscription) (*room.Event, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, heartbeat, errQuiet)
	defer cancel()
	return s.Next(ctx)
}

func (f *feed) add(b []byte) { f.buf = append(f.buf, b...) }

func (f *feed) event(ev *room.Event) {
	f.buf = append(append(f.buf, "event: "...), ev.Type...)
	f.buf = append(append(f.buf, "\ndata: "...), ev.JSON()...)
	f.buf = append(f.buf, "\n\n"...)
}

func (f *feed) flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	err := f.send()
	f.lost = f.lost || err != nil
	return err
}

func (f *feed) send() error {
	if err := f.control.SetWriteDeadline(time.Now().Add(eventTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_, err := f.out.Write(f.buf)
	f.buf = f.buf[:0]
	if err := errors.Join(err, f.control.Flush()); err != nil {
		return err
	}
	// HTTP/2 resets the stream at a deadline, also where nothing is written.
	if err := f.control.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// watchers counts viewers; *audience.Audience does.
type watchers interface {
	Of(k live.Key) audience.Count
	Saw(k live.Key, f audience.Form, id audience.ID, holds time.Duration)
	Left(k live.Key, f audience.Form, id audience.ID)
}
