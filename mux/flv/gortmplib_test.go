package flv

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/gortmplib/pkg/message"
	"github.com/bluenviron/gortmplib/pkg/rawmessage"

	"weir/mux/av"
	"weir/mux/codec/av1"
	"weir/testdata/samples"
)

// relay carries the bodies of tags to a foreign reader, as RTMP messages.
type relay struct{ *message.Reader }

func (relay) BytesReceived() uint64       { return 0 }
func (relay) BytesSent() uint64           { return 0 }
func (relay) Write(message.Message) error { return nil }

func newRelay(t *testing.T, tags []Tag) relay {
	t.Helper()
	var wire bytes.Buffer
	w := rawmessage.NewWriter(&wire, bytecounter.NewWriter(&wire), false)
	for _, g := range tags {
		if err := w.Write(&rawmessage.Message{ChunkStreamID: 6, Timestamp: g.DTS, Type: BodyVideo, MessageStreamID: 1, Body: g.Body()}); err != nil {
			t.Fatal(err)
		}
	}
	return relay{message.NewReader(&wire, bytecounter.NewReader(&wire), nil)}
}

// TestForeignReader: a foreign reader of Enhanced RTMP finds the track and all pictures in the tags.
func TestForeignReader(t *testing.T) {
	for name, c := range map[string]struct {
		sample func(t testing.TB) (av.Track, []*av.Frame)
		listen func(r *gortmplib.Reader, track *gortmplib.Track, got *[][]byte) bool
	}{
		"H.265": {samples.H265, func(r *gortmplib.Reader, track *gortmplib.Track, got *[][]byte) bool {
			r.OnDataH265(track, func(_, _ time.Duration, unit [][]byte) { *got = append(*got, lengthPrefixed(unit...)) })
			h, ok := track.Codec.(*codecs.H265)
			return ok && len(h.VPS) > 0 && len(h.SPS) > 0 && len(h.PPS) > 0
		}},
		"AV1": {samples.AV1, func(r *gortmplib.Reader, track *gortmplib.Track, got *[][]byte) bool {
			r.OnDataAV1(track, func(_ time.Duration, unit [][]byte) {
				var data []byte
				for _, b := range unit {
					o, _, _ := av1.ParseOBU(b)
					data = append(o.AppendHeader(data), o.Payload...)
				}
				*got = append(*got, data)
			})
			_, ok := track.Codec.(*codecs.AV1)
			return ok
		}},
		"VP9": {samples.VP9, func(r *gortmplib.Reader, track *gortmplib.Track, got *[][]byte) bool {
			r.OnDataVP9(track, func(_ time.Duration, frame []byte) { *got = append(*got, bytes.Clone(frame)) })
			_, ok := track.Codec.(*codecs.VP9)
			return ok
		}},
	} {
		t.Run(name, func(t *testing.T) {
			track, frames := c.sample(t)
			end := *frames[0] // it looks at two seconds before it says which tracks there are
			end.DTS, end.PTS = 3*time.Second, 3*time.Second
			frames = append(frames, &end)
			head, err := AppendSequenceHeader(nil, &track, 0)
			if err != nil {
				t.Fatal(err)
			}
			tags := []Tag{{Data: head}}
			e := NewEncoder(av.Tracks{track})
			for _, f := range frames {
				if tags, err = e.Encode(tags, f); err != nil {
					t.Fatal(err)
				}
			}
			r := &gortmplib.Reader{Conn: newRelay(t, tags)}
			if err := r.Initialize(); err != nil {
				t.Fatal(err)
			}
			var got [][]byte
			if len(r.Tracks()) != 1 || !c.listen(r, r.Tracks()[0], &got) {
				t.Fatalf("tracks %+v", r.Tracks())
			}
			for range tags {
				if err := r.Read(); err != nil {
					t.Fatalf("behind %d pictures: %v", len(got), err)
				}
			}
			if !slices.EqualFunc(got, frames, func(g []byte, f *av.Frame) bool { return bytes.Equal(g, f.Data) }) {
				t.Errorf("%d pictures that are not the %d written", len(got), len(frames))
			}
		})
	}
}
