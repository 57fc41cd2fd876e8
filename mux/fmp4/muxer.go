package fmp4

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"weir/mux/av"
)

// NanoTimeScale is the time scale in which a Muxer counts: nanoseconds, as frames do.
const NanoTimeScale = 1_000_000_000

const (
	// maxGroup and maxGroupBytes are how much goes into one fragment at most.
	maxGroup      = 64
	maxGroupBytes = 8 << 20

	prftSize   = boxHead + 24
	runHead    = trunHead
	runSample  = 16
	runFlags   = trunDataOffset | trunDuration | trunSize | trunFlags | trunComposition
	defaultGap = 20 * time.Millisecond
)

// Muxer writes all that a stream's ring holds as one endless fragmented MP4, from which a Demuxer makes the same frames
// again: any player of the format reads it, and nothing is lost.
//
//	ftyp moov  emsg…  prft… moof mdat  prft… moof mdat  emsg  prft… moof mdat  …
//
// Times are nanoseconds. Frames stand in the mdat box in the order of the ring, whatever their track. A prft box for each
// track tells when the first frame of the fragment was captured; a fragment ends where the others would not follow from that. What is no
// media is an emsg box at its place: data, configurations of tracks, ends of tracks. A frame that shares the data of the
// one before it, of a track with a higher ID (the main video behind a simulcast layer), refers to the same bytes, which are written once.
//
// It is for one goroutine. Only the messages allocate.
type Muxer struct {
	// Plain makes a file that ffmpeg and others read as it comes: no two frames share their bytes, since these readers do not go
	// back, and there are no frames that the init section says nothing of, at which they end.
	Plain bool

	sequence uint32
	group    []placed   // scratch: the fragment that is being made
	tracks   []muxTrack // scratch: those of group
	tempi    []tempo    // of all tracks so far
	init     av.Tracks  // those of the init section
}

// placed is a frame at its place in an mdat box.
type placed struct {
	*av.Frame
	at       int
	duration uint32
}

// muxTrack is a track of a fragment.
type muxTrack struct {
	id    av.TrackID
	first *av.Frame
	last  int // in the group
	runs  int
	count int
}

// tempo is how far apart two frames of a track were last.
type tempo struct {
	id  av.TrackID
	gap time.Duration
}

// NewMuxer returns a Muxer.
func NewMuxer() *Muxer { return new(Muxer) }

// AppendStart appends what stands at the beginning: the init section, and the tracks as they are. A track that no init section
// can describe is told of in the latter alone.
//
// Errors: those of Init, when no track can be described.
func (m *Muxer) AppendStart(dst []byte, ts av.Tracks) ([]byte, error) {
	nano := func(av.Codec) uint32 { return NanoTimeScale }
	var known av.Tracks
	var fault error
	for i := range ts {
		if _, err := initSection(ts[i:i+1], nano); err != nil {
			fault = err
			continue
		}
		known = append(known, ts[i])
	}
	if len(known) == 0 {
		return dst, fmt.Errorf("%w: no track can be described: %w", ErrCodec, fault)
	}
	section, err := initSection(known, nano)
	if err != nil {
		return dst, err
	}
	m.init = known
	dst = append(dst, section...)
	for i := range ts {
		dst = appendNote(dst, &av.Frame{Track: ts[i].ID, Kind: av.KindConfig, Codec: ts[i].Codec, Config: &ts[i]})
	}
	return dst, nil
}

// Append appends frames, in as few fragments as can be. DTS rise within each track.
func (m *Muxer) Append(dst []byte, frames ...*av.Frame) []byte {
	for len(frames) > 0 {
		n := m.gather(frames)
		switch {
		case n > 0:
			dst = m.appendFragment(dst)
		case m.leavesOut(frames[0]):
			n = 1
		default:
			dst, n = appendNote(dst, frames[0]), 1
		}
		frames = frames[n:]
	}
	clear(m.group) // hold no frame
	clear(m.tracks)
	m.group, m.tracks = m.group[:0], m.tracks[:0]
	return dst
}

// gather takes the first frames, as many as fit into one fragment.
func (m *Muxer) gather(frames []*av.Frame) (n int) {
	m.group, m.tracks = m.group[:0], m.tracks[:0]
	at := 0
	for _, f := range frames {
		if f.Kind != av.KindMedia || m.leavesOut(f) || n == maxGroup || n > 0 && at+len(f.Data) > maxGroupBytes || !m.fits(f) {
			break
		}
		p := placed{Frame: f, at: at}
		if n > 0 && !m.Plain && m.group[n-1].Track > f.Track && sameBytes(f.Data, m.group[n-1].Data) {
			p.at = m.group[n-1].at
		} else {
			at += len(f.Data)
		}
		m.place(p)
		n++
	}
	return n
}

// leavesOut tells whether a frame has no place in a plain file: its track came, or became one of another codec, after the beginning.
func (m *Muxer) leavesOut(f *av.Frame) bool {
	if !m.Plain || f.Kind != av.KindMedia {
		return false
	}
	t := m.init.Find(f.Track)
	return t == nil || t.Codec != f.Codec
}

// sameBytes tells whether two slices are the same memory.
func sameBytes(a, b []byte) bool { return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0] }

// fits tells whether a frame's times follow from those of its track in the group.
func (m *Muxer) fits(f *av.Frame) bool {
	t := m.track(f.Track)
	if t == nil {
		return true
	}
	if gap := f.DTS - m.group[t.last].DTS; gap < 0 || gap > math.MaxUint32 {
		return false
	}
	if f.Wall.IsZero() || t.first.Wall.IsZero() {
		return f.Wall.IsZero() == t.first.Wall.IsZero()
	}
	return f.Wall.UnixNano() == t.first.Wall.UnixNano()+int64(f.PTS-t.first.PTS)
}

func (m *Muxer) track(id av.TrackID) *muxTrack {
	for i := range m.tracks {
		if m.tracks[i].id == id {
			return &m.tracks[i]
		}
	}
	return nil
}

// place adds a frame to the group. The one before it of its track lasts until it.
func (m *Muxer) place(p placed) {
	n := len(m.group)
	m.group = append(m.group, p)
	t := m.track(p.Track)
	if t == nil {
		m.tracks = append(m.tracks, muxTrack{id: p.Track, first: p.Frame, last: n, runs: 1, count: 1})
		m.group[n].duration = uint32(min(m.tempo(p.Track).gap, math.MaxUint32))
		return
	}
	before := &m.group[t.last]
	gap := p.DTS - before.DTS
	before.duration = uint32(gap)
	m.tempo(p.Track).gap = gap
	m.group[n].duration = uint32(gap)
	if t.last != n-1 {
		t.runs++
	}
	t.last = n
	t.count++
}

// tempo is that of a track.
func (m *Muxer) tempo(id av.TrackID) *tempo {
	for i := range m.tempi {
		if m.tempi[i].id == id {
			return &m.tempi[i]
		}
	}
	m.tempi = append(m.tempi, tempo{id, defaultGap})
	return &m.tempi[len(m.tempi)-1]
}

// appendFragment appends the group.
func (m *Muxer) appendFragment(dst []byte) []byte {
	data, moof := 0, boxHead+mfhdSize
	for _, p := range m.group {
		data = max(data, p.at+len(p.Data))
	}
	for i := range m.tracks {
		moof += m.tracks[i].trafSize()
	}
	dst = slices.Grow(dst, len(m.tracks)*prftSize+moof+boxHead+data)
	for i := range m.tracks {
		dst = appendCaptured(dst, m.tracks[i].first)
	}
	m.sequence++
	dst = appendBox(dst, moof, "moof")
	dst = appendFullBox(dst, mfhdSize, "mfhd", 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, m.sequence)
	for i := range m.tracks {
		dst = m.appendTraf(dst, &m.tracks[i], moof+boxHead)
	}
	dst = appendBox(dst, boxHead+data, "mdat")
	end := 0
	for _, p := range m.group {
		if p.at >= end { // else it is there
			dst = append(dst, p.Data...)
			end = p.at + len(p.Data)
		}
	}
	return dst
}

func (t *muxTrack) trafSize() int {
	return boxHead + tfhdSize + tfdtSize + t.runs*runHead + t.count*runSample
}

// appendTraf appends a track of the group: a run for each row of frames that stand side by side.
func (m *Muxer) appendTraf(dst []byte, t *muxTrack, data int) []byte {
	dst = appendBox(dst, t.trafSize(), "traf")
	dst = appendFullBox(dst, tfhdSize, "tfhd", 0, tfhdDefaultBaseIsMoof)
	dst = binary.BigEndian.AppendUint32(dst, TrackID(t.id))
	dst = appendFullBox(dst, tfdtSize, "tfdt", 1, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(max(0, t.first.DTS)))
	for i := 0; i < len(m.group); {
		if m.group[i].Track != t.id {
			i++
			continue
		}
		end := i + 1
		for end < len(m.group) && m.group[end].Track == t.id {
			end++
		}
		dst = appendRun(dst, m.group[i:end], data)
		i = end
	}
	return dst
}

// appendRun appends a trun box. Offsets of PTS are signed in version 1; version 0 reaches twice as far.
func appendRun(dst []byte, run []placed, data int) []byte {
	version := byte(0)
	for _, p := range run {
		if p.PTS < p.DTS {
			version = 1
		}
	}
	dst = appendFullBox(dst, runHead+len(run)*runSample, "trun", version, runFlags)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(run)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(data+run[0].at))
	for _, p := range run {
		flags := uint32(sampleDelta)
		if p.Key {
			flags = sampleKey
		}
		offset := min(p.PTS-p.DTS, math.MaxUint32)
		if version == 1 {
			offset = min(max(offset, math.MinInt32), math.MaxInt32)
		}
		dst = binary.BigEndian.AppendUint32(dst, p.duration)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.Data)))
		dst = binary.BigEndian.AppendUint32(dst, flags)
		dst = binary.BigEndian.AppendUint32(dst, uint32(offset))
	}
	return dst
}

// appendCaptured appends a prft box (ISO/IEC 14496-12 8.16.5): when a frame was captured. It appends nothing where that is not known.
func appendCaptured(dst []byte, f *av.Frame) []byte {
	if f.Wall.IsZero() {
		return dst
	}
	dst = appendFullBox(dst, prftSize, "prft", 1, prftCaptured)
	dst = binary.BigEndian.AppendUint32(dst, TrackID(f.Track))
	dst = binary.BigEndian.AppendUint64(dst, ntp(f.Wall))
	return binary.BigEndian.AppendUint64(dst, uint64(max(0, f.PTS)))
}

// prftCaptured are the flags of a prft box whose time is that of the capture (ISO/IEC 14496-12:2020 8.16.5.3).
const prftCaptured = 24

// ntpEpoch is how many seconds NTP's epoch, 1900, lies before 1970 (RFC 5905 6).
const ntpEpoch = 2208988800

// ntp is a time as NTP writes it: seconds and 2⁻³² seconds, rounded, so that nanoseconds can be read back.
func ntp(t time.Time) uint64 {
	ns := uint64(t.Nanosecond())
	return uint64(t.Unix()+ntpEpoch)<<32 | (ns<<32+NanoTimeScale/2)/NanoTimeScale
}

// fromNTP is the inverse of ntp. Seconds wrap in 2036: those with the upper bit clear are of the time after that (RFC 4330 3).
func fromNTP(v uint64) time.Time {
	sec, frac := int64(v>>32), v&math.MaxUint32
	if sec&(1<<31) == 0 {
		sec += 1 << 32
	}
	return time.Unix(sec-ntpEpoch, int64((frac*NanoTimeScale+1<<31)>>32))
}
