package segmenter

import (
	"slices"
	"time"

	"weir/mux/hls"
)

// bounds are what a Window holds.
type bounds struct {
	// segments stand in the playlist, or more, if they are short.
	segments int
	// target is the EXT-X-TARGETDURATION in seconds.
	target int
	// bytes may be held; beyond them segments go before their time.
	bytes int
}

// retired is a segment that left the playlist and can still be fetched.
type retired struct {
	*Segment
	until time.Duration // on the stream's clock
}

// Window is what viewers can ask for now. It is immutable: a segment more is a new Window, which is published
// by one pointer, so that a GET takes no lock and waits for nobody.
type Window struct {
	bounds bounds
	// Segments are those in the playlist, Retired those that left it and can still be fetched.
	Segments []*Segment
	gone     []retired
	// Playlist is the text of the media playlist.
	Playlist []byte
	// Ended says that there will be no other segment.
	Ended bool
	// Peak is the highest bit rate of all segments so far, in bits a second.
	Peak float64

	zipped          *zipped // Playlist
	files           map[string][]byte
	discontinuities uint64 // left the playlist
	independent     bool   // all segments so far begin with a key frame
}

// newWindow returns an empty window. discontinuities is its first EXT-X-DISCONTINUITY-SEQUENCE.
func newWindow(b bounds, discontinuities uint64) *Window {
	return &Window{bounds: b, discontinuities: discontinuities, independent: true}
}

// with returns the window after s was added.
func (w *Window) with(s *Segment) *Window {
	n := *w
	n.Segments = append(slices.Clip(w.Segments), s)
	n.independent = w.independent && s.Independent
	if rate := s.bitrate(); len(w.Segments) == 0 || s.Duration >= time.Duration(w.bounds.target)*time.Second/2 {
		// RFC 8216bis 4.4.6.2: the peak is that of half a target duration or more.
		n.Peak = max(w.Peak, rate)
	}
	n.slide()
	n.forget(s.Start + s.Duration)
	n.render()
	return &n
}

// end returns the window after the stream's end.
func (w *Window) end() *Window {
	n := *w
	n.Ended = true
	n.render()
	return &n
}

// file returns the bytes of a segment or an init section; ok is false when there is none of that name.
func (w *Window) file(name string) (data []byte, ok bool) {
	data, ok = w.files[name]
	return data, ok
}

// init is the init section of the newest segment.
func (w *Window) init() *Init { return w.Segments[len(w.Segments)-1].Init }

// average is the mean bit rate of the playlist's segments in bits a second.
func (w *Window) average() float64 {
	var bits float64
	for _, s := range w.Segments {
		bits += float64(len(s.Data)) * 8
	}
	return bits / duration(w.Segments).Seconds()
}

// slide takes segments out of the playlist that is longer than it need be.
func (w *Window) slide() {
	for len(w.Segments) > w.bounds.segments {
		first, rest := w.Segments[0], w.Segments[1:]
		// RFC 8216bis 6.2.2: a playlist without EXT-X-ENDLIST keeps three target durations.
		if duration(rest) < 3*time.Duration(w.bounds.target)*time.Second {
			return
		}
		w.retire(first, duration(w.Segments))
	}
}

// retire takes the first segment out of a playlist of the given length. It can be fetched for its own duration
// and that of the playlist (RFC 8216bis 6.2.2).
func (w *Window) retire(s *Segment, length time.Duration) {
	if s.Discontinuity {
		w.discontinuities++
	}
	end := w.Segments[len(w.Segments)-1]
	w.gone = append(slices.Clip(w.gone), retired{s, end.Start + end.Duration + s.Duration + length})
	w.Segments = w.Segments[1:]
}

// forget lets go of retired segments whose time is over, and of the oldest ones when all are too many bytes.
func (w *Window) forget(now time.Duration) {
	w.gone = slices.DeleteFunc(slices.Clone(w.gone), func(r retired) bool { return r.until <= now })
	held := 0
	for _, r := range w.gone {
		held += len(r.Data)
	}
	for _, s := range w.Segments {
		held += len(s.Data)
	}
	for held > w.bounds.bytes && len(w.gone)+len(w.Segments) > 1 {
		if len(w.gone) == 0 {
			w.retire(w.Segments[0], 0)
		}
		held -= len(w.gone[0].Data)
		w.gone = w.gone[1:]
	}
}

// render writes the playlist and the list of files.
func (w *Window) render() {
	m := hls.Media{
		TargetDuration: w.bounds.target, DiscontinuitySequence: w.discontinuities,
		Independent: w.independent, Ended: w.Ended, Segments: make([]hls.Segment, 0, len(w.Segments)),
	}
	w.files = make(map[string][]byte, 2*(len(w.Segments)+len(w.gone)))
	for _, r := range w.gone {
		w.list(r.Segment)
	}
	for _, s := range w.Segments {
		w.list(s)
		m.Segments = append(m.Segments, hls.Segment{
			URI: s.Name, Map: s.Init.Name, Duration: s.Duration,
			ProgramDateTime: s.ProgramDateTime, Discontinuity: s.Discontinuity,
		})
	}
	if len(w.Segments) > 0 {
		m.MediaSequence = w.Segments[0].Sequence
	}
	w.Playlist, w.zipped = m.Append(nil), new(zipped)
}

func (w *Window) list(s *Segment) {
	w.files[s.Name] = s.Data
	w.files[s.Init.Name] = s.Init.Data
}

func duration(segments []*Segment) (d time.Duration) {
	for _, s := range segments {
		d += s.Duration
	}
	return d
}
