package fmp4

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"weir/mux/av"
)

// What a Demuxer takes in at most.
const (
	maxMessage = 1 << 20 // bytes of a box that is no media
	maxData    = 64 << 20
	maxSamples = 1 << 14 // of a fragment, those of tracks that are passed over too
	maxTime    = 1 << 62 // nanoseconds: 146 years
)

// Element is what a Demuxer finds: a frame or a message, never both.
type Element struct {
	Frame *av.Frame
	// Message is one that is no frame. It owns its bytes.
	Message *Message
}

// Demuxer reads frames from fragmented MP4: exactly those that a Muxer was given, or those of any other file that follows
// ISO/IEC 14496-12 and holds codecs of weir's. It takes in a fragment at a time, whose frames share one buffer. It is for
// one goroutine, the one that reads.
type Demuxer struct {
	r       *bufio.Reader
	pos     int64 // of r in the file
	tracks  []source
	clocks  []clock  // of the next fragment
	samples []sample // whose bytes are to come, by their places
	counted int      // samples that were there before the fragment and in it, those that are passed over too
	queue   []Element
	next    int // of queue
	scratch [16]byte
}

// clock is what a prft box says.
type clock struct {
	id   uint32
	wall time.Time
	at   uint64 // in the track's scale
}

// sample is one of a fragment whose data has not come yet. Times are in its track's scale.
type sample struct {
	track    *source
	at       int64 // in the file
	size     int
	dts, pts int64
	key      bool
	wall     time.Time
}

// NewDemuxer returns a demuxer that reads from r. It reads ahead of what Next returns.
func NewDemuxer(r io.Reader) *Demuxer {
	return &Demuxer{r: bufio.NewReaderSize(r, 64<<10)}
}

// Next returns the next frame or message. Each track of an init section is a frame of KindConfig at the beginning, without
// times; what a Muxer wrote tells its tracks once more, exactly. The frames of a fragment come in the order of their data.
// Track IDs are those of the file less one, as TrackID makes them. Times are those at which the file is played, behind its edit lists:
// some may be before 0.
//
// Errors: io.EOF at the end of a box, io.ErrUnexpectedEOF within one, ErrFormat, or the reader's. None can be gone on from.
func (d *Demuxer) Next() (Element, error) {
	for d.next == len(d.queue) {
		clear(d.queue)
		d.queue, d.next = d.queue[:0], 0
		if err := d.box(); err != nil {
			return Element{}, err
		}
	}
	e := d.queue[d.next]
	d.queue[d.next] = Element{} // hold nothing
	d.next++
	return e, nil
}

// box takes the next box.
func (d *Demuxer) box() error {
	begin := d.pos
	kind, size, err := d.head()
	if err != nil {
		return err
	}
	switch kind {
	case "moov", "moof", "prft", "emsg":
		b, err := d.take(size, maxMessage)
		if err != nil {
			return err
		}
		return d.control(kind, b, begin)
	case "mdat":
		return d.data(size)
	default:
		return d.skip(size)
	}
}

// head reads the head of a box, and returns how many bytes follow.
func (d *Demuxer) head() (kind string, size int64, err error) {
	head := d.scratch[:]
	if _, err = io.ReadFull(d.r, head[:boxHead]); err != nil {
		return "", 0, err
	}
	n, used := int64(binary.BigEndian.Uint32(head)), int64(boxHead)
	if n == 1 { // 4.2.2: largesize
		if _, err = io.ReadFull(d.r, head[boxHead:]); err != nil {
			return "", 0, within(err)
		}
		n, used = int64(binary.BigEndian.Uint64(head[boxHead:])), int64(len(head))
	}
	if n < used || n > maxTime { // a box without end cannot be in a file that goes on
		return "", 0, fmt.Errorf("%w: box %q of %d bytes", ErrFormat, head[4:boxHead], n)
	}
	d.pos += used
	return string(head[4:boxHead]), n - used, nil
}

// within says that an end inside of a box is none between two.
func within(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// take reads what follows of a box. Memory grows with what comes, not with what is promised.
func (d *Demuxer) take(size, most int64) ([]byte, error) {
	if size > most {
		return nil, fmt.Errorf("%w: %d bytes in a box", ErrFormat, size)
	}
	const trusted = 1 << 20
	b := make([]byte, min(size, trusted))
	for have := 0; ; {
		n, err := io.ReadFull(d.r, b[have:])
		d.pos += int64(n)
		if err != nil {
			return nil, within(err)
		}
		if have = len(b); int64(have) == size {
			return b, nil
		}
		b = append(b, make([]byte, min(size-int64(have), int64(have)))...)
	}
}

func (d *Demuxer) skip(size int64) error {
	for size > 0 {
		n, err := d.r.Discard(int(min(size, 1<<30)))
		d.pos += int64(n)
		size -= int64(n)
		if err != nil {
			return within(err)
		}
	}
	return nil
}

// control takes a box that is no media and began at a place of the file.
func (d *Demuxer) control(kind string, b []byte, begin int64) error {
	switch kind {
	case "moov":
		d.begin(parseMoov(b))
		return nil
	case "prft":
		d.captured(b)
		return nil
	case "emsg":
		return d.message(b)
	default:
		return d.fragment(b, begin)
	}
}

// begin takes the tracks of an init section. Those that come again are the same as far as samples refer to them.
func (d *Demuxer) begin(tracks []source) {
	d.tracks, d.samples = tracks, nil
	for i := range tracks {
		t := tracks[i].Track
		d.queue = append(d.queue, Element{Frame: &av.Frame{Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, Config: &t}})
	}
}

func (d *Demuxer) captured(b []byte) {
	if len(b) < 20 || len(d.clocks) == maxTracks {
		return
	}
	c := clock{id: binary.BigEndian.Uint32(b[4:]), wall: fromNTP(binary.BigEndian.Uint64(b[8:]))}
	if b[0] == 0 {
		c.at = uint64(binary.BigEndian.Uint32(b[16:]))
	} else if len(b) >= 24 {
		c.at = binary.BigEndian.Uint64(b[16:])
	}
	d.clocks = append(d.clocks, c)
}

func (d *Demuxer) message(b []byte) error {
	m, err := parseMessage(b)
	if err != nil {
		return err
	}
	if m.Scheme != frameScheme {
		d.queue = append(d.queue, Element{Message: m})
		return nil
	}
	f, err := m.frame()
	if err != nil {
		return err
	}
	if f.Config != nil {
		if err := d.configure(f.Config); err != nil {
			return err
		}
	}
	d.queue = append(d.queue, Element{Frame: f})
	return nil
}

// configure notes a track that a Muxer tells of, which may be none of the init section.
func (d *Demuxer) configure(t *av.Track) error {
	if s := d.track(TrackID(t.ID)); s != nil {
		s.Track = *t
		return nil
	}
	if len(d.tracks) == maxTracks {
		return fmt.Errorf("%w: too many tracks", ErrFormat)
	}
	if len(d.samples) > 0 { // they point into the tracks
		return fmt.Errorf("%w: a track within a fragment", ErrFormat)
	}
	d.tracks = append(d.tracks, source{Track: *t, scale: NanoTimeScale, carried: true})
	return nil
}

func (d *Demuxer) track(id uint32) *source {
	for i := range d.tracks {
		if TrackID(d.tracks[i].ID) == id {
			return &d.tracks[i]
		}
	}
	return nil
}

// fragment takes the content of a moof box that began at a place of the file.
func (d *Demuxer) fragment(moof []byte, begin int64) (err error) {
	d.counted = len(d.samples)
	data := begin // 8.8.7.1: what the next track's data is relative to, where nothing else is said
	children(moof, func(kind string, b []byte) {
		if kind == "traf" && err == nil {
			data, err = d.traf(b, begin, data)
		}
	})
	d.clocks = d.clocks[:0]
	if err != nil {
		return err
	}
	// Frames in the order of their bytes; of two with the same bytes the simulcast layer stands before the main video.
	slices.SortStableFunc(d.samples, func(a, b sample) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.size, b.size), cmp.Compare(b.track.ID, a.track.ID))
	})
	return nil
}

// Flags of the boxes beside those that a part has (ISO/IEC 14496-12 8.8.7.1, 8.8.8.1, 8.8.3.1).
const (
	tfhdBase        = 0x000001
	tfhdDescription = 0x000002
	tfhdDuration    = 0x000008
	tfhdSampleSize  = 0x000010
	tfhdFlags       = 0x000020

	trunFirstFlags = 0x000004
	sampleNonSync  = 0x010000
)

// cursor reads 32 and 64 bits one after another; it is bad once there are too few.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) u32() uint32 {
	if len(c.b) < 4 {
		c.bad = true
		return 0
	}
	v := binary.BigEndian.Uint32(c.b)
	c.b = c.b[4:]
	return v
}

func (c *cursor) u64() uint64 { return uint64(c.u32())<<32 | uint64(c.u32()) }

// traf takes a track's part of a fragment, and returns where its data ends. Those of other tracks are passed over, but count for
// where data is.
func (d *Demuxer) traf(b []byte, moof, data int64) (end int64, err error) {
	var t *source
	var of defaults
	base, dts := data, int64(0)
	known := false
	children(b, func(kind string, b []byte) {
		if err != nil || len(b) < 4 {
			return
		}
		c := cursor{b: b[4:]}
		flags := binary.BigEndian.Uint32(b) & 0xffffff
		switch kind {
		case "tfhd":
			id := c.u32()
			if t = d.track(id); t != nil {
				of, dts = t.defaults, t.next
			}
			if flags&tfhdDefaultBaseIsMoof != 0 {
				base = moof
			}
			if flags&tfhdBase != 0 {
				base = int64(c.u64())
			}
			of.read(&c, flags)
			data, known = base, !c.bad && base >= 0
		case "tfdt":
			if b[0] == 0 {
				dts = int64(c.u32())
			} else {
				dts = int64(c.u64())
			}
		case "trun":
			if known {
				data, dts, err = d.run(&c, run{t: t, flags: flags, version: b[0], base: base, data: data, dts: dts, of: of})
			}
		}
	})
	if t != nil {
		t.next = dts
	}
	return data, err
}

// read takes the optional fields of a tfhd box.
func (of *defaults) read(c *cursor, flags uint32) {
	if flags&tfhdDescription != 0 {
		c.u32()
	}
	for _, f := range []struct {
		flag uint32
		to   *uint32
	}{{tfhdDuration, &of.duration}, {tfhdSampleSize, &of.size}, {tfhdFlags, &of.flags}} {
		if flags&f.flag != 0 {
			*f.to = c.u32()
		}
	}
}

// run is a trun box and what governs it.
type run struct {
	t          *source // nil: its samples are passed over
	flags      uint32
	version    byte
	base, data int64 // the data of the track begins at base; that of the run goes on at data
	dts        int64
	of         defaults
}

// run takes a trun box, and returns where its data ends and the decoding time behind it.
func (d *Demuxer) run(c *cursor, r run) (data, dts int64, err error) {
	count := int(c.u32())
	if r.flags&trunDataOffset != 0 {
		r.data = r.base + int64(int32(c.u32()))
	}
	first := r.of.flags
	if r.flags&trunFirstFlags != 0 {
		first = c.u32()
	}
	if c.bad || count > maxSamples-d.counted {
		return 0, 0, fmt.Errorf("%w: trun of %d samples", ErrFormat, count)
	}
	d.counted += count
	for i := range count {
		is := r.of
		if i == 0 {
			is.flags = first
		}
		pts := is.sample(c, &r)
		if c.bad || r.data < 0 || r.data > maxTime || r.dts < 0 || r.dts > maxTime {
			return 0, 0, fmt.Errorf("%w: trun is cut short, or of an impossible time", ErrFormat)
		}
		if r.t != nil {
			s := sample{track: r.t, at: r.data, size: int(is.size), dts: r.dts, pts: pts, key: is.flags&sampleNonSync == 0}
			s.wall = d.wall(&s)
			d.samples = append(d.samples, s)
		}
		r.data += int64(is.size)
		r.dts += int64(is.duration)
	}
	return r.data, r.dts, nil
}

// sample takes the fields of a sample, and returns its presentation time.
func (of *defaults) sample(c *cursor, r *run) (pts int64) {
	for _, f := range [...]struct {
		flag uint32
		to   *uint32
	}{{trunDuration, &of.duration}, {trunSize, &of.size}, {trunFlags, &of.flags}} {
		if r.flags&f.flag != 0 {
			*f.to = c.u32()
		}
	}
	if r.flags&trunComposition == 0 {
		return r.dts
	}
	offset := c.u32()
	if r.version == 0 {
		return r.dts + int64(offset)
	}
	return r.dts + int64(int32(offset))
}

// wall is when a sample was captured; zero when the fragment does not say.
func (d *Demuxer) wall(s *sample) time.Time {
	for _, c := range d.clocks {
		if c.id != TrackID(s.track.ID) || c.at > maxTime {
			continue
		}
		return c.wall.Add(av.Duration(s.pts-int64(c.at), s.track.scale))
	}
	return time.Time{}
}

// data takes an mdat box: those samples whose bytes are in it.
func (d *Demuxer) data(size int64) error {
	begin, end := d.pos, d.pos+size
	n := 0
	for n < len(d.samples) && d.samples[n].at+int64(d.samples[n].size) <= end {
		n++
	}
	if n == 0 {
		return d.skip(size)
	}
	b, err := d.take(size, maxData)
	if err != nil {
		return err
	}
	frames := make([]av.Frame, n)
	for i, s := range d.samples[:n] {
		if s.at < begin {
			return fmt.Errorf("%w: a sample outside of the data", ErrFormat)
		}
		if err := s.frame(&frames[i], b[s.at-begin:]); err != nil {
			return err
		}
		d.queue = append(d.queue, Element{Frame: &frames[i]})
	}
	d.samples = append(d.samples[:0], d.samples[n:]...)
	return nil
}

// frame fills in the frame of a sample whose bytes b begins with.
func (s *sample) frame(f *av.Frame, b []byte) error {
	dts, err := duration(uint64(s.dts), s.track.scale)
	if err != nil {
		return err
	}
	dts += s.track.shift
	*f = av.Frame{
		Track: s.track.ID, Codec: s.track.Codec, Key: s.key, DTS: dts,
		PTS: dts + av.Duration(s.pts, s.track.scale) - av.Duration(s.dts, s.track.scale), Wall: s.wall, Data: b[:s.size:s.size],
	}
	return nil
}

// duration is a time of a scale, as far as there is one.
func duration(ticks uint64, scale uint32) (time.Duration, error) {
	if scale == 0 || ticks/uint64(scale) > maxTime/uint64(time.Second) || ticks > math.MaxInt64 {
		return 0, fmt.Errorf("%w: time %d of scale %d", ErrFormat, ticks, scale)
	}
	return av.Duration(int64(ticks), scale), nil
}
