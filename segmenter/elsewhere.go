package segmenter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"weir/mux/hls"
	"weir/room/live"
)

// Elsewhere has the HLS objects of streams that other servers publish. The multivariant playlist is index.m3u8, or
// index-LAYER.m3u8 with one layer alone. The error is live.ErrNoStream for what is not there.
type Elsewhere interface {
	File(ctx context.Context, k live.Key, name string) ([]byte, error)
}

const indexName, indexPrefix = "index.m3u8", "index-"

// Object returns an HLS object of a stream of this server as it is for everybody: what another server gives to its viewers. It
// counts nobody as a viewer. Names are those of Elsewhere and of files.
//
// Errors: live.ErrNoStream, ErrNotReady, ErrNoTracks, ErrStopping, live.ErrNoLayer, or the context's.
func (m *Segmenters) Object(ctx context.Context, key live.Key, name string) ([]byte, error) {
	b, err := m.object(ctx, key, name)
	if errors.Is(err, ErrNoStream) {
		return nil, live.ErrNoStream
	}
	return b, err
}

func (m *Segmenters) object(ctx context.Context, key live.Key, name string) ([]byte, error) {
	if layer, ok := indexLayer(name); ok {
		variants, err := m.variants(ctx, key, layer, playlistName)
		if err != nil {
			return nil, err
		}
		return hls.Multivariant(false, variants...), nil
	}
	if layer, ok := playlistLayer(name); ok {
		w, err := m.window(ctx, key, layer)
		if err != nil {
			return nil, err
		}
		return w.Playlist, nil
	}
	if data, ok := m.file(key, name); ok {
		return data, nil
	}
	return nil, live.ErrNoStream
}

// indexLayer is the layer that a multivariant playlist is of alone; ok is false for other files.
func indexLayer(name string) (layer string, ok bool) {
	if name == indexName {
		return "", true
	}
	layer, found := strings.CutPrefix(name, indexPrefix)
	layer, ok = strings.CutSuffix(layer, playlistSuffix)
	return layer, found && ok && layer != ""
}

// isElsewhere tells whether a stream's objects are another server's: it is not published here, and no last window of it is left.
func (m *Segmenters) isElsewhere(key live.Key) bool {
	if m.opts.Elsewhere == nil {
		return false
	}
	if s, ok := m.live.Stream(key); ok {
		return s.Mirrored()
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.byKey[key]) == 0
}

// remote returns an object of another server's.
func (m *Segmenters) remote(ctx context.Context, key live.Key, name string) ([]byte, error) {
	b, err := m.opts.Elsewhere.File(ctx, key, name)
	if errors.Is(err, live.ErrNoStream) {
		return nil, ErrNoStream
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	return b, nil
}

// remoteIndex returns the multivariant playlist of another server's with the addresses of this one: below child, and with a query.
func (m *Segmenters) remoteIndex(r *http.Request, key live.Key, child, query string) ([]byte, error) {
	name := indexName
	if layer := r.URL.Query().Get("layer"); layer != "" {
		name = indexPrefix + layer + playlistSuffix
	}
	text, err := m.remote(r.Context(), key, name)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, 2*len(text))
	for line := range bytes.Lines(text) {
		if len(line) > 1 && line[0] != '#' {
			line = bytes.TrimSuffix(line, []byte("\n"))
			out = append(append(out, child...), line...)
			if query != "" {
				out = append(append(out, '?'), query...)
			}
			out = append(out, '\n')
			continue
		}
		out = append(out, line...)
	}
	return out, nil
}
