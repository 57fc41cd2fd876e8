package live

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/mux/av"
)

// MainVideo is the track of the video that readers get who name no layer. A publisher with simulcast writes its
// layers (av.Track.Layer) only, and the stream copies the largest one that comes to MainVideo; any other publisher
// writes MainVideo itself.
const MainVideo av.TrackID = 1

// appendLayerLocked puts a layer's picture into the ring, and once more, as a picture of MainVideo, if it is the
// layer that is shown.
func (s *Stream) appendLayerLocked(f *av.Frame) {
	s.ring.append(Frame{Frame: f}, s.snap)
	v := s.layers.picture(f)
	if v.ask {
		s.asker.want("layer")
	}
	if !v.show {
		return
	}
	at := s.mainTimeLocked(f.DTS)
	if v.turn {
		s.configureMainLocked(s.snap.get().Find(f.Track), f, at)
	}
	main := mainFrame(f, at)
	s.last[MainVideo] = at
	s.still.picture(main)
	s.ring.append(Frame{Frame: main, join: f.Key, shared: true}, s.snap)
	if f.Key {
		s.asker.came()
	}
}

// configureLayerLocked takes a layer's configuration, which the ring has.
func (s *Stream) configureLayerLocked(f *av.Frame) {
	if s.layers.configure(f.Config) {
		s.configureMainLocked(f.Config, f, s.mainTimeLocked(f.DTS))
	}
}

// configureMainLocked gives MainVideo the configuration of a layer, with f, at a time.
func (s *Stream) configureMainLocked(t *av.Track, f *av.Frame, at time.Duration) {
	main := mainTrack(t)
	_ = s.configureLocked(&av.Frame{ // a configuration is never out of place
		Track: MainVideo, Kind: av.KindConfig, Codec: main.Codec, DTS: at, PTS: at, Wall: f.Wall, Config: main,
	})
}

// mainTimeLocked is at, or later where MainVideo has been there: the layers' clocks are not quite the same.
func (s *Stream) mainTimeLocked(at time.Duration) time.Duration {
	if last, ok := s.last[MainVideo]; ok && at <= last {
		return last + time.Millisecond
	}
	return at
}

// mainTrack is a layer as MainVideo.
func mainTrack(t *av.Track) *av.Track {
	main := *t
	main.ID, main.Layer = MainVideo, ""
	return &main
}

// mainFrame is a layer's picture as one of MainVideo, at a time. It shares the data.
func mainFrame(f *av.Frame, at time.Duration) *av.Frame {
	main := *f
	main.Track, main.DTS, main.PTS = MainVideo, at, max(f.PTS, at)
	return &main
}

// takeLayersLocked prepares for the layers of another publisher; those of the one before are over.
func (s *Stream) takeLayersLocked(names []string) {
	s.layers = nil
	if len(names) > 0 {
		s.layers = newSwitcher("", names)
	}
	at := time.Duration(s.ring.newest.Load())
	for _, t := range s.snap.get() {
		if t.Layer == "" {
			continue
		}
		s.still.over(t.ID)
		s.snap = newSnapshot(s.snap.get().Without(t.ID))
		s.ring.append(Frame{Frame: &av.Frame{Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: at, PTS: at}}, s.snap)
	}
}

// isLayerLocked tells whether a track is a layer.
func (s *Stream) isLayerLocked(id av.TrackID) bool {
	if s.layers == nil {
		return false
	}
	t := s.snap.get().Find(id)
	return t != nil && t.Layer != ""
}

// shownTracks counts the tracks that are no layers.
func shownTracks(ts av.Tracks) (n int) {
	for i := range ts {
		if ts[i].Layer == "" {
			n++
		}
	}
	return n
}

// Layers are the names of the publisher's simulcast layers, also of those that have not come yet; nil when there
// are none.
func (s *Stream) Layers() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publisher == nil {
		return nil
	}
	return s.publisher.opts.Layers
}

// Layer returns the frames of source, which is the stream or a feed of it called name, with the layer as their
// video: it stands where readers expect MainVideo, and the other layers are left out. While nothing comes of the
// layer, the next one below stands in for it, or else one above. An empty layer returns the source itself.
//
// Errors: ErrNoLayer, which names those that there are.
func (s *Stream) Layer(layer, name string, source Source[Frame]) (Source[Frame], error) {
	if layer == "" {
		return source, nil
	}
	if all := s.Layers(); !slices.Contains(all, layer) {
		return nil, fmt.Errorf("%w: there are [%s]", ErrNoLayer, strings.Join(all, " "))
	}
	open := func(ts av.Tracks) (Encoder[Frame, Frame], error) { return newLayerView(s, layer, ts), nil }
	return FeedOf(s, name+"-layer/"+layer, Source[Frame](layerSource{source, layer}), open), nil
}

// layerSource gives readers that begin at key frames of a layer.
type layerSource struct {
	Source[Frame]
	layer string
}

// NewReader implements Source.
func (l layerSource) NewReader(o ReaderOptions) *Reader[Frame] {
	o.layer = l.layer
	return l.Source.NewReader(o)
}

// isKeyOf tells whether an entry is a key frame of a layer; empty is none.
func isKeyOf[T Item](e *entry[T], layer string) bool {
	if layer == "" {
		return false
	}
	f, ok := any(e.val).(Frame)
	if !ok || !f.Key || !f.Codec.IsVideo() {
		return false
	}
	t := e.snap.get().Find(f.Track)
	return t != nil && t.Layer == layer
}

// layersBefore is how far before the main video's key frame those of the layers are looked for: encoders make them together.
const layersBefore = 300 * time.Millisecond

// withLayers is the first of the layers' key frames that belong to a join point, or the join point.
func (r *Reader[T]) withLayers(join *entry[T]) *entry[T] {
	first := join
	for s := join.seq; s > max(r.ring.tail.Load(), r.given); s-- {
		e := r.ring.get(s - 1)
		if e == nil || join.val.Time()-e.val.Time() > layersBefore {
			break
		}
		f, ok := any(e.val).(Frame)
		if !ok || e.snap != join.snap {
			break
		}
		if t := e.snap.get().Find(f.Track); t != nil && t.Layer != "" && f.Key {
			first = e
		}
	}
	return first
}

// newestJoin is the newest key frame of the reader's layer, if that is fresh or there is no newer join point, which is
// what it is otherwise: a layer may be silent for long. It is nil when there is none.
func (r *Reader[T]) newestJoin() *entry[T] {
	join := r.ring.newestJoin()
	if r.opts.layer == "" || join == nil {
		return join
	}
	for s := r.ring.head.Load(); s > r.ring.tail.Load(); s-- {
		e := r.ring.get(s - 1)
		switch {
		case e == nil || !isKeyOf(e, r.opts.layer):
		case e.seq > join.seq || r.ring.age(e) <= r.fresh:
			return e
		default:
			return join
		}
	}
	return join
}

// oldestJoin is the oldest key frame of the reader's layer, or else the oldest join point; nil when there is none.
func (r *Reader[T]) oldestJoin() *entry[T] {
	if r.opts.layer != "" {
		head := r.ring.head.Load()
		for s := r.ring.tail.Load(); s < head; s++ {
			if e := r.ring.get(s); e != nil && isKeyOf(e, r.opts.layer) {
				return e
			}
		}
	}
	return r.ring.oldestJoin()
}

// layerView passes audio on and one layer as MainVideo.
type layerView struct {
	stream *Stream
	choice *switcher
	tracks av.Tracks
	last   time.Duration // of the newest picture
	wrote  bool
}

func newLayerView(s *Stream, layer string, ts av.Tracks) *layerView {
	v := &layerView{stream: s, choice: newSwitcher(layer, []string{layer})}
	for i := range ts {
		if ts[i].Codec.IsVideo() {
			v.choice.configure(&ts[i])
			continue
		}
		v.tracks = v.tracks.With(&ts[i])
	}
	return v
}

// Tracks implements Encoder.
func (v *layerView) Tracks() av.Tracks { return v.tracks }

// Encode implements Encoder.
func (v *layerView) Encode(dst []Frame, f Frame) ([]Frame, error) {
	switch {
	case f.Kind == av.KindConfig && f.Config == nil:
		return v.over(dst, f), nil
	case f.Kind == av.KindConfig && f.Codec.IsVideo():
		if v.choice.configure(f.Config) {
			dst = v.configure(dst, f.Config, f.Frame)
		}
		return dst, nil
	case f.Kind == av.KindConfig:
		v.tracks = v.tracks.With(f.Config)
		return append(dst, f), nil
	case f.Kind == av.KindMedia && f.Codec.IsVideo():
		return v.picture(dst, f), nil
	default:
		return append(dst, f), nil
	}
}

// over notes the end of a track. That of the video is the end of the stream's MainVideo, since whatever else is left
// of a publisher's layers stands in for the one that ends.
func (v *layerView) over(dst []Frame, f Frame) []Frame {
	v.choice.remove(f.Track)
	if v.tracks.Find(f.Track) == nil {
		return dst
	}
	v.tracks = v.tracks.Without(f.Track)
	return append(dst, f)
}

func (v *layerView) picture(dst []Frame, f Frame) []Frame {
	c := v.choice.picture(f.Frame)
	if c.ask {
		v.stream.WantKeyFrame("layer")
	}
	if !c.show {
		return dst
	}
	if c.turn {
		dst = v.configure(dst, &v.choice.find(f.Track).track, f.Frame)
	}
	at := v.time(f.DTS)
	v.last, v.wrote = at, true
	return append(dst, Frame{Frame: mainFrame(f.Frame, at), join: f.Key, shared: f.shared})
}

// configure gives MainVideo the configuration of a layer, with f.
func (v *layerView) configure(dst []Frame, t *av.Track, f *av.Frame) []Frame {
	main := mainTrack(t)
	if old := v.tracks.Find(MainVideo); old != nil && old.Same(main) {
		return dst
	}
	v.tracks = v.tracks.With(main)
	at := v.time(f.DTS)
	return append(dst, Frame{Frame: &av.Frame{
		Track: MainVideo, Kind: av.KindConfig, Codec: main.Codec, DTS: at, PTS: at, Wall: f.Wall, Config: main,
	}})
}

// time is at, or later where the view has been there.
func (v *layerView) time(at time.Duration) time.Duration {
	if v.wrote && at <= v.last {
		return v.last + time.Millisecond
	}
	return at
}
