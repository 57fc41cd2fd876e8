package pull

import (
	"errors"
	"fmt"
	"io"

	"weir/mux/av"
	"weir/mux/flv"
	"weir/mux/rtmp"
	"weir/room/live/timeline"
)

// readFLV hands the media of an FLV stream on, until it ends.
func readFLV(r io.Reader, to sink) error {
	tags := flv.NewTags(r)
	b := bodies{to: to}
	for {
		t, err := tags.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return ErrClosed
		case errors.Is(err, flv.ErrTooLarge):
			return fmt.Errorf("%w: %w", ErrTooLarge, err)
		case errors.Is(err, flv.ErrFormat):
			return fmt.Errorf("%w: %w", ErrFormat, err)
		case err != nil:
			return fmt.Errorf("%w: %w", ErrClosed, err)
		}
		if err := b.take(t.Type, t.Time, t.Body); err != nil {
			return err
		}
	}
}

// maxDamaged is how many damaged bodies in a row make a source one that sends something else.
const maxDamaged = 100

// bodies hands the bodies of FLV tags on, which those of RTMP messages are, too.
type bodies struct {
	to      sink
	read    flv.Bodies
	millis  timeline.Millis
	damaged int  // in a row
	foreign int  // bodies of sound that cannot be carried
	silent  bool // it was told that these are left out
}

// leave leaves sound of a codec that cannot be carried out, as that of HLS is, where there are pictures.
//
// Errors: ErrUnfit for pictures, and where none come.
func (b *bodies) leave(typ byte, err error) error {
	b.foreign++
	pictures := b.read.Track(flv.BodyVideo) != nil
	switch {
	case typ == flv.BodyVideo, !pictures && b.foreign > maxDamaged:
		return fmt.Errorf("%w: %w", ErrUnfit, err)
	case pictures && !b.silent:
		b.silent = true
		b.to.expect(true, false, 0)
		b.to.left(err)
	}
	return nil
}

// take takes a body whose tag has the time ms.
func (b *bodies) take(typ byte, ms uint32, body []byte) error {
	if typ == rtmp.TypeData {
		if pictures, sound, ok := announced(body); ok {
			b.to.expect(pictures, sound, 0)
		}
		return nil
	}
	if typ != flv.BodyAudio && typ != flv.BodyVideo {
		return nil
	}
	u, err := b.read.Read(typ, body)
	switch {
	case errors.Is(err, flv.ErrCodec):
		return b.leave(typ, err)
	case err != nil:
		if b.damaged++; b.damaged > maxDamaged {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
		if typ == flv.BodyVideo {
			b.to.damaged()
		}
		return nil // the next one may be whole
	}
	b.damaged = 0
	if u.Config != nil {
		if err := b.to.configure(u.Config); err != nil {
			return err
		}
	}
	at := b.millis.Time(ms)
	if len(u.Data) == 0 {
		return nil
	}
	return b.to.write(&av.Frame{Codec: u.Codec, Key: u.Key, DTS: at, PTS: at + u.Composition, Data: u.Data})
}
