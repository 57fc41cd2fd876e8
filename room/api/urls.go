package api

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"weir/room/auth"
	"weir/room/live"
)

// usualTTL is the life of addresses when none is asked for.
const usualTTL = 24 * time.Hour

// Addresser builds addresses; *auth.Authorizer is one.
type Addresser interface {
	PlaySigned() bool
	PlayURLs(site auth.Site, o auth.Address) (auth.PlayURLs, error)
	PublishURLs(site auth.Site, o auth.Address) (auth.PublishURLs, error)
}

// urlsJSON is the addresses of a stream.
type urlsJSON struct {
	Room   string `json:"room"`
	Stream string `json:"stream"`
	// Expires is until when those that are signed open.
	Expires time.Time         `json:"expires"`
	Play    *auth.PlayURLs    `json:"play,omitempty"`
	Publish *auth.PublishURLs `json:"publish,omitempty"`
}

// URLs answers GET /api/v1/streams/{room}/{stream}/urls: the addresses of a stream that whoever asks may use, signed
// where that is needed. ?ttl= is how long they open, which is never longer than the asker's own authority; ?dialect=
// how they are signed. ?end=1 ends what was begun with them when they expire, ?once=1 makes those for publishing good
// for one use. ?streamid= asks for those by a stream id, too, for administrators; a stream that is live has its own. ?viewer= names whom they are for: another than the asker for administrators only.
func (a *API) URLs(w http.ResponseWriter, r *http.Request) {
	body, err := a.urls(r)
	var bad *parameterError
	switch {
	case err == nil:
		a.write(w, r, body)
	case errors.As(err, &bad):
		Problem(w, r, http.StatusBadRequest, CodeBadRequest, bad.Error())
	default:
		status, code := auth.Status(err)
		if status == http.StatusInternalServerError {
			a.log.Error("cannot build addresses", "error", err)
			Problem(w, r, status, code, "the addresses cannot be built")
			return
		}
		Problem(w, r, status, code, err.Error())
	}
}

// parameterError is a parameter of a request that cannot be read.
type parameterError struct{ name, want string }

func (e *parameterError) Error() string { return "?" + e.name + "= must be " + e.want }

func (a *API) urls(r *http.Request) (*urlsJSON, error) {
	room, stream := r.PathValue("room"), r.PathValue("stream")
	may := func(action auth.Action) (auth.Grant, error) {
		return a.auth.Authorize(r.Context(), auth.RequestOf(r, action, room, stream))
	}
	who, err := may(auth.ActionAddresses)
	if err != nil {
		return nil, err
	}
	site, err := a.site(r)
	if err != nil {
		return nil, &parameterError{"Host", "that of this server"}
	}
	q := r.URL.Query()
	o, once, err := a.wanted(q, who)
	if err != nil {
		return nil, err
	}
	o.App, o.Room, o.Stream = who.App, room, stream
	if o.ID == "" {
		o.ID = a.idOf(live.Key{App: auth.AppName(who.App), Room: room, Stream: stream})
	}
	out := &urlsJSON{Room: room, Stream: stream, Expires: o.Expires.UTC()}
	// An address allows sound and pictures: who may send or receive one of them alone would get more by it.
	g, err := may(auth.ActionPublish)
	publishes := err == nil && g.Rights.Has(auth.RightSendAudio) && g.Rights.Has(auth.RightSendVideo)
	if plays, err := may(auth.ActionPlay); err == nil && plays.Rights.ReceivesAll() {
		of := o
		if of.User == "" && !who.Admin && !publishes && a.urlsBy.PlaySigned() && carriesName(of.Dialect, r) {
			of.User = who.User
		}
		play, err := a.urlsBy.PlayURLs(site, of)
		if err != nil {
			return nil, err
		}
		out.Play = &play
	}
	if publishes {
		// An address without a name speaks for the application, whatever becomes of the asker in the room.
		if o.User == "" && (o.Dialect == auth.DialectWeir || !who.Admin) {
			o.User = who.User
		}
		o.Once = once
		publish, err := a.urlsBy.PublishURLs(site, o)
		switch {
		case err == nil:
			out.Publish = &publish
		case who.Admin || once != "" || out.Play == nil || !errors.Is(err, auth.ErrBadDialect):
			return nil, err
		default: // the dialect has no place for the name: it has addresses to play at only
		}
	}
	if out.Play == nil && out.Publish == nil {
		return nil, fmt.Errorf("%w: no address allows as little as the token does", auth.ErrForbidden)
	}
	return out, nil
}

// idOf is the stream id of a stream that is there; empty when it has none.
func (a *API) idOf(k live.Key) string {
	s, ok := a.hub.Stream(k)
	if !ok {
		return ""
	}
	return s.Info().ID
}

// carriesName tells whether an address to play at is to name who asked for it, if he may only watch: whoever passes it on
// is known by it, and all who have it count as one viewer. Who may publish the stream shares it with everybody. Who asks
// with an address that names him loses the name in no other dialect.
func carriesName(d auth.Dialect, r *http.Request) bool {
	return d == auth.DialectWeir || auth.Token(r) == ""
}

// wanted reads what is asked of the addresses, within what the asker may give; once is the name of their one use.
func (a *API) wanted(q url.Values, who auth.Grant) (o auth.Address, once string, err error) {
	ttl, end, single := usualTTL, false, false
	if text := q.Get("ttl"); text != "" {
		if ttl, err = time.ParseDuration(text); err != nil || ttl < time.Second || ttl > auth.MaxTTL {
			return o, "", &parameterError{"ttl", fmt.Sprintf("a time such as 90s or 24h, from 1s to %v", auth.MaxTTL)}
		}
	}
	for name, to := range map[string]*bool{"end": &end, "once": &single} {
		if text := q.Get(name); text != "" {
			if *to, err = strconv.ParseBool(text); err != nil {
				return o, "", &parameterError{name, "1 or 0"}
			}
		}
	}
	if text := q.Get("dialect"); text != "" {
		if o.Dialect, err = auth.ParseDialect(text); err != nil {
			return o, "", err
		}
	}
	if o.ID = q.Get("streamid"); o.ID != "" && auth.CheckStream(o.ID) != nil {
		return o, "", &parameterError{"streamid", "1 to 128 of A-Z a-z 0-9 . _ -"}
	}
	o.User = q.Get("viewer")
	switch {
	case o.User != "" && auth.CheckUser(o.User) != nil:
		return o, "", &parameterError{"viewer", "a user id: 1 to 32 of A-Z a-z 0-9 _ -"}
	case o.User != "" && o.User != who.User && !who.Admin:
		return o, "", fmt.Errorf("%w: only administrators make addresses for others", auth.ErrForbidden)
	case o.ID != "" && !who.Admin: // in another room it may be another stream's
		return o, "", fmt.Errorf("%w: only administrators make addresses for a stream id that the stream does not have", auth.ErrForbidden)
	}
	o.Expires, o.Ends = a.now().Add(ttl).Truncate(time.Second), end || !who.Ends.IsZero()
	if !who.Admin && !who.Expires.IsZero() && o.Expires.After(who.Expires) {
		o.Expires = who.Expires
	}
	if single {
		once = rand.Text()
	}
	return o, once, nil
}
