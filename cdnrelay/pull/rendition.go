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
	// maxMissed is how many segments in a row may be missing.
	maxMissed = 3
	// minReload is the least time between two requests for a playlist.
	minReload = 500 * time.Millisecond
)

// batch is the media of one segment.
type batch struct {
	frames        []*av.Frame
	discontinuity int64         // how many there were before it
	wraps         bool          // times begin anew at tsWrap
	missed        bool          // some of it, or of what was before it, is missing
	ahead         int64         // segments that are there behind it
	target        time.Duration // how long segments are at most
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
	missed  int        // segments in a row
}

func newRendition(f *fetcher, u *url.URL, seen places) *rendition {
	return &rendition{fetch: f, url: u, batches: make(chan batch), place: seen.of(u)}
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
		end := list.Sequence + int64(len(list.Segments))
		if next < 0 || end < next { // the source began anew
			next = r.place.begin(list)
		}
		was := next
		if err := r.segments(ctx, list, &next, loaded); err != nil {
			return err
		}
		if list.Ended && next >= end {
			return ErrOver
		}
		if !sleep(ctx, time.Until(loaded.Add(reload(list.Target, next > was)))) {
			return context.Cause(ctx)
		}
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
		*next, r.missed = list.Sequence, r.missed+1
	}
	for i := *next - list.Sequence; i < int64(len(list.Segments)); i++ {
		if !list.Ended && time.Since(loaded) > list.Target {
			return nil
		}
		*next++
		b, err := r.segment(ctx, &list.Segments[i])
		switch {
		case err == nil:
		case errors.Is(err, errMissing) && r.missed < maxMissed:
			r.missed++
			continue
		default:
			return err
		}
		b.missed, r.missed = r.missed > 0 || r.dec.bad > 0, 0
		b.ahead, b.target = int64(len(list.Segments))-1-i, list.Target
		select {
		case r.batches <- b:
			r.place.read(&list.Segments[i], *next)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// errMissing: a segment is not there, while the next one may be.
var errMissing = errors.New("a segment is missing")

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
func (r *rendition) segment(ctx context.Context, s *hls.SegmentRef) (batch, error) {
	if s.Encrypted {
		return batch{}, fmt.Errorf("%w: it is encrypted", ErrUnfit)
	}
	if s.Gap {
		return batch{}, errMissing
	}
	b := batch{discontinuity: s.Discontinuity}
	data, err := r.part(ctx, s.URI, s.Range, maxSegment)
	if errors.Is(err, ErrRefused) {
		return b, fmt.Errorf("%w: %w", errMissing, err)
	}
	if err != nil {
		return b, err
	}
	if s.Map.URI == "" {
		b.wraps = true
		b.frames, err = r.dec.ts(data)
		return b, err
	}
	if err := r.initialize(ctx, s.Map); err != nil {
		return b, err
	}
	b.frames, err = r.dec.mp4(r.section, data)
	return b, err
}

// initialize makes an initialization section the one in force.
func (r *rendition) initialize(ctx context.Context, m hls.MapRef) (err error) {
	if r.section == nil || m != r.mapRef {
		r.mapRef = m
		r.section, err = r.part(ctx, m.URI, m.Range, maxInit)
	}
	return err
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
	u, err := base.Parse(strings.TrimSpace(uri))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: an address in a playlist", ErrFormat)
	}
	return u, nil
}
