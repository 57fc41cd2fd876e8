package flv

import (
	"io"
	"time"

	"weir/mux/av"
)

// The tracks that a Demuxer finds: FLV has one of each kind.
const (
	VideoID av.TrackID = 1
	AudioID av.TrackID = 2
)

// Demuxer reads frames from FLV, classic and Enhanced. It is for one goroutine, the one that reads.
type Demuxer struct {
	tags         *Tags
	video, audio av.Track // as last announced; Config is nil before that
	now          int64    // ms of the newest audio or video tag, unwrapped
	timed        bool     // there was one
	skipped      int
	pending      *av.Frame // to be returned next
}

// NewDemuxer returns a demuxer that reads from r. It reads ahead of what Next returns.
func NewDemuxer(r io.Reader) *Demuxer {
	return &Demuxer{tags: NewTags(r)}
}

// Skipped is how many tags were passed over: scripts, and what weir cannot carry, such as unknown codecs,
// packet types and multitrack packets.
func (d *Demuxer) Skipped() int { return d.skipped }

// Next returns the next frame: of KindConfig when a sequence header differs from the one before, of KindMedia
// for an access unit. Frames own their bytes. Times are the tags', with the 32-bit wrap undone, and no better:
// it is the caller's to make DTS rise strictly where a file does not.
//
// Errors: io.EOF at the end of a tag, io.ErrUnexpectedEOF within one, ErrFormat, ErrTooLarge, or the reader's.
// After an ErrFormat that is about the contents of a tag the next call goes on behind it.
func (d *Demuxer) Next() (*av.Frame, error) {
	if f := d.pending; f != nil {
		d.pending = nil
		return f, nil
	}
	for {
		t, err := d.tags.Next()
		if err != nil {
			return nil, err
		}
		if t.Type != typeScript { // whose time is 0 wherever it stands
			d.advance(t.Time)
		}
		f, err := d.frame(t.Type, t.Body)
		if err != nil {
			return nil, err
		}
		if f != nil {
			return f, nil
		}
	}
}

// advance takes the time that is nearest to the one before among those with the same 32 bits.
func (d *Demuxer) advance(ts uint32) {
	if !d.timed {
		d.now, d.timed = int64(ts), true
		return
	}
	d.now += int64(int32(ts - uint32(d.now)))
}

// frame is what the tag becomes; nil when it is passed over or changes nothing.
func (d *Demuxer) frame(typ byte, body []byte) (*av.Frame, error) {
	var (
		p  packet
		ok bool
	)
	switch typ { // a filtered (encrypted) tag has another number (E.4.1)
	case typeVideo:
		p, ok = parseVideo(body)
	case typeAudio:
		p, ok = parseAudio(body)
	}
	if !ok {
		d.skipped++
		return nil, nil
	}
	if p.config {
		return d.configFrame(p)
	}
	return d.mediaFrame(p)
}

func (d *Demuxer) configFrame(p packet) (*av.Frame, error) {
	t, err := newTrack(p.codec, p.data)
	if err != nil {
		return nil, err
	}
	known := d.track(p.codec)
	if t.Codec == av.CodecVP9 && known.Codec == av.CodecVP9 {
		t.Width, t.Height = known.Width, known.Height
	}
	if known.Same(&t) {
		return nil, nil
	}
	*known = t
	if !sized(&t) {
		return nil, nil
	}
	return d.announce(t), nil
}

// announce is the frame that says that a track is as t from here on.
func (d *Demuxer) announce(t av.Track) *av.Frame {
	at := d.time(0)
	return &av.Frame{Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: at, PTS: at, Config: &t}
}

func (d *Demuxer) mediaFrame(p packet) (*av.Frame, error) {
	t := d.track(p.codec)
	if t.Codec != p.codec { // FL-06: nothing can be decoded before the sequence header
		d.skipped++
		return nil, nil
	}
	var config *av.Track
	if inBand(p.codec) {
		var err error
		if config, p.key, err = lookInside(t, p.data); err != nil {
			return nil, err
		}
	}
	if config == nil && !sized(t) {
		d.skipped++
		return nil, nil
	}
	data, err := plain(p.codec, p.data)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 { // an access unit of parameter sets only, or a keep-alive
		d.skipped++
		return nil, nil
	}
	f := &av.Frame{
		Track: t.ID, Codec: p.codec, Key: p.key,
		DTS: d.time(0), PTS: d.time(p.cts), Data: data,
	}
	if config != nil {
		*t = *config
		d.pending = f
		return d.announce(*t), nil
	}
	return f, nil
}

func (d *Demuxer) track(c av.Codec) *av.Track {
	if c.IsVideo() {
		return &d.video
	}
	return &d.audio
}

// time is the newest tag's time and cts milliseconds.
func (d *Demuxer) time(cts int64) time.Duration { return time.Duration(d.now+cts) * time.Millisecond }
