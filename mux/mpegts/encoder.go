package mpegts

import (
	"encoding/binary"
	"fmt"
	"time"

	"weir/mux/av"
)

const (
	// delay is from the clock in the packets to the time at which what they carry is decoded. What comes later on its way
	// (a large picture, sound that was made of other sound) has to be there by then; half a second is less than the 0.7 s
	// that ffmpeg writes.
	delay = 500 * time.Millisecond
	// tablesEvery is how often the tables are sent at least: a receiver may come at any time (ETSI TR 101 290 5.2.1: 0.5 s).
	tablesEvery = 400 * time.Millisecond
	// clockEvery is how often the clock is sent at least (ISO/IEC 13818-1 2.7.2: 0.1 s).
	clockEvery = 80 * time.Millisecond

	maxFrame = 16 << 20 // bytes of an access unit
)

// Encoder turns a stream's frames into transport packets: the first video and the first audio track of it. It is for one
// goroutine.
type Encoder struct {
	tracks       av.Tracks
	video, audio lane

	tables   tables
	tabled   time.Duration // when the tables were sent
	announce bool          // they are to be made anew
	clock    time.Duration // the last that was sent
	clocked  bool
	pes      [maxPES]byte
}

// lane is one of the two tracks on its way.
type lane struct {
	elementary
	format format // nil while there is no track, or none that can be carried
}

// NewEncoder returns an encoder for a stream whose tracks are ts where the frames begin. A track that cannot be carried is
// left out of the tables.
func NewEncoder(ts av.Tracks) *Encoder {
	e := &Encoder{
		tracks: ts, tables: newTables(),
		video: lane{elementary: elementary{pid: pidVideo}}, audio: lane{elementary: elementary{pid: pidAudio}},
	}
	_ = e.open(e.tracks.Video()) // its frames will say why
	_ = e.open(e.tracks.Audio())
	e.announce = true
	return e
}

// Tracks are the tracks that govern what Encode has just returned. The slice stays the same until one changes.
func (e *Encoder) Tracks() av.Tracks { return e.tracks }

// Encode appends to dst what the frame becomes: a unit for an access unit; nothing for a change of its track, which the
// tables tell with the next one, for data, and for tracks beside the first of their kind. Frames must come in the order
// of the stream.
//
// Errors: ErrTrack, ErrCodec, ErrConfig, ErrFrame. The frame is then left out, and the encoder may go on with the next.
func (e *Encoder) Encode(dst []*Unit, f *av.Frame) ([]*Unit, error) {
	switch f.Kind {
	case av.KindConfig:
		return dst, e.config(f)
	case av.KindData:
		return dst, nil
	case av.KindMedia:
	}
	t := e.tracks.Find(f.Track)
	switch {
	case t == nil:
		return dst, fmt.Errorf("%w: %d", ErrTrack, f.Track)
	case t.Codec != f.Codec:
		return dst, fmt.Errorf("%w: frame of %v on a track of %v", ErrCodec, f.Codec, t.Codec)
	case len(f.Data) == 0 || len(f.Data) > maxFrame:
		return dst, fmt.Errorf("%w: %d bytes", ErrFrame, len(f.Data))
	}
	l := e.lane(t)
	switch {
	case l == nil:
		return dst, nil
	case l.format == nil:
		return dst, fmt.Errorf("%w: %v", ErrCodec, t.Codec)
	}
	u, err := e.unit(l, f)
	if err != nil {
		return dst, err
	}
	return append(dst, u), nil
}

// lane is that of a track, or nil when another one of its kind comes first.
func (e *Encoder) lane(t *av.Track) *lane {
	if v := e.tracks.Video(); v != nil && v.ID == t.ID {
		return &e.video
	}
	if a := e.tracks.Audio(); a != nil && a.ID == t.ID {
		return &e.audio
	}
	return nil
}

func (e *Encoder) config(f *av.Frame) error {
	if f.Config == nil {
		if t := e.tracks.Find(f.Track); t != nil {
			if l := e.lane(t); l != nil {
				l.format = nil
			}
			e.tracks, e.announce = e.tracks.Without(f.Track), true
		}
		return nil
	}
	if old := e.tracks.Find(f.Config.ID); old != nil && old.Same(f.Config) {
		return nil
	}
	e.tracks, e.announce = e.tracks.With(f.Config), true
	return e.open(f.Config)
}

// open begins with a track's configuration.
func (e *Encoder) open(t *av.Track) (err error) {
	if t == nil {
		return nil
	}
	l := e.lane(t)
	if l == nil {
		return nil
	}
	l.format = nil
	form, err := newFormat(t)
	if err != nil {
		return err
	}
	l.format = form
	return nil
}

// carried are the tracks that the tables tell of.
func (e *Encoder) carried() av.Tracks {
	var out av.Tracks
	if e.video.format != nil {
		out = out.With(e.tracks.Video())
	}
	if e.audio.format != nil {
		out = out.With(e.tracks.Audio())
	}
	return out
}

// unit writes an access unit.
func (e *Encoder) unit(l *lane, f *av.Frame) (*Unit, error) {
	p, err := l.format.open(f)
	if err != nil {
		return nil, err
	}
	alone := e.video.format == nil
	u := &Unit{Codec: f.Codec, Key: f.Key, DTS: f.DTS, beat: l == &e.video || alone}
	u.join = u.beat && f.Key && (!alone || e.tablesDue(f.DTS))
	size := len(p.head) + len(f.Data)
	head := appendPES(e.pes[:0], p.id, f.DTS, f.PTS, size)
	size += len(head)

	packets := (size+2+pcrSize)/(PacketSize-headerSize) + 1
	u.Data = make([]byte, 0, tablesSize+(packets+1)*PacketSize)
	u.Data = e.appendTables(u.Data, u)
	u.Data = e.appendClock(u.Data, u)
	c := cutter{dst: u.Data, to: &l.elementary, left: size, random: u.join, pcr: e.stamp(u)}
	c.write(head)
	c.write(p.head)
	if p.nals == 0 {
		c.write(f.Data)
	} else {
		c.writeNALs(f.Data)
	}
	u.Data = c.dst
	return u, nil
}

// writeNALs writes NAL units, whose lengths were checked, behind start codes.
func (c *cutter) writeNALs(data []byte) {
	for len(data) > 0 {
		n := len(startCode) + int(binary.BigEndian.Uint32(data))
		c.write([]byte(startCode))
		c.write(data[len(startCode):n])
		data = data[n:]
	}
}

// tablesDue tells whether the tables are to be sent at a time, whatever comes then.
func (e *Encoder) tablesDue(at time.Duration) bool { return e.announce || at-e.tabled >= tablesEvery }

// appendTables appends the tables before a unit where they are due.
func (e *Encoder) appendTables(dst []byte, u *Unit) []byte {
	if !u.join && !e.tablesDue(u.DTS) {
		return dst
	}
	if e.announce {
		e.announce = false
		e.tables.set(e.carried())
		e.clocked = false // the clock may have moved to the other PID
	}
	e.tabled = u.DTS
	return e.tables.append(dst)
}

// appendClock appends the clock before sound when pictures, which carry it, keep it waiting.
func (e *Encoder) appendClock(dst []byte, u *Unit) []byte {
	if u.beat || e.clocked && u.DTS-e.clock < clockEvery {
		return dst
	}
	e.clock, e.clocked = u.DTS, true
	return e.video.appendClock(dst, pcrOf(u.DTS))
}

// stamp is the clock that the unit carries: only the one track does, and it never goes back.
func (e *Encoder) stamp(u *Unit) int64 {
	if !u.beat || e.clocked && u.DTS <= e.clock {
		return noPCR
	}
	e.clock, e.clocked = u.DTS, true
	return pcrOf(u.DTS)
}

// pcrOf is a time in ticks of the system clock (ISO/IEC 13818-1 2.4.2.1).
func pcrOf(d time.Duration) int64 { return av.Ticks(d, 300*clockRate) }
