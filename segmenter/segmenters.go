package segmenter

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"weir/room/live"
)

// Segmenters owns the segmenters of all streams: it starts them when they are asked for, and waits for them.
type Segmenters struct {
	live    *live.Registry
	opts    Options
	stats   stats
	starts  chan *Segmenter
	stopped chan struct{} // closed when Run starts no more
	shelf   shelf

	mu    sync.RWMutex              // guards the fields below
	byKey map[live.Key][]*Segmenter // of each stream and its layers, the newest last: those before it linger
	made  uint64                    // segmenters so far
}

// New returns the segmenters of a hub's streams. It starts nothing; see Run.
func New(hub *live.Registry, o Options) *Segmenters {
	return &Segmenters{
		live: hub, opts: o.withDefaults(),
		starts: make(chan *Segmenter), stopped: make(chan struct{}),
		byKey: make(map[live.Key][]*Segmenter),
	}
}

// Stats is to be registered with Prometheus.
func (m *Segmenters) Stats() prometheus.Collector { return &m.stats }

// Run starts segmenters as they are asked for, until ctx is done; then it waits for all of them. It is called
// once.
func (m *Segmenters) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer close(m.stopped)
	for {
		select {
		case s := <-m.starts:
			tasks.Go(func() { m.run(ctx, s) })
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *Segmenters) run(ctx context.Context, s *Segmenter) {
	log := m.opts.Log.With("stream", s.stream.Key())
	if s.layer != "" {
		log = log.With("layer", s.layer)
	}
	log.Info("segmenter started")
	err := s.Run(ctx)
	m.forget(s)
	log.Info("segmenter closed", "reason", err)
}

// window returns what viewers of a stream, or of a simulcast layer of it, can ask for now. It starts a segmenter when there is none, and waits
// for the first segment.
//
// Errors: ErrNoStream, ErrNotReady, ErrNoTracks, ErrStopping, live.ErrNoLayer, or the context's.
func (m *Segmenters) window(ctx context.Context, key live.Key, layer string) (*Window, error) {
	s, err := m.segmenter(ctx, key, layer)
	if err != nil {
		return nil, err
	}
	return s.shown(ctx)
}

// shown waits for the window as viewers get it.
func (s *Segmenter) shown(ctx context.Context) (*Window, error) {
	w, err := s.await(ctx)
	switch {
	case errors.Is(err, live.ErrEnded):
		return nil, ErrNoStream // it ended before there was a segment
	case errors.Is(err, errIdle):
		return nil, ErrNotReady // it stopped as we asked; the next request starts another
	default:
		return w, err
	}
}

// segmenter returns the segmenter of a stream or a layer, starting it if need be.
func (m *Segmenters) segmenter(ctx context.Context, key live.Key, layer string) (*Segmenter, error) {
	s, isNew, err := m.find(key, layer)
	if err != nil || !isNew {
		return s, err
	}
	select {
	case m.starts <- s:
		return s, nil
	case <-m.stopped:
		err = ErrStopping
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	m.forget(s)
	s.err = ErrNotReady // for others who found it meanwhile
	close(s.gone)
	return nil, err
}

// find returns the segmenter of the stream, or of a layer, as it is live now, or, when it is not, the last one. When
// there is none and the stream is live, it adds one, which is then to be started.
func (m *Segmenters) find(key live.Key, layer string) (s *Segmenter, isNew bool, err error) {
	stream, isLive := m.live.Stream(key)
	m.mu.Lock()
	defer m.mu.Unlock()
	if s = newestOf(m.byKey[key], layer); s != nil && (!isLive || s.stream == stream) {
		s.touch()
		return s, false, nil
	}
	if !isLive {
		return nil, false, ErrNoStream
	}
	if layer != "" && !slices.Contains(stream.Layers(), layer) {
		return nil, false, live.ErrNoLayer
	}
	s = newSegmenter(stream, layer, m.opts, &m.stats, m.made)
	m.made++
	m.byKey[key] = append(m.byKey[key], s)
	return s, true, nil
}

// file returns the bytes of a segment or init section of a stream.
func (m *Segmenters) file(key live.Key, name string) (data []byte, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, s := range slices.Backward(m.byKey[key]) {
		if w := s.window.Load(); w != nil {
			if data, ok = w.file(name); ok {
				s.touch()
				return data, true
			}
		}
	}
	return nil, false
}

func (m *Segmenters) forget(s *Segmenter) {
	key := s.stream.Key()
	m.mu.Lock()
	defer m.mu.Unlock()
	rest := slices.DeleteFunc(m.byKey[key], func(o *Segmenter) bool { return o == s })
	if len(rest) == 0 {
		delete(m.byKey, key)
		return
	}
	m.byKey[key] = rest
}
