package mpegts

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
)

// taken takes a transport stream apart into the access units of its tracks, without parameter sets and delimiters.
func taken(t testing.TB, stream []byte) map[av.Codec][][]byte {
	t.Helper()
	got := make(map[av.Codec][][]byte)
	err := Demux(stream, func(p *PESPacket) error {
		if !p.Timed() || p.Damaged {
			t.Errorf("a packet of %v is damaged", p.Codec)
		}
		switch p.Codec {
		case av.CodecH264, av.CodecH265:
			var unit []byte
			for _, nal := range NALUnits(p.Data) {
				if !besidePictures(p.Codec, nal[0]) {
					unit = append(binary.BigEndian.AppendUint32(unit, uint32(len(nal))), nal...)
				}
			}
			got[p.Codec] = append(got[p.Codec], unit)
		case av.CodecAAC:
			for data := p.Data; len(data) > 0; {
				_, frame, rest, err := ADTS(data)
				if err != nil || frame == nil {
					t.Fatalf("AAC: %v", err)
				}
				got[p.Codec], data = append(got[p.Codec], frame), rest
			}
		case av.CodecOpus:
			for data := p.Data; len(data) > 0; {
				packet, rest, err := OpusUnit(data)
				if err != nil {
					t.Fatal(err)
				}
				got[p.Codec], data = append(got[p.Codec], packet), rest
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func besidePictures(c av.Codec, first byte) bool {
	if c == av.CodecH264 {
		typ := h264.NALType(first)
		return typ == h264.NALSPS || typ == h264.NALPPS || typ == h264.NALAUD
	}
	typ := h265.NALType(first)
	return h265.IsParameterSet(typ) || typ == h265.NALAUD
}

// TestDemux: what Encoder writes comes back.
func TestDemux(t *testing.T) {
	for name, f := range films(t) {
		got := taken(t, joined(encode(t, f)))
		for _, track := range f.tracks {
			var want [][]byte
			for _, frame := range f.frames {
				if frame.Codec == track.Codec {
					want = append(want, frame.Data)
				}
			}
			have := got[track.Codec]
			if len(have) != len(want) {
				t.Fatalf("%s: %d units of %v, want %d", name, len(have), track.Codec, len(want))
			}
			for i := range want {
				if !bytes.Equal(have[i], want[i]) {
					t.Fatalf("%s: unit %d of %v is another one", name, i, track.Codec)
				}
			}
		}
	}
}

// TestDemuxOrder: streams are told apart by their place in the programme, whichever comes first.
func TestDemuxOrder(t *testing.T) {
	for name, f := range films(t) {
		if len(f.tracks) < 2 {
			continue
		}
		if err := Demux(joined(encode(t, f)), func(p *PESPacket) error {
			if want := map[bool]int{true: 0, false: 1}[p.Codec.IsVideo()]; p.Order != want {
				t.Fatalf("%s: %v is number %d, want %d", name, p.Codec, p.Order, want)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDemuxDamaged: a transport packet that is missing damages one packet, bytes in between none.
func TestDemuxDamaged(t *testing.T) {
	whole := joined(encode(t, films(t)["h264"]))
	count := func(b []byte) (all, damaged int) {
		if err := Demux(b, func(p *PESPacket) error {
			all++
			if p.Damaged {
				damaged++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return all, damaged
	}
	all, damaged := count(whole)
	if all != 150 || damaged != 0 {
		t.Fatalf("%d packets, %d of them damaged", all, damaged)
	}
	const at = 5 * PacketSize // in the middle of the first picture
	without := append(bytes.Clone(whole[:at]), whole[at+PacketSize:]...)
	if n, damaged := count(without); n != all || damaged != 1 {
		t.Errorf("without a transport packet: %d packets, %d of them damaged", n, damaged)
	}
	twice := append(bytes.Clone(whole[:at+PacketSize]), whole[at:]...)
	if n, damaged := count(twice); n != all || damaged != 0 {
		t.Errorf("one came twice (ISO/IEC 13818-1 2.4.3.3): %d packets, %d of them damaged", n, damaged)
	}
	between := append(append(bytes.Clone(whole[:at]), "G is no packet"...), whole[at:]...)
	if n, damaged := count(between); n != all || damaged != 0 {
		t.Errorf("with bytes in between: %d packets, %d of them damaged", n, damaged)
	}
}

func TestDemuxRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing": nil, "zeros": make([]byte, 1000), "no tables": bytes.Repeat(append([]byte{0x47, 0x41, 0, 0x10}, make([]byte, 184)...), 9),
	} {
		if err := Demux(b, func(*PESPacket) error { return nil }); !errors.Is(err, ErrStream) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, data := range map[string][]byte{
		"no syncword": {1, 2, 3, 4, 5, 6, 7, 8}, "shorter than its head": {0xff, 0xf1, 0x4c, 0x80, 0, 0x7f, 0xfc, 0},
		"a rate that is none": {0xff, 0xf1, 0x7c, 0x80, 1, 0x1f, 0xfc, 0}, "AAC main": {0xff, 0xf1, 0x0c, 0x80, 1, 0x1f, 0xfc, 0},
	} {
		if _, _, _, err := ADTS(data); err == nil {
			t.Errorf("ADTS, %s: no error", name)
		}
	}
	for name, data := range map[string][]byte{
		"no prefix": {0, 0, 1, 1}, "no size": {0x7f, 0xe0, 0xff}, "cut short": {0x7f, 0xe0, 5, 1}, "an extension beyond it": {0x7f, 0xe4, 1, 9, 1},
	} {
		if _, _, err := OpusUnit(data); err == nil {
			t.Errorf("Opus, %s: no error", name)
		}
	}
}

func FuzzDemux(f *testing.F) {
	for _, film := range films(f) {
		b := joined(encode(f, film))
		f.Add(b[:min(len(b), 20*PacketSize)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		_ = Demux(b, func(p *PESPacket) error {
			total += len(p.Data)
			_ = NALUnits(p.Data)
			for data := p.Data; ; {
				_, frame, rest, err := ADTS(data)
				if err != nil || frame == nil {
					break
				}
				data = rest
			}
			for data := p.Data; len(data) > 0; {
				_, rest, err := OpusUnit(data)
				if err != nil {
					break
				}
				data = rest
			}
			return nil //nolint:nilerr // it only has to end
		})
		if total > len(b) {
			t.Errorf("%d bytes came of %d", total, len(b))
		}
	})
}

// TestPicturesBound: what is cut into more NAL units than any picture has is none.
func TestPicturesBound(t *testing.T) {
	nal := []byte{0, 0, 1, 9}
	for n, want := range map[int]int{maxNALs: maxNALs, maxNALs + 1: 0} {
		if got := len(NALUnits(bytes.Repeat(nal, n))); got != want {
			t.Errorf("%d NAL units of %d, want %d", got, n, want)
		}
	}
}
