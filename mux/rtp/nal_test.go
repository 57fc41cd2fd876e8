package rtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"weir/mux/av"
)

const testMax = DefaultMTU - overhead

var (
	idr   = byte(0x65)
	slice = byte(0x41)
	bee   = byte(0x01) // a slice of nal_ref_idc 0
	sei   = byte(0x06)
)

// frameOf is a frame of the units.
func frameOf(track av.Track, key bool, nals ...[]byte) *av.Frame {
	return &av.Frame{Track: track.ID, Codec: track.Codec, Key: key, Data: lengthPrefixed(nals...)}
}

func TestH264Payloads(t *testing.T) {
	track := h264Sample(t).track
	small, other := nalOf(100, sei), nalOf(200, slice)
	large := nalOf(3*testMax, slice)
	for _, c := range []struct {
		name  string
		nals  [][]byte
		types []byte // of the payloads
	}{
		{"RFC 6184 5.6: a unit that fits is a packet as it is", [][]byte{other}, []byte{1}},
		{"RFC 6184 5.7.1: small neighbours are aggregated", [][]byte{small, other}, []byte{24}},
		{"RFC 6184 5.7.1: as many as fit", [][]byte{nalOf(testMax-200, slice), other, other}, []byte{1, 24}},
		{"RFC 6184 5.8: a large unit is cut", [][]byte{large}, []byte{28, 28, 28, 28}},
		{"the order of the units is kept", [][]byte{small, large, small}, []byte{6, 28, 28, 28, 28, 6}},
		{"a unit of just the largest size is not cut", [][]byte{nalOf(testMax-1, slice)}, []byte{1}},
		{"one of a byte more is", [][]byte{nalOf(testMax, slice)}, []byte{28, 28}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := one(t, track, frameOf(track, false, c.nals...))
			var types []byte
			for i, p := range u.Payloads {
				types = append(types, p[0]&0x1f)
				if len(p) > testMax {
					t.Errorf("payload %d has %d bytes", i, len(p))
				}
				if u.Marker(i) != (i == len(u.Payloads)-1) {
					t.Errorf("payload %d: marker %v", i, u.Marker(i))
				}
			}
			if !bytes.Equal(types, c.types) {
				t.Fatalf("packet types %v, want %v", types, c.types)
			}
			if got := joinH264(t, u.Payloads); !equalAll(got, c.nals) {
				t.Error("the units are others")
			}
		})
	}
}

// joinH264 takes payloads apart, strictly by RFC 6184.
func joinH264(t *testing.T, payloads [][]byte) (nals [][]byte) {
	t.Helper()
	var fragment []byte
	for _, p := range payloads {
		if fragment != nil && p[0]&0x1f != typeFUA {
			t.Fatal("RFC 6184 5.8: fragments must be sent in a row")
		}
		switch p[0] & 0x1f {
		case typeSTAPA:
			nri := byte(0)
			for b := p[1:]; len(b) > 0; {
				n := binary.BigEndian.Uint16(b)
				nals = append(nals, b[2:2+n])
				nri = max(nri, b[2]&0x60)
				b = b[2+n:]
			}
			if p[0]&0x60 != nri {
				t.Errorf("RFC 6184 5.7: NRI %#x, want the largest, %#x", p[0]&0x60, nri)
			}
		case typeFUA:
			if start := p[1]&fuStart != 0; start != (fragment == nil) || start && p[1]&fuEnd != 0 || p[1]&0x20 != 0 {
				t.Fatalf("RFC 6184 5.8: FU header %#x", p[1])
			}
			if fragment == nil {
				fragment = []byte{p[0]&0xe0 | p[1]&0x1f}
			}
			fragment = append(fragment, p[2:]...)
			if p[1]&fuEnd != 0 {
				nals, fragment = append(nals, fragment), nil
			}
		default:
			nals = append(nals, p)
		}
	}
	if fragment != nil {
		t.Fatal("RFC 6184 5.8: no end bit")
	}
	return nals
}

func equalAll(a, b [][]byte) bool {
	return bytes.Equal(lengthPrefixed(a...), lengthPrefixed(b...))
}

func TestFragmentsAreOfEqualSize(t *testing.T) {
	h264Track, h265Track := h264Sample(t).track, videoSamples(t)["h265"].track
	for n := testMax; n < 20*testMax; n += 97 {
		for _, u := range []*Unit{
			one(t, h264Track, frameOf(h264Track, false, nalOf(n, slice))),
			one(t, h265Track, frameOf(h265Track, false, nalOf(n, 2, 1))),
			one(t, av.Track{ID: 1, Codec: av.CodecVP9}, &av.Frame{Track: 1, Codec: av.CodecVP9, Data: nalOf(n)}),
		} {
			for i, p := range u.Payloads {
				if first := len(u.Payloads[0]); len(p) > first || len(p) < first && i < len(u.Payloads)-1 {
					t.Fatalf("%v of %d bytes: payload %d has %d bytes, the first %d", u.Codec, n, i, len(p), first)
				}
			}
		}
	}
}

// The sets go before each key frame, whether the session description had them or not.
func TestParameterSetsBeforeKeyFrames(t *testing.T) {
	all := videoSamples(t)
	h264Track, h265Track := all["h264"].track, all["h265"].track
	u := one(t, h264Track, frameOf(h264Track, true, nalOf(5000, idr)))
	var types []byte
	for _, nal := range joinH264(t, u.Payloads) {
		types = append(types, nal[0]&0x1f)
	}
	if want := []byte{7, 8, 5}; !bytes.Equal(types, want) {
		t.Errorf("H.264: units %v, want %v", types, want)
	}
	if !u.Join() || !u.Key {
		t.Error("no join point")
	}
	u = one(t, h265Track, frameOf(h265Track, true, nalOf(5000, 19<<1, 1)))
	types = nil
	for b := u.Payloads[0][2:]; len(b) > 0; {
		n := binary.BigEndian.Uint16(b)
		types = append(types, b[2]>>1)
		b = b[2+n:]
	}
	if want := []byte{32, 33, 34}; !bytes.Equal(types, want) || u.Payloads[0][0]>>1 != typeAP {
		t.Errorf("H.265: units %v, want %v", types, want)
	}
}

func TestH265Payloads(t *testing.T) {
	track := videoSamples(t)["h265"].track
	t.Run("RFC 7798 4.4.3: fragments", func(t *testing.T) {
		nal := nalOf(3000, 1<<1|0x01, 0x0b) // TRAIL_R, of layer 33 with TID 3
		u := one(t, track, frameOf(track, false, nal))
		got := bytes.Clone(nal[:2])
		for i, p := range u.Payloads {
			if p[0] != typeFU<<1|0x01 || p[1] != 0x0b {
				t.Errorf("payload header %#x %#x: layer and TID are the unit's", p[0], p[1])
			}
			want := byte(1)
			if i == 0 {
				want |= fuStart
			}
			if i == len(u.Payloads)-1 {
				want |= fuEnd
			}
			if p[2] != want {
				t.Errorf("FU header %#x, want %#x", p[2], want)
			}
			got = append(got, p[3:]...)
		}
		if !bytes.Equal(got, nal) {
			t.Error("another unit")
		}
	})
	t.Run("RFC 7798 4.4.2: an aggregation has the lowest layer and TID", func(t *testing.T) {
		u := one(t, track, frameOf(track, false, nalOf(10, 2, 2<<3|3), nalOf(10, 2, 1<<3|2), nalOf(10, 2, 4<<3|5)))
		if len(u.Payloads) != 1 || u.Payloads[0][0] != typeAP<<1 || u.Payloads[0][1] != 1<<3|2 {
			t.Errorf("%d payloads, header %#x %#x", len(u.Payloads), u.Payloads[0][0], u.Payloads[0][1])
		}
	})
	t.Run("RFC 7798 4.4.1: a unit that fits is a packet as it is", func(t *testing.T) {
		nal := nalOf(100, 2, 1)
		if u := one(t, track, frameOf(track, false, nal)); len(u.Payloads) != 1 || !bytes.Equal(u.Payloads[0], nal) {
			t.Error("another payload")
		}
	})
}

func TestDiscardable(t *testing.T) {
	all := videoSamples(t)
	h264Track, h265Track := all["h264"].track, all["h265"].track
	for _, c := range []struct {
		name  string
		frame *av.Frame
		want  bool
	}{
		{"H.264 7.4.1: nal_ref_idc 0", frameOf(h264Track, false, nalOf(9, bee)), true},
		{"H.264: in all slices", frameOf(h264Track, false, nalOf(9, bee), nalOf(9, bee)), true},
		{"H.264: a reference", frameOf(h264Track, false, nalOf(9, slice)), false},
		{"H.264: SEI does not count", frameOf(h264Track, false, nalOf(9, sei), nalOf(9, bee)), true},
		{"H.265 7.4.2.2: TRAIL_N", frameOf(h265Track, false, nalOf(9, 0, 1)), true},
		{"H.265: TRAIL_R", frameOf(h265Track, false, nalOf(9, 2, 1)), false},
		{"H.265: RASL_N", frameOf(h265Track, false, nalOf(9, 8<<1, 1)), true},
		{"H.265: RSV_IRAP", frameOf(h265Track, false, nalOf(9, 22<<1, 1)), false},
		{"a key frame never", frameOf(h264Track, true, nalOf(9, bee)), false},
		{"VP9: receivers wait for the number", &av.Frame{Track: 1, Codec: av.CodecVP9, Data: nalOf(9)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			track := map[av.Codec]av.Track{av.CodecH264: h264Track, av.CodecH265: h265Track, av.CodecVP9: {ID: 1, Codec: av.CodecVP9}}[c.frame.Codec]
			if got := one(t, track, c.frame).Discardable; got != c.want {
				t.Errorf("discardable %v", got)
			}
		})
	}
	if isRef := (h265Format{top: 2}).isReference(nalOf(9, 0, 1)); !isRef {
		t.Error("H.265: a picture of a lower sub-layer may have others of higher ones that refer to it")
	}
}

func TestBadFrames(t *testing.T) {
	track := h264Sample(t).track
	for _, data := range [][]byte{{0}, {0, 0, 0, 0}, {0, 0, 0, 2, 1}, {0xff, 0xff, 0xff, 0xff, 1}, append(lengthPrefixed(nalOf(9, slice)), 1)} {
		e := NewEncoder(av.Tracks{track}, Options{})
		units, err := e.Encode(nil, &av.Frame{Track: 1, Codec: av.CodecH264, Data: data})
		if !errors.Is(err, ErrFrame) || len(units) > 0 {
			t.Errorf("%x: %d units, %v", data, len(units), err)
		}
		whole := frameOf(track, true, nalOf(9, idr))
		if units, err = e.Encode(nil, whole); err != nil || len(units) != 1 || len(units[0].Payloads) != 1 {
			t.Errorf("behind %x: %v, %v", data, units, err)
		}
	}
}
