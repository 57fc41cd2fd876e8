package rtp

import (
	"bytes"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"weir/mux/av"
)

var opusTrack = av.Track{ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2}

func TestUnitsOfSamples(t *testing.T) {
	for name, s := range videoSamples(t) {
		t.Run(name, func(t *testing.T) {
			units := encodeAll(t, s)
			if len(units) != len(s.frames) {
				t.Fatalf("%d units of %d frames", len(units), len(s.frames))
			}
			for i, u := range units {
				f := s.frames[i]
				if u.Key != f.Key || u.Join() != f.Key || u.Time() != f.DTS || u.PTS != f.PTS || u.Codec != f.Codec {
					t.Errorf("unit %d: %+v", i, u)
				}
				if want := uint32(i * 3000); u.Timestamp != want {
					t.Errorf("unit %d: timestamp %d, want %d", i, u.Timestamp, want)
				}
				size := 0
				for _, p := range u.Payloads {
					size += len(p)
				}
				if size != u.Size() || u.Bytes() < size {
					t.Errorf("unit %d: size %d of %d, keeps %d", i, u.Size(), size, u.Bytes())
				}
			}
		})
	}
}

// RFC 7587 4.2: one packet of Opus is one payload; it is not copied.
func TestOpus(t *testing.T) {
	data := []byte{0xfc, 1, 2, 3}
	u := one(t, opusTrack, &av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, PTS: 20 * time.Millisecond, DTS: 20 * time.Millisecond, Data: data})
	if len(u.Payloads) != 1 || &u.Payloads[0][0] != &data[0] || u.Marker(0) || u.Timestamp != 960 || !u.Join() {
		t.Errorf("%+v", u)
	}
	if u.Size() != len(data) {
		t.Errorf("size %d", u.Size())
	}
}

// RFC 7587 4.2: a packet of Opus cannot be cut. One that no path carries would end every viewer's session.
func TestOpusIsBounded(t *testing.T) {
	e := NewEncoder(av.Tracks{opusTrack}, Options{})
	for _, c := range []struct {
		size int
		want error
	}{{1275, nil}, {maxSound, nil}, {maxSound + 1, ErrFrame}} {
		units, err := e.Encode(nil, &av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, Data: make([]byte, c.size)})
		if !errors.Is(err, c.want) || (len(units) == 1) != (c.want == nil) {
			t.Errorf("%d bytes: %d units, %v", c.size, len(units), err)
		}
	}
}

func TestSoundBesideVideoIsNoJoinPoint(t *testing.T) {
	e := NewEncoder(av.Tracks{h264Sample(t).track, opusTrack}, Options{})
	units, err := e.Encode(nil, &av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, Data: []byte{1}})
	if err != nil || len(units) != 1 || units[0].Join() {
		t.Errorf("%v, %v", units, err)
	}
}

// Pictures that are shown before one that was sent: those that nothing depends on are left out, others end it.
func TestOrder(t *testing.T) {
	track := h264Sample(t).track
	ms := time.Millisecond
	picture := func(nal byte, key bool, pts time.Duration) *av.Frame {
		f := frameOf(track, key, nalOf(9, nal))
		f.PTS = pts
		return f
	}
	for _, c := range []struct {
		name   string
		frames []*av.Frame
		places []Place
	}{
		{"as they come", []*av.Frame{picture(idr, true, 0), picture(slice, false, 33*ms)}, []Place{PlaceNext, PlaceNext}},
		{"B pictures", []*av.Frame{
			picture(idr, true, 0), picture(slice, false, 100*ms), picture(bee, false, 33*ms), picture(bee, false, 66*ms),
			picture(slice, false, 200*ms), picture(bee, false, 133*ms),
		}, []Place{PlaceNext, PlaceNext, PlaceLate, PlaceLate, PlaceNext, PlaceLate}},
		{"a pyramid", []*av.Frame{
			picture(idr, true, 0), picture(slice, false, 133*ms), picture(slice, false, 66*ms), picture(bee, false, 33*ms),
		}, []Place{PlaceNext, PlaceNext, PlaceNone, PlaceLate}},
		{"a key frame is a new beginning", []*av.Frame{
			picture(idr, true, 100*ms), picture(idr, true, 50*ms), picture(slice, false, 83*ms),
		}, []Place{PlaceNext, PlaceNext, PlaceNext}},
		{"non-reference pictures in order are sent", []*av.Frame{picture(idr, true, 0), picture(bee, false, 33*ms)}, []Place{PlaceNext, PlaceNext}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := NewOrder(&track)
			if err != nil {
				t.Fatal(err)
			}
			e := NewEncoder(av.Tracks{track}, Options{})
			for i, f := range c.frames {
				if got := o.Next(f); got != c.places[i] {
					t.Errorf("picture %d: place %d, want %d", i, got, c.places[i])
				}
				units, err := e.Encode(nil, f)
				if err != nil {
					t.Fatal(err)
				}
				sent := len(units) == 1 && units[0].Kind == av.KindMedia
				told := len(units) == 1 && units[0].Kind == av.KindConfig && units[0].Reordered && len(units[0].Payloads) == 0
				if sent != (c.places[i] == PlaceNext) || told != (c.places[i] == PlaceNone) {
					t.Errorf("picture %d: sent %v, told %v", i, sent, told)
				}
			}
		})
	}
}

func TestConfigs(t *testing.T) {
	s := h264Sample(t)
	other := videoSamples(t)["h265"]
	e := NewEncoder(av.Tracks{s.track}, Options{})
	config := func(track *av.Track) *av.Frame {
		return &av.Frame{Track: 1, Kind: av.KindConfig, Codec: av.CodecH264, Config: track}
	}
	for _, c := range []struct {
		name  string
		frame *av.Frame
		units int
		err   error
		over  bool
	}{
		{"the same", config(&s.track), 0, nil, false},
		{"another codec", config(&other.track), 1, nil, false},
		{"a frame of the one before", s.frames[0], 0, ErrCodec, false},
		{"a frame of it", other.frames[0], 1, nil, false},
		{"a layer beside it", config(&av.Track{ID: 3, Codec: av.CodecH264, Layer: "q"}), 0, nil, false},
		{"a frame of the layer", &av.Frame{Track: 3, Codec: av.CodecH264, Data: []byte{1}}, 0, nil, false},
		{"over", config(nil), 1, nil, true},
		{"over once more", config(nil), 0, nil, false},
		{"a frame behind the end", other.frames[1], 0, ErrTrack, false},
		{"one that cannot be read", config(&av.Track{ID: 1, Codec: av.CodecH264, Config: []byte{9}}), 1, ErrConfig, false},
		{"a frame of that", s.frames[0], 0, ErrConfig, false},
		{"AAC", config(&av.Track{ID: 2, Codec: av.CodecAAC}), 1, nil, false},
		{"a frame of AAC", &av.Frame{Track: 2, Codec: av.CodecAAC, Data: []byte{1}}, 0, ErrCodec, false},
		{"an empty frame", &av.Frame{Track: 2, Codec: av.CodecAAC}, 0, ErrFrame, false},
		{"data", &av.Frame{Kind: av.KindData, Data: []byte{1}}, 0, nil, false},
	} {
		units, err := e.Encode(nil, c.frame)
		if len(units) != c.units || !errors.Is(err, c.err) || err != nil && c.err == nil {
			t.Errorf("%s: %d units, %v", c.name, len(units), err)
		}
		if len(units) == 1 && units[0].Over() != c.over {
			t.Errorf("%s: over %v", c.name, units[0].Over())
		}
	}
}

// RFC 9628 4.2: the descriptor's flags, and picture ids that go on behind another encoder.
func TestVP9Descriptor(t *testing.T) {
	s := videoSamples(t)["vp9"]
	var pictures atomic.Uint32
	pictures.Store(0x7fff)
	for i, f := range s.frames[:5] {
		units, err := NewEncoder(av.Tracks{s.track}, Options{Pictures: &pictures}).Encode(nil, f)
		if err != nil {
			t.Fatal(err)
		}
		var joined []byte
		for n, p := range units[0].Payloads {
			want := byte(vp9PictureID)
			if !f.Key {
				want |= vp9Inter
			}
			if n == 0 {
				want |= vp9Start
			}
			if n == len(units[0].Payloads)-1 {
				want |= vp9End
			}
			if id := int(p[1])<<8 | int(p[2]); p[0] != want || id != 0x8000|i {
				t.Errorf("picture %d, payload %d: flags %#x, want %#x; id %#x", i, n, p[0], want, id)
			}
			joined = append(joined, p[vp9Descriptor:]...)
		}
		if !bytes.Equal(joined, f.Data) {
			t.Errorf("picture %d is another", i)
		}
	}
}

func TestMTU(t *testing.T) {
	for name, s := range videoSamples(t) {
		for _, mtu := range []int{1, 200, 576, DefaultMTU, 9000} {
			e := NewEncoder(av.Tracks{s.track}, Options{MTU: mtu})
			for _, f := range s.frames[:35] {
				units, err := e.Encode(nil, f)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range units[0].Payloads {
					if len(p) > max(minPayload, mtu-overhead) || len(p) == 0 {
						t.Fatalf("%s: payload of %d bytes with an MTU of %d", name, len(p), mtu)
					}
				}
			}
		}
	}
}

// A unit of video is three allocations: itself, its list and its buffer; one of sound is one.
func TestEncodeAllocates(t *testing.T) {
	for name, s := range videoSamples(t) {
		e := NewEncoder(av.Tracks{s.track, opusTrack}, Options{})
		dst := make([]*Unit, 0, 1)
		i := 0
		encode := func() {
			var err error
			if dst, err = e.Encode(dst[:0], s.frames[i%len(s.frames)]); err != nil {
				t.Fatal(err)
			}
			i++
		}
		for range 2 * len(s.frames) {
			encode()
		}
		if n := testing.AllocsPerRun(200, encode); n > 3 {
			t.Errorf("%s: %v allocations a picture", name, n)
		}
		sound := &av.Frame{Track: 2, Codec: av.CodecOpus, Data: []byte{1}}
		if n := testing.AllocsPerRun(200, func() { dst, _ = e.Encode(dst[:0], sound) }); n > 1 {
			t.Errorf("%v allocations a packet of sound", n)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for name, s := range videoSamples(b) {
		b.Run(name, func(b *testing.B) {
			e := NewEncoder(av.Tracks{s.track}, Options{})
			var dst []*Unit
			packets, i := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = e.Encode(dst[:0], s.frames[i%len(s.frames)])
				packets += len(dst[0].Payloads)
				i++
			}
			b.ReportMetric(float64(packets)/float64(b.N), "packets/op")
		})
	}
}
