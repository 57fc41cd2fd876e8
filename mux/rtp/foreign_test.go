package rtp

import (
	"bytes"
	"testing"

	"github.com/pion/rtp/codecs"

	"weir/mux/codec/av1"
)

// depacketizer is one of pion's.
type depacketizer interface {
	Unmarshal(payload []byte) ([]byte, error)
}

// What pion's depacketizers, which share nothing with this package, make of the samples.
func TestPionReadsIt(t *testing.T) {
	all := videoSamples(t)
	t.Run("h264", func(t *testing.T) {
		s := all["h264"]
		d := &codecs.H264Packet{IsAVC: true}
		for i, u := range encodeAll(t, s) {
			if got := joined(t, d, u); !bytes.HasSuffix(got, s.frames[i].Data) || len(got) > len(s.frames[i].Data) != u.Key {
				t.Fatalf("picture %d is another", i)
			}
		}
	})
	t.Run("h265", func(t *testing.T) {
		s := all["h265"]
		for i, u := range encodeAll(t, s) {
			if got := joined(t, new(codecs.H265Depacketizer), u); !bytes.HasSuffix(got, s.frames[i].Data[4:]) {
				t.Fatalf("picture %d is another", i)
			}
		}
	})
	t.Run("vp9", func(t *testing.T) {
		s := all["vp9"]
		for i, u := range encodeAll(t, s) {
			if got := joined(t, new(codecs.VP9Packet), u); !bytes.Equal(got, s.frames[i].Data) {
				t.Fatalf("picture %d is another", i)
			}
		}
	})
	t.Run("av1", func(t *testing.T) {
		s := all["av1"]
		d := new(codecs.AV1Depacketizer)
		for i, u := range encodeAll(t, s) {
			if got := joined(t, d, u); !bytes.Equal(got, s.frames[i].Data) {
				t.Fatalf("temporal unit %d is another", i)
			}
			if begins := u.Payloads[0][0]&av1Begins != 0; begins != u.Key {
				t.Errorf("AV1 over RTP 4.4: N is %v in unit %d", begins, i)
			}
		}
	})
}

func joined(t *testing.T, d depacketizer, u *Unit) (out []byte) {
	t.Helper()
	for _, p := range u.Payloads {
		b, err := d.Unmarshal(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

func TestAV1Payloads(t *testing.T) {
	s := videoSamples(t)["av1"]
	obu := func(typ byte, n int) []byte {
		o := av1.OBU{Header: []byte{typ << 3}, Payload: nalOf(n)}
		return append(o.AppendHeader(nil), o.Payload...)
	}
	heads := func(key bool, obus ...[]byte) (counts []byte) {
		f := *s.frames[0]
		f.Key, f.Data = key, bytes.Join(obus, nil)
		for _, p := range one(t, s.track, &f).Payloads {
			counts = append(counts, p[0])
		}
		return counts
	}
	frame, meta := av1.OBUFrame, av1.OBUMetadata
	for _, c := range []struct {
		name string
		got  []byte
		want []byte
	}{
		{"4.4: one element", heads(false, obu(frame, 100)), []byte{1 << 4}},
		{"4.4: three elements", heads(false, obu(meta, 10), obu(meta, 10), obu(frame, 100)), []byte{3 << 4}},
		{"4.4: no more than three", heads(false, obu(meta, 1), obu(meta, 1), obu(meta, 1), obu(frame, 1)), []byte{3 << 4, 1 << 4}},
		{"4.4: Z and Y of a fragmented OBU", heads(false, obu(frame, 2*testMax)), []byte{0x50, 0xd0, 0x90}},
		{"5: delimiters and padding are left out", heads(false, obu(av1.OBUTemporalDelimiter, 0), obu(frame, 9), obu(av1.OBUPadding, 9)), []byte{1 << 4}},
		{"6.1: a key frame has its sequence header", heads(true, obu(frame, 9)), []byte{2<<4 | av1Begins}},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%s: aggregation headers %x, want %x", c.name, c.got, c.want)
		}
	}
}
