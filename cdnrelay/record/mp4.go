package record

import (
	"cmp"
	"fmt"
	"time"

	"weir/mux/av"
	"weir/mux/fmp4"
	"weir/room/store"
)

const (
	// indexRoom is kept free for the index that a complete file gets: enough for 1361 references of two tracks.
	indexRoom = 32 << 10
	// segmentTime is how long a segment of HLS is at least; it ends before the next key frame.
	segmentTime = 4 * time.Second
	// stalled is after how many fragments' time one is written although no picture came.
	stalled = 4
)

// mp4File is a fragmented MP4. Each fragment begins where a picture stands, and is written at once when it is complete.
type mp4File struct {
	out    *output
	every  time.Duration // of a fragment
	tracks []*track
	lead   *track // video, if there is any
	head   int64  // bytes before the first fragment
	init   int64  // bytes of the init section

	earliest  uint64 // time of the first sample of lead
	sequence  uint32
	began     time.Duration // of the stream, where the fragment begins that is collected
	pending   int           // bytes of it
	begun     bool
	fragments []fragment
	buf       []byte
}

// fragment is where a fragment stands, and its duration in the leading track's time scale.
type fragment struct {
	offset, size int64
	duration     uint64
	key          bool
}

func openMP4(out *output, ts av.Tracks, zero time.Duration, o *Options) (container, error) {
	init, err := fmp4.Init(ts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTracks, err)
	}
	m := &mp4File{out: out, every: o.Fragment, init: int64(len(init))}
	for i := range ts {
		m.tracks = append(m.tracks, &track{Track: ts[i], scale: fmp4.TimeScale(ts[i].Codec), zero: zero})
	}
	m.lead = m.tracks[0] // video stands before audio
	m.buf = fmp4.AppendFree(init, indexRoom)
	m.head = int64(len(m.buf))
	return m, out.append(m.buf)
}

func (m *mp4File) takes(ts av.Tracks) bool {
	if len(ts) != len(m.tracks) {
		return false
	}
	for i, t := range m.tracks {
		if ts[i].ID != t.ID || !ts[i].Same(&t.Track) {
			return false
		}
	}
	return true
}

func (m *mp4File) holds() bool { return len(m.fragments) > 0 }

func (m *mp4File) size() int64 { return m.out.size + int64(m.pending) }

func (m *mp4File) track(id av.TrackID) *track {
	for _, t := range m.tracks {
		if t.ID == id {
			return t
		}
	}
	return nil
}

func (m *mp4File) write(f *av.Frame) error {
	t := m.track(f.Track)
	if t == nil || f.Kind != av.KindMedia || f.DTS < t.zero { // such as sound from before the first picture
		return nil
	}
	if !m.begun {
		m.began, m.begun = f.DTS, true
	}
	t.settle(f.DTS)
	age := f.DTS - m.began
	if t == m.lead && (age >= m.every || f.Key && f.Codec.IsVideo() && age >= m.every/2) || age >= stalled*m.every {
		if err := m.flush(); err != nil {
			return err
		}
		m.began = f.DTS
	}
	t.held = f
	m.pending += len(f.Data)
	return nil
}

// flush writes what is settled as one fragment.
func (m *mp4File) flush() error {
	p := fmp4.Part{Sequence: m.sequence}
	for _, t := range m.tracks {
		if len(t.samples) > 0 {
			p.Tracks = append(p.Tracks, fmp4.PartTrack{ID: fmp4.TrackID(t.ID), BaseTime: t.base, Samples: t.samples})
		}
	}
	if len(p.Tracks) == 0 {
		return nil
	}
	next := fragment{offset: m.out.size, duration: m.lead.duration()}
	next.key = len(m.lead.samples) > 0 && m.lead.samples[0].Key
	if len(m.fragments) == 0 {
		m.earliest = m.lead.base
	}
	m.buf = fmp4.AppendPart(m.buf[:0], p)
	for _, t := range m.tracks {
		t.drop()
	}
	m.pending = 0
	if err := m.out.append(m.buf); err != nil {
		return err
	}
	m.sequence++
	next.size = int64(len(m.buf))
	m.fragments = append(m.fragments, next)
	return nil
}

func (m *mp4File) finish(at time.Duration, split bool) (carry []*av.Frame, f facts, err error) {
	for _, t := range m.tracks {
		switch {
		case split && t == m.lead:
			t.settle(at)
		case split && t.held != nil:
			// How long it lasts is known when the next one comes, in the next file.
			carry = append(carry, t.held)
		default:
			t.release()
		}
	}
	err = m.flush()
	if err == nil {
		err = m.index()
	}
	return carry, m.facts(), cmp.Or(err, m.out.close())
}

func (m *mp4File) abandon() facts {
	if m.index() == nil {
		_ = m.out.sync()
	}
	_ = m.out.file.Close() // whatever can be saved of it was
	return m.facts()
}

// index puts the index into the room for it. The head of its box comes last, so that there is a whole one or none.
func (m *mp4File) index() error {
	x := mp4Index{lead: indexed{fmp4.TrackID(m.lead.ID), m.lead.scale}, earliest: m.earliest, all: m.fragments}
	for _, t := range m.tracks {
		x.tracks = append(x.tracks, indexed{fmp4.TrackID(t.ID), t.scale})
	}
	return x.write(m.out, m.init, m.head)
}

func (m *mp4File) facts() facts {
	f := facts{size: m.out.size, init: m.init, segments: segments(m.fragments, m.lead.scale)}
	for _, s := range f.segments {
		f.duration += s.Duration
	}
	return f
}

// references join the fragments of each group of pictures.
func references(all []fragment) (out []fmp4.Reference) {
	for _, f := range all {
		last := len(out) - 1
		if last >= 0 && !f.key && int64(out[last].Size)+f.size < 1<<31 && uint64(out[last].Duration)+f.duration < 1<<32 {
			out[last].Size += uint32(f.size)
			out[last].Duration += uint32(f.duration)
			continue
		}
		out = append(out, fmp4.Reference{Size: uint32(f.size), Duration: uint32(f.duration), Key: f.key})
	}
	return out
}

// segments are where a file is cut for HLS.
func segments(all []fragment, scale uint32) (out []store.RecordingSegment) {
	for _, f := range all {
		last := len(out) - 1
		d := av.Duration(int64(f.duration), scale)
		if last >= 0 && (!f.key || out[last].Duration < segmentTime) {
			out[last].Size += f.size
			out[last].Duration += d
			continue
		}
		out = append(out, store.RecordingSegment{Offset: f.offset, Size: f.size, Duration: d})
	}
	return out
}
