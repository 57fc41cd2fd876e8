package record

import (
	"cmp"
	"fmt"
	"time"

	"weir/mux/av"
	"weir/mux/flv"
)

// maxTags is how many bytes of tags are collected before they are written, however short they last.
const maxTags = 1 << 20

// flvFile is an FLV. Tags are written together, whole ones only.
type flvFile struct {
	out   *output
	every time.Duration
	zero  time.Duration
	enc   *flv.Encoder
	video *av.Track // as the file was begun
	audio *av.Track
	head  []byte // the preamble, whose facts are known at the end
	tags  []flv.Tag
	buf   []byte
	began time.Duration // of the first frame in buf
	whole time.Duration // where what is written ends
	last  map[av.TrackID]pace
}

// pace is when the newest frame of a track came, and how long the one before it lasted.
type pace struct{ at, step time.Duration }

func openFLV(out *output, ts av.Tracks, zero time.Duration, o *Options) (container, error) {
	head, err := flv.AppendFilePreamble(nil, ts, o.Encoder)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTracks, err)
	}
	f := &flvFile{
		out: out, every: o.Fragment, zero: zero, enc: flv.NewEncoder(ts), video: ts.Video(), audio: ts.Audio(), head: head,
		last: make(map[av.TrackID]pace),
	}
	return f, out.append(head)
}

// takes is true for another size or profile: the new sequence header stands in the file.
func (f *flvFile) takes(ts av.Tracks) bool {
	return goesOn(f.video, ts.Video()) && goesOn(f.audio, ts.Audio())
}

func goesOn(was, is *av.Track) bool {
	return was == nil && is == nil || was != nil && is != nil && was.ID == is.ID && was.Codec == is.Codec
}

func (f *flvFile) holds() bool { return f.whole > 0 }

func (f *flvFile) size() int64 { return f.out.size + int64(len(f.buf)) }

func (f *flvFile) write(frame *av.Frame) (err error) {
	if frame.DTS < f.zero { // sound from before the first picture
		return nil
	}
	own := *frame
	own.DTS, own.PTS = frame.DTS-f.zero, frame.PTS-f.zero
	if len(f.buf) == 0 {
		f.began = own.DTS
	}
	f.tags, err = f.enc.Encode(f.tags[:0], &own)
	if err != nil {
		return nil //nolint:nilerr // a frame that FLV cannot say, such as one of a track without a record, is left out
	}
	for i := range f.tags {
		f.buf = append(f.buf, f.tags[i].Data...)
	}
	clear(f.tags)
	if before, ok := f.last[own.Track]; own.Kind == av.KindMedia {
		f.last[own.Track] = pace{at: own.DTS}
		if ok {
			f.last[own.Track] = pace{own.DTS, own.DTS - before.at}
		}
	}
	if own.DTS-f.began >= f.every || len(f.buf) >= maxTags {
		return f.flush()
	}
	return nil
}

func (f *flvFile) flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	err := f.out.append(f.buf)
	f.buf = f.buf[:0]
	if err != nil {
		return err
	}
	f.whole = 0
	for _, p := range f.last {
		f.whole = max(f.whole, p.at+p.step) // it is expected to last as long as the one before it
	}
	return nil
}

func (f *flvFile) finish(at time.Duration, split bool) ([]*av.Frame, facts, error) {
	err := f.flush()
	if split && err == nil {
		f.whole = max(at-f.zero, 0)
	}
	if err == nil {
		err = f.complete()
	}
	return nil, f.facts(), cmp.Or(err, f.out.close())
}

func (f *flvFile) abandon() facts {
	if f.complete() == nil {
		_ = f.out.sync()
	}
	_ = f.out.file.Close() // whatever can be saved of it was
	return f.facts()
}

// complete writes into the metadata how long and how large the file is.
func (f *flvFile) complete() error {
	flv.SetFacts(f.head, f.whole, f.out.size)
	return f.out.patch(f.head, 0)
}

func (f *flvFile) facts() facts { return facts{duration: f.whole, size: f.out.size} }
