package auth

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Site is where a server is reached.
type Site struct {
	// HTTP is such as https://live.example.com.
	HTTP string
	// RTMP is such as rtmp://live.example.com; empty where nothing listens.
	RTMP string
}

// Address says what addresses are wanted and what they shall promise; see Pass.
type Address struct {
	App          int // DefaultApp, or an id
	Room, Stream string
	ID           string // the stream id by which it is known as well; empty: none
	Dialect      Dialect
	User         string
	Once         string // of publishing only
	Expires      time.Time
	Ends         bool
}

// PlayURLs are the addresses at which a stream is played.
type PlayURLs struct {
	// WebRTC is for WHEP.
	WebRTC string `json:"webrtc"`
	FLV    string `json:"flv"`
	WSFLV  string `json:"ws_flv"`
	HLS    string `json:"hls"`
	// Watch is the page. What it proves stands behind the #, which browsers send to no server.
	Watch string `json:"watch"`
	// ByID are the addresses by its stream id, where it has one.
	ByID *IDURLs `json:"by_streamid,omitempty"`
}

// IDURLs are the addresses at which a stream is played by its stream id alone, as a cloud's are. Signatures are for the id.
type IDURLs struct {
	ID    string `json:"streamid"`
	FLV   string `json:"flv"`
	WSFLV string `json:"ws_flv"`
	HLS   string `json:"hls"`
}

// PublishURLs are the addresses at which a stream is published.
type PublishURLs struct {
	// WHIP is for RFC 9725.
	WHIP string `json:"whip"`
	// RTMP is empty where nothing listens. It has the stream id in the place of room and stream where that leads there.
	RTMP string `json:"rtmp,omitempty"`
	// Studio is the page, with the signature behind the #.
	Studio string `json:"studio"`
}

// PlayURLs builds the addresses at which a stream is played. They are signed where playing needs it, or where they name a
// viewer or promise an end.
func (a *Authorizer) PlayURLs(site Site, o Address) (PlayURLs, error) {
	root, path, err := site.parse(o.Room, o.Stream)
	if err == nil && o.ID != "" {
		err = CheckStream(o.ID)
	}
	if err != nil {
		return PlayURLs{}, err
	}
	s := signing{by: a, dialect: o.Dialect, skip: !a.playSigned && o.User == "" && !o.Ends, pass: Pass{
		App: o.App, Action: ActionPlay, Room: o.Room, Stream: o.Stream, User: o.User, Expires: o.Expires, Ends: o.Ends,
	}}
	file := "/live/" + path
	out := PlayURLs{
		WebRTC: s.under(root, "/whep/"+path), FLV: s.under(root, file+suffixes[FormFLV]), HLS: s.under(root, file+suffixes[FormHLS]),
	}
	out.WSFLV = "ws" + strings.TrimPrefix(out.FLV, "http")
	if o.ID != "" {
		out.ByID = s.byID(root, o.ID)
	}
	// The page asks at several paths, so its signature is of the dialect that holds for all of them.
	s.dialect, s.mark = DialectWeir, "#"
	out.Watch = s.under(root, "/watch/"+path)
	return out, s.err
}

// PublishURLs builds the addresses at which a stream is published, signed unless anybody may publish and there is
// nothing to promise.
func (a *Authorizer) PublishURLs(site Site, o Address) (PublishURLs, error) {
	root, path, err := site.parse(o.Room, o.Stream)
	if err == nil && o.ID != "" {
		err = CheckStream(o.ID)
	}
	if err != nil {
		return PublishURLs{}, err
	}
	s := signing{by: a, dialect: o.Dialect, skip: a.publish == PublishOpen && o.User == "" && o.Once == "" && !o.Ends, pass: Pass{
		App: o.App, Action: ActionPublish, Room: o.Room, Stream: o.Stream, User: o.User, Once: o.Once, Expires: o.Expires, Ends: o.Ends,
	}}
	s.id = o.ID
	out := PublishURLs{WHIP: s.under(root, "/whip/"+path)}
	if site.RTMP != "" {
		out.RTMP = s.rtmp(strings.TrimRight(site.RTMP, "/"), "/live/"+path)
	}
	if out.Studio, err = StudioURL(site.HTTP, DefaultApp, o.Room, o.Stream, ""); err != nil {
		return PublishURLs{}, err
	}
	s.id, s.dialect, s.mark = "", DialectWeir, "&" // as for the watch page
	out.Studio = s.under(out.Studio, "")
	return out, s.err
}

// StudioURL is the page that publishes a stream of an app. The token, which may be empty, stands behind the #.
func StudioURL(base string, app int, room, stream, token string) (string, error) {
	root, _, err := Site{HTTP: base}.parse(room, stream)
	if err != nil {
		return "", err
	}
	fields := url.Values{"room": {room}, "stream": {stream}}
	if app != DefaultApp {
		fields.Set(paramApp, AppName(app))
	}
	if token != "" {
		fields.Set(paramUserSig, token)
	}
	// A + would be a space to some readers of a fragment and a plus to others; %20 is one to all.
	return root + "/studio#" + strings.ReplaceAll(fields.Encode(), "+", "%20"), nil
}

// parse gives the beginning of the site's HTTP addresses and the part of a path that names a stream.
func (s Site) parse(room, stream string) (root, path string, err error) {
	if err := errors.Join(CheckRoom(room), CheckStream(stream)); err != nil {
		return "", "", err
	}
	b, err := url.Parse(s.HTTP)
	if err != nil || b.Scheme != "http" && b.Scheme != "https" || b.Host == "" || b.User != nil || b.RawQuery != "" || b.Fragment != "" {
		return "", "", fmt.Errorf("cannot build URLs below %q: it must be such as https://live.example.com", s.HTTP)
	}
	return strings.TrimRight(b.String(), "/"), url.PathEscape(room) + "/" + url.PathEscape(stream), nil
}

// signing puts signatures to addresses, until one cannot be signed.
type signing struct {
	by      *Authorizer
	dialect Dialect
	pass    Pass
	id      string // what a publisher's address gives the stream
	skip    bool   // nothing is to be signed
	mark    string // before the signature; ? when empty
	err     error
}

// byID are the addresses for players by a stream id.
func (s *signing) byID(root, id string) *IDURLs {
	of := *s
	of.pass.Room, of.pass.Stream, of.pass.ID = "", "", id
	file := "/live/" + url.PathEscape(id)
	out := &IDURLs{ID: id, FLV: of.under(root, file+suffixes[FormFLV]), HLS: of.under(root, file+suffixes[FormHLS])}
	out.WSFLV = "ws" + strings.TrimPrefix(out.FLV, "http")
	s.err = of.err
	return out
}

// rtmp is the address for encoders: by the stream id if that alone says which room and stream it is.
func (s *signing) rtmp(root, path string) string {
	room, stream, err := RoomOfID(s.id)
	if err != nil || room != s.pass.Room || stream != s.pass.Stream {
		return s.under(root, path)
	}
	of := *s
	of.id, of.pass.Room, of.pass.Stream, of.pass.ID = "", "", "", s.id
	out := of.under(root, "/live/"+url.PathEscape(s.id))
	s.err = of.err
	return out
}

// query is the signature of an address. In a dialect that is not taken here it would open nothing.
func (s *signing) query(path string) (string, error) {
	if !s.by.dialects[s.dialect] {
		return "", fmt.Errorf("%w: %v is none of those that are taken here (auth.dialects)", ErrBadDialect, s.dialect)
	}
	return s.by.SignQuery(s.dialect, s.pass, path)
}

func (s *signing) under(root, path string) string {
	var parts []string
	if app := cmp.Or(s.pass.App, s.by.own.ID); app != s.by.own.ID || app != s.by.AppFor("", s.pass.ID) {
		parts = append(parts, paramApp+"="+AppName(app))
	}
	if s.id != "" {
		parts = append(parts, paramStreamID+"="+url.QueryEscape(s.id))
	}
	if !s.skip && s.err == nil {
		query, err := s.query(path)
		s.err = err
		parts = append(parts, query)
	}
	if len(parts) == 0 || s.err != nil {
		return root + path
	}
	mark := s.mark
	if mark == "" {
		mark = "?"
	}
	return root + path + mark + strings.Join(parts, "&")
}
