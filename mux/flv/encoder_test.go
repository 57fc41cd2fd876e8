package flv

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"weir/mux/av"
)

const ms = time.Millisecond

var (
	small = av.Track{ID: videoID, Codec: av.CodecH264, Config: []byte{1, 0x42, 0xc0, 0x1e}, Width: 640, Height: 360}
	large = av.Track{ID: videoID, Codec: av.CodecH264, Config: []byte{1, 0x42, 0xc0, 0x1f}, Width: 1280, Height: 720}
	sound = av.Track{ID: audioID, Codec: av.CodecAAC, Config: []byte{0x11, 0x90}, Channels: 2}
	mono  = av.Track{ID: audioID, Codec: av.CodecAAC, Config: []byte{0x11, 0x88}, Channels: 1}
)

func picture(at time.Duration, key bool) *av.Frame {
	return &av.Frame{Track: videoID, Codec: av.CodecH264, Key: key, DTS: at, PTS: at, Data: []byte{0, 0, 0, 2, 0x41, byte(at / ms)}}
}

func chord(at time.Duration) *av.Frame {
	return &av.Frame{Track: audioID, Codec: av.CodecAAC, Key: true, DTS: at, PTS: at, Data: []byte{0x21}}
}

func change(at time.Duration, t *av.Track) *av.Frame {
	return &av.Frame{Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: at, PTS: at, Config: t}
}

// sent says of tags what a test wants to know: kind and milliseconds, as in v33 (picture), V40 (key frame),
// c40 (sequence header of the video), a21, C21 (sequence header of the audio).
func sent(t *testing.T, tags []Tag) (out []string) {
	t.Helper()
	for _, tag := range tags {
		raw := rawTags(t, tag.Data)
		if len(raw) != 1 {
			t.Fatalf("%d tags in one", len(raw))
		}
		r := raw[0]
		var name string
		switch {
		case r.typ == typeVideo && tag.Kind == av.KindConfig:
			name = "c"
		case r.typ == typeVideo && tag.Key:
			name = "V"
		case r.typ == typeVideo:
			name = "v"
		case tag.Kind == av.KindConfig:
			name = "C"
		default:
			name = "a"
		}
		if got := r.body[1] == classicConfig; got != (tag.Kind == av.KindConfig) {
			t.Errorf("%s%d: packet type %d", name, r.ms, r.body[1])
		}
		out = append(out, fmt.Sprint(name, r.ms))
	}
	return out
}

func TestEncoder(t *testing.T) {
	both := av.Tracks{small, sound}
	for _, c := range []struct {
		name   string
		tracks av.Tracks
		frames []*av.Frame
		want   []string
	}{
		{
			"in the order of the frames", both,
			[]*av.Frame{picture(0, true), chord(0), chord(21 * ms), picture(33*ms, false)},
			[]string{"V0", "a0", "a21", "v33"},
		},
		{
			"an audio tag may be older than the video tag before it", both,
			[]*av.Frame{picture(100*ms, true), chord(60 * ms), picture(133*ms, false), chord(81 * ms)},
			[]string{"V100", "a60", "v133", "a81"},
		},
		{
			"two frames in one millisecond", both,
			[]*av.Frame{picture(9600*time.Microsecond, true), picture(10400*time.Microsecond, false), chord(10 * ms), picture(10450*time.Microsecond, false), picture(13*ms, false)},
			[]string{"V10", "v11", "a10", "v12", "v13"},
		},
		{
			"unchanged config", both,
			[]*av.Frame{change(0, &small), picture(0, true), change(33*ms, &small), picture(33*ms, true), change(33*ms, &sound)},
			[]string{"V0", "V33"},
		},
		{
			"new config: last picture, header, key frame", both,
			[]*av.Frame{picture(0, true), picture(33*ms, false), change(66*ms, &large), picture(66*ms, true)},
			[]string{"V0", "v33", "v65", "c66", "V66"},
		},
		{
			"new config twice", both,
			[]*av.Frame{picture(0, true), change(33*ms, &large), picture(33*ms, true), change(66*ms, &small), picture(66*ms, true)},
			[]string{"V0", "V32", "c33", "V33", "V65", "c66", "V66"},
		},
		{
			"new config before any picture", both,
			[]*av.Frame{chord(0), change(33*ms, &large), picture(33*ms, true)},
			[]string{"a0", "c33", "V33"},
		},
		{
			"no room for the last picture", both,
			[]*av.Frame{picture(32*ms, true), change(33*ms, &large), picture(33*ms, true)},
			[]string{"V32", "c33", "V33"},
		},
		{
			"room for the last picture", both,
			[]*av.Frame{picture(31*ms, true), change(33*ms, &large), picture(33*ms, true)},
			[]string{"V31", "V32", "c33", "V33"},
		},
		{
			"new config in the millisecond of the last picture", both,
			[]*av.Frame{picture(33*ms, true), picture(33*ms, false), change(33*ms, &large), picture(33*ms, true)},
			[]string{"V33", "v34", "c34", "V35"},
		},
		{
			"new config of the sound", both,
			[]*av.Frame{picture(0, true), chord(0), change(21*ms, &mono), chord(21 * ms)},
			[]string{"V0", "a0", "C21", "a21"},
		},
		{
			"a track that comes later",
			av.Tracks{small},
			[]*av.Frame{picture(0, true), change(21*ms, &sound), chord(21 * ms)},
			[]string{"V0", "C21", "a21"},
		},
		{
			"a track announced without config",
			av.Tracks{small},
			[]*av.Frame{change(0, &av.Track{ID: audioID, Codec: av.CodecAAC}), picture(0, true), change(21*ms, &sound), chord(21 * ms)},
			[]string{"V0", "C21", "a21"},
		},
		{
			"the second video track has no room",
			av.Tracks{small, {ID: 3, Codec: av.CodecH264, Config: []byte{1}}},
			[]*av.Frame{picture(0, true), {Track: 3, Codec: av.CodecH264, Key: true, Data: []byte{1}}, change(0, &av.Track{ID: 3, Codec: av.CodecH264, Config: []byte{2}})},
			[]string{"V0"},
		},
		{"data", both, []*av.Frame{{Track: videoID, Kind: av.KindData, Data: []byte("event")}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := sent(t, encodeAll(t, NewEncoder(c.tracks), c.frames...))
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestEncoderRepeatsTheLastPicture(t *testing.T) {
	tags := encodeAll(t, NewEncoder(av.Tracks{small}), picture(0, true), picture(33*ms, false), change(100*ms, &large), picture(100*ms, true))
	last, again, header, key := tags[1], tags[2], tags[3], tags[4]
	if !bytes.Equal(again.Body(), last.Body()) {
		t.Errorf("another picture: %x, want %x", again.Body(), last.Body())
	}
	if &again.Data[0] == &last.Data[0] {
		t.Error("the shared tag was changed")
	}
	if again.DTS != 99*ms || again.Key || again.JoinPoint || again.Track != videoID || again.Kind != av.KindMedia {
		t.Errorf("%+v", again)
	}
	if header.Config != &large || header.JoinPoint || header.DTS != 100*ms || !bytes.Equal(header.Body()[5:], large.Config) {
		t.Errorf("%+v", header)
	}
	if !key.JoinPoint || !key.Key {
		t.Errorf("%+v", key)
	}
}

func TestTagHead(t *testing.T) {
	for _, ms := range []int64{0, 1, 0xffffff, 0x1000000, 0xfffffffe, 1<<32 + 5} {
		tag := Tag{Data: appendTag(nil, typeAudio, ms, nil, []byte("sound"))}
		if tag.Stamp() != uint32(ms) || tag.Type() != BodyAudio || string(tag.Body()) != "sound" {
			t.Errorf("%d: got %d, type %d, %q", ms, tag.Stamp(), tag.Type(), tag.Body())
		}
	}
}

func TestEncoderTracks(t *testing.T) {
	given := av.Tracks{small, sound}
	e := NewEncoder(given)
	encodeAll(t, e, change(0, &small), picture(0, true))
	if ts := e.Tracks(); &ts[0] != &given[0] {
		t.Error("the snapshot is another one though nothing changed")
	}
	encodeAll(t, e, change(33*ms, &large))
	if e.Tracks().Video().Width != 1280 || given.Video().Width != 640 {
		t.Errorf("now %+v, was %+v", e.Tracks(), given)
	}
}

func TestJoinPoints(t *testing.T) {
	join := func(ts av.Tracks, f *av.Frame) bool {
		tag := encodeAll(t, NewEncoder(ts), f)[0]
		if tag.Join() != tag.JoinPoint || tag.Time() != f.DTS || tag.Bytes() != len(tag.Data) {
			t.Errorf("the methods do not say what the fields do: %+v", tag)
		}
		return tag.Join()
	}
	if !join(av.Tracks{small, sound}, picture(5*ms, true)) {
		t.Error("no join at a key frame")
	}
	if join(av.Tracks{small, sound}, picture(5*ms, false)) {
		t.Error("join at a picture that needs others")
	}
	if join(av.Tracks{small, sound}, chord(5*ms)) {
		t.Error("join at sound though there is video")
	}
	if !join(av.Tracks{sound}, chord(5*ms)) {
		t.Error("no join at sound alone")
	}
}

// TestTrackIsOver: the end of a track that is carried is told once, with no bytes, and the last picture is not sent
// again when it comes back.
func TestTrackIsOver(t *testing.T) {
	e := NewEncoder(av.Tracks{small, sound})
	over := func(id av.TrackID, at time.Duration) *av.Frame {
		return &av.Frame{Track: id, Kind: av.KindConfig, DTS: at, PTS: at}
	}
	var tags []Tag
	for _, f := range []*av.Frame{
		picture(0, true), over(videoID, 33*ms), over(videoID, 33*ms), over(9, 33*ms), chord(40 * ms),
		change(66*ms, &large), picture(66*ms, true), over(audioID, 70*ms),
	} {
		var err error
		if tags, err = e.Encode(tags, f); err != nil {
			t.Fatal(err)
		}
	}
	var ended []av.TrackID
	tags = slices.DeleteFunc(tags, func(tag Tag) bool {
		if tag.Over() {
			ended = append(ended, tag.Track)
		}
		return tag.Over() && len(tag.Data) == 0
	})
	if want := []av.TrackID{videoID, audioID}; !slices.Equal(ended, want) {
		t.Errorf("over are %v, want %v", ended, want)
	}
	if got, want := sent(t, tags), []string{"V0", "a40", "c66", "V66"}; !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
	if ts := e.Tracks(); len(ts) != 1 || ts[0].ID != videoID {
		t.Errorf("the tracks are %+v", ts)
	}
}

func TestEncoderLeavesOut(t *testing.T) {
	for _, c := range []struct {
		name   string
		tracks av.Tracks
		frame  *av.Frame
		want   error
	}{
		{"unknown track", av.Tracks{small}, chord(0), ErrTrack},
		{"no config yet", av.Tracks{{ID: videoID, Codec: av.CodecH264}}, picture(0, true), ErrNoConfig},
		{"frame of another codec", av.Tracks{small}, &av.Frame{Track: videoID, Codec: av.CodecH265}, ErrCodec},
		{"composition time 2^23", av.Tracks{small}, &av.Frame{Track: videoID, Codec: av.CodecH264, PTS: 1 << 23 * ms}, ErrComposition},
		{"composition time -2^23-1", av.Tracks{small}, &av.Frame{Track: videoID, Codec: av.CodecH264, DTS: (1<<23 + 1) * ms}, ErrComposition},
		{"2^24 bytes", av.Tracks{small}, &av.Frame{Track: videoID, Codec: av.CodecH264, Data: make([]byte, 1<<24-5)}, ErrTooLarge},
		{"config of 2^24 bytes", av.Tracks{small}, change(0, &av.Track{ID: videoID, Codec: av.CodecH264, Config: make([]byte, 1<<24-5)}), ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := []Tag{{Track: 9}}
			if tags, err := NewEncoder(c.tracks).Encode(before, c.frame); !errors.Is(err, c.want) || len(tags) != 1 {
				t.Errorf("%d tags, %v, want %v", len(tags)-1, err, c.want)
			}
		})
	}
	if b, err := AppendFrame([]byte("x"), &av.Frame{}); !errors.Is(err, ErrCodec) || string(b) != "x" {
		t.Errorf("frame without codec: %x, %v", b, err)
	}
	if b, err := AppendSequenceHeader([]byte("x"), &av.Track{Config: []byte{1}}, 0); !errors.Is(err, ErrCodec) || string(b) != "x" {
		t.Errorf("track without codec: %x, %v", b, err)
	}
	if b, err := AppendSequenceHeader(nil, &av.Track{Codec: av.CodecOpus}, 0); !errors.Is(err, ErrNoConfig) || b != nil {
		t.Errorf("track without config: %x, %v", b, err)
	}
	if _, err := AppendPreamble(nil, av.Tracks{{Codec: av.CodecH264, Config: make([]byte, 1<<24)}}, testEncoder, 0); !errors.Is(err, ErrTooLarge) {
		t.Errorf("preamble with a config of 2^24 bytes: %v", err)
	}
}

// The largest tag is whole: its size fields say what is there.
func TestLargestTag(t *testing.T) {
	b, err := AppendFrame(nil, &av.Frame{Codec: av.CodecH264, Data: make([]byte, maxBody-5)})
	if err != nil {
		t.Fatal(err)
	}
	if raw := rawTags(t, b)[0]; len(raw.body) != maxBody || raw.prev != tagHeadSize+maxBody {
		t.Errorf("%d bytes, PreviousTagSize %d", len(raw.body), raw.prev)
	}
}

func TestEncoderAllocations(t *testing.T) {
	for _, c := range []struct {
		name    string
		max     float64
		prepare func() (*Encoder, *av.Frame)
	}{
		{"a frame is one allocation", 1, func() (*Encoder, *av.Frame) {
			return NewEncoder(av.Tracks{small, sound}), picture(0, true)
		}},
		{"sound is one allocation", 1, func() (*Encoder, *av.Frame) {
			return NewEncoder(av.Tracks{small, sound}), chord(0)
		}},
		{"an unchanged config is none", 0, func() (*Encoder, *av.Frame) {
			return NewEncoder(av.Tracks{small, sound}), change(0, &small)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, f := c.prepare()
			f.Data = make([]byte, 6000)
			dst := make([]Tag, 0, 4)
			n := testing.AllocsPerRun(100, func() {
				f.DTS += 33 * ms
				f.PTS = f.DTS
				if _, err := e.Encode(dst[:0], f); err != nil {
					t.Fatal(err)
				}
			})
			if n > c.max {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func TestAppendFrameAllocatesNothing(t *testing.T) {
	for _, codec := range []av.Codec{av.CodecH264, av.CodecH265, av.CodecAV1, av.CodecOpus, av.CodecAAC} {
		f := &av.Frame{Codec: codec, Data: make([]byte, 6000)}
		dst := make([]byte, 0, 8000)
		n := testing.AllocsPerRun(100, func() {
			if _, err := AppendFrame(dst, f); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%v: %v allocations into a buffer with room", codec, n)
		}
	}
}

func BenchmarkAppendFrame(b *testing.B) {
	f := &av.Frame{Codec: av.CodecH264, Data: make([]byte, 6000)}
	dst := make([]byte, 0, 8000)
	b.ReportAllocs()
	b.SetBytes(int64(len(f.Data)))
	for b.Loop() {
		if _, err := AppendFrame(dst, f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncoder(b *testing.B) {
	e := NewEncoder(av.Tracks{small, sound})
	f := picture(0, false)
	f.Data = make([]byte, 6000)
	dst := make([]Tag, 0, 4)
	b.ReportAllocs()
	b.SetBytes(int64(len(f.Data)))
	for b.Loop() {
		f.DTS += 33 * ms
		f.PTS = f.DTS
		if _, err := e.Encode(dst[:0], f); err != nil {
			b.Fatal(err)
		}
	}
}
