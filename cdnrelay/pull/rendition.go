package pull

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"weir/mux/av"
	"weir/mux/hls"
)

const (
	// maxPlaylist, maxInit and maxSegment bound what is taken of a source at once.
	maxPlaylist = 1 << 20
	maxInit     = 1 << 20
	maxSegment  = 32 << 20
	// fromEdge is how many segments before the end of a live playlist a reader begins.
	fromEdge = 3
	// maxMissed is how many segments in a row may be missing, besides those of which the playlist says so.
	maxMissed = 3
	// maxStale is how many playlists in a row may be older than one before. They are asked for twice in the time of a segment.
	maxStale = 4
	// minReload is the least time between two requests for a playlist.
	minReload = 500 * time.Millisecond
)

// batch is the media of one segment.
type batch struct {
	frames []*av.Frame
	turn   int64         // the time line that it is of
	wraps  bool          // times begin anew at tsWrap
	missed bool          // some of it, or of what was before it, is missing
	ahead  int64         // segments of a live playlist that are there behind it
	target time.Duration // how long segments are at most
}

// rendition reads one media playlist. Its goroutine is in run.
type rendition struct {
	fetch   *fetcher
	url     *url.URL      // what is asked for, each time anew: redirects may balance load
	base    *url.URL      // what the addresses in it are relative to
	list    *hls.Playlist // nil until it is read
	dec     decoder
	batches chan batch // unbuffered: one segment is fetched while the one before is played
	place   *place     // through this connection and those before
	err     error      // why batches was closed; valid then

	mapRef  hls.MapRef // where section is from
	section []byte     // the initialization section in force
	keys    keys
	begun   bool  // turn is valid
	turn    int64 // of the segment that was read last
	missed  bool  // something is missing behind what was read last
	absent  int   // segments in a row that the playlist names and the server does not have
	stale   int   // playlists in a row that were older than one before
}

func newRendition(f *fetcher, u *url.URL, p *place) *rendition {
	return &rendition{fetch: f, url: u, batches: make(chan batch), place: p}
}

// run fetches one segment after the other, until one cannot be had or the playlist ends.
func (r *rendition) run(ctx context.Context) error {
	next := int64(-1)
	for {
		if r.list == nil {
			if err := r.load(ctx); err != nil {
				return err
			}
		}
		list, loaded := r.list, time.Now()
		r.list = nil
		next = r.from(list, next)
		was := next
		if err := r.segments(ctx, list, &next, loaded); err != nil {
			return err
		}
		if list.Ended && next >= list.End() {
			return ErrOver
		}
		if !sleep(ctx, time.Until(loaded.Add(reload(list.Target, next > was)))) {
			return context.Cause(ctx)
		}
	}
}

// from is the number of the segment to go on with in a playlist, where that is next if nothing happened; -1: nothing was read.
func (r *rendition) from(list *hls.Playlist, next int64) int64 {
	switch {
	case next < 0:
		return r.place.begin(list)
	case list.End() >= next:
		r.stale = 0
		return next
	case list.Behind(next) && r.stale < maxStale:
		r.stale++ // one of several caches is not up to date; what was played is not played again
		return next
	default: // the source began anew
		r.stale = 0
		r.turn++
		r.section = nil
		*r.place = place{}
		return r.place.begin(list)
	}
}

// reload is the time between two requests for a playlist (RFC 8216 6.3.4).
func reload(target time.Duration, moved bool) time.Duration {
	if !moved {
		target /= 2
	}
	return max(target, minReload)
}

// segments fetches those from next on, for as long as the playlist is fresh.
func (r *rendition) segments(ctx context.Context, list *hls.Playlist, next *int64, loaded time.Time) error {
	if *next < list.Sequence { // they are gone
		*next, r.missed = list.Sequence, true
	}
	for *next < list.End() {
		if !list.Ended && time.Since(loaded) > list.Target {
			return nil
		}
		number := *next
		*next++
		s := &list.Segments[number-list.Sequence]
		r.turned(s)
		b, err := r.segment(ctx, s, number)
		if err != nil && !away(err) {
			r.place.read(s, *next) // the next connection does not begin with what is of no use
		}
		if errors.Is(err, errMissing) && (s.Gap || r.absent < maxMissed) {
			r.missed = true
			if !s.Gap {
				r.absent++
			}
			continue
		}
		if err != nil {
			return err
		}
		b.turn, b.target = r.turn, list.Target
		b.missed, r.missed, r.absent = r.missed || r.dec.bad > 0, false, 0
		if !list.Ended { // what has ended is played in its time
			b.ahead = list.End() - *next
		}
		select {
		case r.batches <- b:
			r.place.read(s, *next)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// turned counts the time lines: as the playlist numbers them, and by the tags that come by, since many a playlist does not say how
// many are gone from it (RFC 8216 4.3.3.3).
func (r *rendition) turned(s *hls.SegmentRef) {
	if s.Breaks && r.begun {
		r.turn++
		r.section = nil // encoders that were restarted write another one to the same address
	}
	r.turn, r.begun = max(r.turn, s.Discontinuity), true
}

// errMissing: a segment is not there, while the next one may be.
var errMissing = errors.New("a segment is missing")

// away tells whether an error is about the server, and says nothing of what it was asked for.
func away(err error) bool {
	return errors.Is(err, ErrConnect) || errors.Is(err, ErrClosed) || errors.Is(err, ErrTimeout)
}

// load reads the playlist.
func (r *rendition) load(ctx context.Context) (err error) {
	r.list, r.base, err = loadPlaylist(ctx, r.fetch, r.url)
	if err == nil && r.list.Target == 0 {
		return fmt.Errorf("%w: a media playlist is none", ErrFormat)
	}
	return err
}

// loadPlaylist reads a playlist; base is what its addresses are relative to.
func loadPlaylist(ctx context.Context, f *fetcher, u *url.URL) (list *hls.Playlist, base *url.URL, err error) {
	answer, err := f.get(ctx, u, "") //nolint:bodyclose // read closes it
	if err != nil {
		return nil, nil, err
	}
	text, err := read(answer, maxPlaylist)
	if err != nil {
		return nil, nil, err
	}
	if list, err = hls.Read(string(text)); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return list, answer.Request.URL, nil
}

// segment fetches a segment and makes frames of it.
func (r *rendition) segment(ctx context.Context, s *hls.SegmentRef, number int64) (b batch, err error) {
	switch {
	case !readable(s.Key) || !readable(s.Map.Key):
		return b, fmt.Errorf("%w: it is encrypted, and not with %s", ErrUnfit, hls.MethodAES128)
	case s.Gap:
		return b, errMissing
	}
	data, err := r.part(ctx, s.URI, s.Range, maxSegment)
	if errors.Is(err, ErrRefused) {
		return b, fmt.Errorf("%w: %w", errMissing, err)
	}
	if err == nil {
		data, err = r.decrypted(ctx, data, s.Key, number)
	}
	if err != nil {
		return b, err
	}
	if s.Map.URI == "" {
		b.wraps = true
		if isPacked(data) {
			b.frames, err = r.dec.packed(data)
		} else {
			b.frames, err = r.dec.ts(data)
		}
		return b, err
	}
	if err := r.initialize(ctx, s.Map, number); err != nil {
		return b, err
	}
	b.frames, err = r.dec.mp4(r.section, data)
	return b, err
}

// initialize makes an initialization section the one in force; number is that of the first segment behind it.
func (r *rendition) initialize(ctx context.Context, m hls.MapRef, number int64) error {
	if r.section != nil && m == r.mapRef {
		return nil
	}
	section, err := r.part(ctx, m.URI, m.Range, maxInit)
	if err == nil {
		section, err = r.decrypted(ctx, section, m.Key, number)
	}
	if err != nil {
		return err
	}
	r.section, r.mapRef = section, m
	return nil
}

// part fetches what an address of the playlist leads to, or a range of it.
func (r *rendition) part(ctx context.Context, uri string, of hls.Range, limit int64) ([]byte, error) {
	u, err := resolve(r.base, uri)
	if err != nil {
		return nil, err
	}
	if of.Length > limit {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, of.Length)
	}
	var answer *http.Response
	if of.Length == 0 {
		answer, err = r.fetch.get(ctx, u, "") //nolint:bodyclose // read closes it
	} else {
		answer, err = r.fetch.get(ctx, u, fmt.Sprintf("bytes=%d-%d", of.Offset, of.Offset+of.Length-1)) //nolint:bodyclose // read closes it
	}
	if err != nil {
		return nil, err
	}
	return read(answer, limit)
}

// resolve is an address of a playlist.
func resolve(base *url.URL, uri string) (*url.URL, error) {
	uri = strings.TrimSpace(uri)
	u, err := base.Parse(uri)
	if err != nil { // a colon in a name such as 12:30:00.ts, which RFC 3986 4.2 does not allow and all players take
		u, err = base.Parse("./" + uri)
	}
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: an address in a playlist", ErrFormat)
	}
	login(u, base)
	return u, nil
}
