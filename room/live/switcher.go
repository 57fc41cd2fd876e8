package live

import (
	"math"
	"slices"
	"time"

	"weir/mux/av"
)

const (
	// layerSilence is how long nothing came of a layer that is then silent, if pictures of another one went on:
	// browsers stop their largest layer when the path has no room for it.
	layerSilence = time.Second
	// layerMissed is how many pictures of the other one that must be: at a picture a second nothing is silent yet.
	layerMissed = 5
	// layerSettle is how long the first picture waits for larger layers that were announced.
	layerSettle = 300 * time.Millisecond
	// layerSteady is how long a layer that was silent must have come again to be trusted.
	layerSteady = 5 * time.Second
	// layerAskEvery is the pace of requests for the key frame that a switch waits for.
	layerAskEvery = 500 * time.Millisecond
)

// switcher chooses which of a stream's simulcast layers is shown, picture by picture: the largest or a preferred
// one, as long as pictures of it come. It switches at key frames only. Its clock is the pictures' DTS.
type switcher struct {
	prefer string // the name of a layer; empty stands for the largest
	await  []string
	layers []layer
	shown  av.TrackID // 0 while there is none

	began bool
	begin time.Duration // of the first picture of a layer of the present publisher
	asked time.Duration // when a key frame was asked for; 0 when none was
}

// layer is what a switcher knows of a layer.
type layer struct {
	track  av.Track
	seen   bool
	last   time.Duration // of its newest picture
	since  time.Duration // since when it has come without a silence
	fell   bool          // it was silent before
	missed int           // pictures of it since the last one that was shown
}

// newSwitcher returns a switcher that prefers a layer. The first picture waits a moment for the layers of await.
func newSwitcher(prefer string, await []string) *switcher {
	return &switcher{prefer: prefer, await: await}
}

// configure takes a layer's configuration. It tells whether that layer is shown.
func (w *switcher) configure(t *av.Track) (shown bool) {
	if l := w.find(t.ID); l != nil {
		l.track = *t
	} else {
		w.layers = append(w.layers, layer{track: *t})
	}
	return t.ID == w.shown
}

// remove forgets a layer, which is over.
func (w *switcher) remove(id av.TrackID) {
	w.layers = slices.DeleteFunc(w.layers, func(l layer) bool { return l.track.ID == id })
	if w.shown == id {
		w.shown = 0
	}
	if !slices.ContainsFunc(w.layers, func(l layer) bool { return l.track.Layer != "" }) {
		w.began, w.begin = false, 0
	}
}

// verdict is what becomes of a picture.
type verdict struct {
	show bool
	turn bool // the layer is another one from this picture on
	ask  bool // a key frame is wanted
}

// picture judges the next picture of a layer.
func (w *switcher) picture(f *av.Frame) verdict {
	l := w.find(f.Track)
	if l == nil {
		return verdict{}
	}
	if !w.began && l.track.Layer != "" {
		w.began, w.begin = true, f.DTS
	}
	l.note(f.DTS)
	if f.Track == w.shown {
		w.settle()
		return verdict{show: true}
	}
	l.missed++
	if !w.takesOver(l, f.DTS) {
		return verdict{}
	}
	if !f.Key {
		return verdict{ask: w.ask(f.DTS)}
	}
	w.shown, w.asked = f.Track, 0
	w.settle()
	return verdict{show: true, turn: true}
}

// settle begins to count anew: the shown layer has gone on.
func (w *switcher) settle() {
	for i := range w.layers {
		w.layers[i].missed = 0
	}
}

// takesOver tells whether l, a picture of which came now, is to be shown in place of what is shown.
func (w *switcher) takesOver(l *layer, now time.Duration) bool {
	cur := w.find(w.shown)
	switch {
	case cur == nil:
		return w.ready(now) && l == w.best(now, false)
	case now-cur.last > layerSilence:
		return l.missed >= layerMissed && l == w.best(now, false)
	default:
		return w.ready(now) && w.rank(l) > w.rank(cur) && l == w.best(now, true)
	}
}

// ready tells whether the layers that the first picture waits for have come, or have had their time.
func (w *switcher) ready(now time.Duration) bool {
	return now-w.begin >= layerSettle || !slices.ContainsFunc(w.await, func(name string) bool {
		return !slices.ContainsFunc(w.layers, func(l layer) bool { return l.seen && l.track.Layer == name })
	})
}

// best is the layer of the highest rank of those that come; steady leaves out those that came back lately.
func (w *switcher) best(now time.Duration, steady bool) (best *layer) {
	for i := range w.layers {
		l := &w.layers[i]
		if !l.seen || now-l.last > layerSilence || steady && l.fell && now-l.since < layerSteady {
			continue
		}
		if best == nil || w.rank(l) > w.rank(best) {
			best = l
		}
	}
	return best
}

// rank orders layers: the largest first, or the preferred one, then those below it, the largest first, then those
// above it, the smallest first. What is no layer comes last.
func (w *switcher) rank(l *layer) int {
	area := l.track.Width * l.track.Height
	switch {
	case l.track.Layer == "":
		return math.MinInt
	case w.prefer == "":
		return area
	case l.track.Layer == w.prefer:
		return math.MaxInt
	}
	for i := range w.layers {
		if p := &w.layers[i].track; p.Layer == w.prefer && area > p.Width*p.Height {
			return -area
		}
	}
	return area
}

// ask tells whether to ask for a key frame now.
func (w *switcher) ask(now time.Duration) bool {
	if w.asked != 0 && now-w.asked < layerAskEvery {
		return false
	}
	w.asked = now
	return true
}

func (w *switcher) find(id av.TrackID) *layer {
	for i := range w.layers {
		if w.layers[i].track.ID == id {
			return &w.layers[i]
		}
	}
	return nil
}

// note takes the time of a picture.
func (l *layer) note(at time.Duration) {
	if gap := at - l.last; !l.seen || gap > layerSilence {
		l.since, l.fell = at, l.seen
	}
	l.seen, l.last = true, at
}
