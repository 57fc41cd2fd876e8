package segmenter

import (
	"bytes"
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"weir/mux/hls"
	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
)

const (
	// mediaName is the file name of the media playlist.
	mediaName = "main.m3u8"

	typePlaylist = "application/vnd.apple.mpegurl" // RFC 8216bis 4
	typeMedia    = "video/mp4"

	// A playlist may be half a target duration old: then a cache before weir asks once a second for any number of
	// viewers, and none of them sees a segment later than it would by its own reload interval.
	cachePlaylist = "public, max-age=1"
	cacheMedia    = "public, max-age=31536000, immutable"
	// What holds for one viewer alone: playlists with its signature, and what it got for a header that no cache can
	// check (RFC 9111 3.5).
	cacheOwnPlaylist = "private, max-age=1"
	cacheOwnMedia    = "private, max-age=31536000, immutable"
	cacheNever       = "no-store"

	// headroom is what BANDWIDTH has above the peak so far: a player reads it once, and the stream goes on.
	headroom = 1.25
)

// ServeMultivariant answers with the multivariant playlist of a stream, starting its segmenters if need be: one, and
// one for each simulcast layer; ?layer= names one of these that is wanted alone. child
// is where the stream's files are, relative to the request's path, such as "cam/". The request's query is passed
// on to the media playlist, so that a token or signature in it is there as well, and an id if the viewer has none.
//
// CORS is the business of the middleware around this package, for errors too; so is who may play.
func (m *Segmenters) ServeMultivariant(w http.ResponseWriter, r *http.Request, key live.Key, child string) {
	m.stats.requests[kindMultivariant].Add(1)
	session := m.session(r)
	query := join(r.URL.RawQuery, session)
	text, err := m.index(r, key, child, query)
	if err != nil {
		m.fail(w, r, err)
		return
	}
	cache := m.playlistCache(r)
	if session != "" {
		cache = cacheNever
	}
	servePlaylist(w, r, cache, text)
}

// index is the multivariant playlist of a stream whose files are below child, and whose addresses have a query.
func (m *Segmenters) index(r *http.Request, key live.Key, child, query string) ([]byte, error) {
	if m.isElsewhere(key) {
		return m.remoteIndex(r, key, child, query)
	}
	variants, err := m.variants(r.Context(), key, r.URL.Query().Get("layer"), func(layer string) string {
		uri := child + playlistName(layer)
		if query != "" {
			uri += "?" + query
		}
		return uri
	})
	if err != nil {
		return nil, err
	}
	return hls.Multivariant(false, variants...), nil // whether segments are independent may change: the media playlists say it
}

// ServeFile answers with the file called name of a stream: its media playlist, an init section or a segment. Range
// requests and HEAD work on media.
func (m *Segmenters) ServeFile(w http.ResponseWriter, r *http.Request, key live.Key, name string) {
	layer, isPlaylist := playlistLayer(name)
	switch {
	case isPlaylist:
		m.serveMedia(w, r, key, layer)
	case strings.HasSuffix(name, ".m4s"):
		m.serveBytes(w, r, kindSegment, key, name)
	case strings.HasSuffix(name, ".mp4"):
		m.serveBytes(w, r, kindInit, key, name)
	default:
		m.stats.requests[kindUnknown].Add(1)
		m.missing(w, r)
	}
}

func (m *Segmenters) serveMedia(w http.ResponseWriter, r *http.Request, key live.Key, layer string) {
	m.stats.requests[kindMedia].Add(1)
	text, zipped, err := m.media(r.Context(), key, layer)
	if err != nil {
		m.fail(w, r, err)
		return
	}
	m.saw(key, r)
	w.Header().Add("Vary", "Accept-Encoding") // RFC 9110 12.5.5
	carried, own := auth.CarriedApp(r.URL.RawQuery), m.isOwn(r)
	if own {
		carried = auth.Carried(r.URL.RawQuery)
	}
	switch {
	case own || carried != "":
		text = hls.AppendCarrying(make([]byte, 0, len(text)+carriedURIs*(len(carried)+1)), text, carried)
	case takesGzip(r):
		if zipped == nil {
			zipped = m.shelf.of(key, layer, text)
		}
		w.Header().Set("Content-Encoding", "gzip")
		text = zipped.of(text)
	}
	servePlaylist(w, r, m.playlistCache(r), text)
}

// media is a media playlist, and where it is compressed once for all; nil for that of another server's, which has its place on
// the shelf.
func (m *Segmenters) media(ctx context.Context, key live.Key, layer string) ([]byte, *zipped, error) {
	if m.isElsewhere(key) {
		text, err := m.remote(ctx, key, playlistName(layer))
		return text, nil, err
	}
	win, err := m.window(ctx, key, layer)
	if err != nil {
		return nil, nil, err
	}
	return win.Playlist, win.zipped, nil
}

func (m *Segmenters) serveBytes(w http.ResponseWriter, r *http.Request, kind int, key live.Key, name string) {
	m.stats.requests[kind].Add(1)
	data, ok := m.file(key, name)
	if !ok && m.isElsewhere(key) {
		b, err := m.remote(r.Context(), key, name)
		if err != nil && !errors.Is(err, ErrNoStream) {
			m.fail(w, r, err)
			return
		}
		data, ok = b, err == nil
	}
	if !ok {
		m.missing(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", typeMedia)
	h.Set("ETag", `"`+name+`"`) // no other bytes ever have this name
	if m.opts.Signed && r.Header.Get("Authorization") != "" {
		h.Set("Cache-Control", cacheOwnMedia)
	} else {
		h.Set("Cache-Control", cacheMedia)
	}
	if r.Header.Get("Range") != "" {
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
		return
	}
	// The same bytes to all in one write; ServeContent would copy them through a buffer.
	h.Set("Accept-Ranges", "bytes")
	writeAll(w, r, data)
}

// carriedURIs is how many addresses a media playlist is thought to have; more cost a copy.
const carriedURIs = 10

// isOwn tells whether a playlist has to have the proof of the one viewer who asks for it.
func (m *Segmenters) isOwn(r *http.Request) bool {
	return m.opts.Signed && !audience.PullOf(r.Context()).IsShared()
}

func (m *Segmenters) playlistCache(r *http.Request) string {
	if m.isOwn(r) {
		return cacheOwnPlaylist
	}
	return cachePlaylist
}

func servePlaylist(w http.ResponseWriter, r *http.Request, cache string, text []byte) {
	h := w.Header()
	h.Set("Content-Type", typePlaylist)
	h.Set("Cache-Control", cache)
	h.Set("ETag", tagOf(text))
	writeAll(w, r, text)
}

// writeAll answers with data, or to HEAD with the headers alone. That the viewer is gone is no error of ours.
func writeAll(w http.ResponseWriter, r *http.Request, data []byte) {
	if isHeld(r, w.Header().Get("ETag")) {
		w.Header().Del("Content-Type") // RFC 9110 15.4.5: it says nothing of what is not there
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(data)
	}
}

// bandwidth rounds a bit rate up to what a playlist can say.
func bandwidth(bits float64) uint32 { return uint32(min(math.Ceil(bits), math.MaxUint32)) }

func (m *Segmenters) missing(w http.ResponseWriter, r *http.Request) {
	m.problem(w, r, http.StatusNotFound, "file_not_found", "there is no such file, or it is too old")
}

// fail answers for an error of window.
func (m *Segmenters) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case r.Context().Err() != nil:
		// The viewer is gone.
	case errors.Is(err, ErrNoStream):
		m.problem(w, r, http.StatusNotFound, "stream_not_found", "the stream is not live")
	case errors.Is(err, live.ErrNoLayer):
		m.problem(w, r, http.StatusNotFound, "layer_not_found", "the stream has no such simulcast layer")
	case errors.Is(err, ErrNoTracks):
		m.problem(w, r, http.StatusNotAcceptable, "stream_not_playable", "HLS cannot carry what is published")
	default:
		w.Header().Set("Retry-After", "1")
		m.problem(w, r, http.StatusServiceUnavailable, "stream_not_ready", "there is no complete segment yet")
	}
}

func (m *Segmenters) problem(w http.ResponseWriter, r *http.Request, status int, code, detail string) {
	w.Header().Set("Cache-Control", cacheNever)
	m.opts.Problem(w, r, status, code, detail)
}
