package mpegts

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"weir/mux/av"
	"weir/testdata/samples"
)

// packet is a transport packet taken apart.
type packet struct {
	pid           uint16
	start, random bool
	count         byte
	clock         int64 // noPCR: none
	payload       []byte
	control       byte
}

func parse(t *testing.T, b []byte) (out []packet) {
	t.Helper()
	if len(b)%PacketSize != 0 {
		t.Fatalf("%d bytes are no packets", len(b))
	}
	for ; len(b) > 0; b = b[PacketSize:] {
		if b[0] != syncByte || b[1]&0x80 != 0 || b[3]&0xc0 != 0 {
			t.Fatalf("a packet begins with % x", b[:4])
		}
		p := packet{pid: uint16(b[1]&0x1f)<<8 | uint16(b[2]), start: b[1]&0x40 != 0, count: b[3] & 0xf, clock: noPCR, control: b[3] & 0x30}
		p.payload = b[4:PacketSize]
		if p.control&flagAdaptation != 0 {
			field := p.payload[1 : 1+p.payload[0]]
			p.payload = p.payload[1+len(field):]
			if len(field) > 0 {
				p.random = field[0]&flagRandom != 0
				stuffing := field[1:]
				if field[0]&flagPCR != 0 {
					v := int64(0)
					for _, c := range field[1:7] {
						v = v<<8 | int64(c)
					}
					p.clock, stuffing = v>>15*300+v&0x1ff, field[7:]
				}
				if len(bytes.Trim(stuffing, "\xff")) > 0 {
					t.Errorf("stuffing is % x", stuffing)
				}
			}
		}
		if p.control&flagPayload == 0 {
			p.payload = nil
		} else if len(p.payload) == 0 {
			t.Error("a packet with a payload of no bytes")
		}
		out = append(out, p)
	}
	return out
}

// TestPackets13818_2_4_3 checks what every receiver relies on: counters without a gap, a clock that rises and is repeated
// in time, tables that are.
func TestPackets13818_2_4_3(t *testing.T) {
	for name, f := range films(t) {
		t.Run(name, func(t *testing.T) {
			counts := make(map[uint16]byte)
			clock, tabled := int64(noPCR), int64(0)
			clockPID := uint16(pidVideo)
			if f.tracks.Video() == nil {
				clockPID = pidAudio
			}
			for i, u := range encode(t, f) {
				packets := parse(t, u.Data)
				if u.Join() && (packets[0].pid != pidPAT || packets[1].pid != pidPMT || !packets[2].random) {
					t.Errorf("unit %d is a join point without tables", i)
				}
				for _, p := range packets {
					if last, ok := counts[p.pid]; ok && p.control&flagPayload != 0 && p.count != (last+1)&0xf {
						t.Errorf("unit %d: the counter of %#x is %d after %d", i, p.pid, p.count, last)
					}
					counts[p.pid] = p.count
					now := pcrOf(u.DTS)
					if p.pid == pidPAT {
						tabled = now
					}
					if p.clock == noPCR {
						continue
					}
					if p.pid != clockPID || p.clock <= clock || p.clock != now {
						t.Errorf("unit %d: the clock in %#x is %d after %d", i, p.pid, p.clock, clock)
					}
					if clock != noPCR && p.clock-clock > pcrOf(100*time.Millisecond) {
						t.Errorf("unit %d: the clock comes after %v", i, av.Duration(p.clock-clock, 27000000))
					}
					clock = p.clock
				}
				if pcrOf(u.DTS)-tabled > pcrOf(500*time.Millisecond) {
					t.Errorf("unit %d: no tables for too long", i)
				}
			}
		})
	}
}

// TestEverySize writes access units of all sizes around those at which packets are full, and finds them again.
func TestEverySize(t *testing.T) {
	track, _ := samples.H264(t)
	e := NewEncoder(av.Tracks{track})
	for n := 1; n < 3*PacketSize; n++ {
		f := picture(time.Duration(n)*time.Millisecond, n)
		units, err := e.Encode(nil, f)
		if err != nil {
			t.Fatal(err)
		}
		var payload []byte
		for _, p := range parse(t, units[0].Data) {
			if p.pid == pidVideo {
				payload = append(payload, p.payload...)
			}
		}
		want := append([]byte("\x00\x00\x00\x01\x09\xf0\x00\x00\x00\x01"), f.Data[4:]...)
		if got := payload[pesFixed+stampSize:]; !bytes.Equal(got, want) {
			t.Fatalf("picture of %d: got %d bytes, want %d", n, len(got), len(want))
		}
		if length := int(payload[4])<<8 | int(payload[5]); length != len(payload)-6 {
			t.Fatalf("picture of %d: PES_packet_length %d of %d", n, length, len(payload)-6)
		}
	}
}

// A picture that 16 bits of length do not hold has none (2.4.3.7).
func TestLargePicture(t *testing.T) {
	track, _ := samples.H264(t)
	units, err := NewEncoder(av.Tracks{track}).Encode(nil, picture(0, 100000))
	if err != nil {
		t.Fatal(err)
	}
	packets := parse(t, units[0].Data)
	if b := packets[2].payload; !bytes.Equal(b[:6], []byte{0, 0, 1, idVideo, 0, 0}) {
		t.Errorf("it begins with % x", b[:6])
	}
}

func TestStamp13818_2_4_3_6(t *testing.T) {
	for _, c := range []struct {
		name     string
		dts, pts time.Duration
		want     []byte
	}{
		{"PTS alone", 0, 0, []byte{0x80, 5, 0x21, 0x00, 0x03, 0x5f, 0x91}}, // 45000
		{"PTS and DTS", 0, 40 * time.Millisecond, []byte{0xc0, 10, 0x31, 0x00, 0x03, 0x7b, 0xb1, 0x11, 0x00, 0x03, 0x5f, 0x91}},
		{"never shown before it is decoded", 40 * time.Millisecond, 0, []byte{0x80, 5, 0x21, 0x00, 0x03, 0x7b, 0xb1}},
		{"33 bits are full", av.Duration(1<<33-1, clockRate) - delay, av.Duration(1<<33-1, clockRate) - delay, []byte{0x80, 5, 0x2f, 0xff, 0xff, 0xff, 0xff}},
		{"wrap", av.Duration(1<<33, clockRate) - delay, av.Duration(1<<33, clockRate) - delay, []byte{0x80, 5, 0x21, 0x00, 0x01, 0x00, 0x01}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := appendPES(nil, idVideo, c.dts, c.pts, 100)[7:]; !bytes.Equal(got, c.want) {
				t.Errorf("got  % x\nwant % x", got, c.want)
			}
		})
	}
}

func TestChecksum13818AnnexA(t *testing.T) {
	// The check value of CRC-32/MPEG-2.
	if got := checksum([]byte("123456789")); got != 0x0376e6e7 {
		t.Errorf("got %#x", got)
	}
}

func TestChangesOfTracks(t *testing.T) {
	h264, video := samples.H264(t)
	aac, audio := samples.AAC(t)
	e := NewEncoder(av.Tracks{aac})
	pmt := func(f *av.Frame) []byte {
		t.Helper()
		units, err := e.Encode(nil, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parse(t, units[0].Data) {
			if p.pid == pidPMT {
				return p.payload[1:]
			}
		}
		return nil
	}
	config := func(id av.TrackID, c av.Codec, track *av.Track) {
		t.Helper()
		if units, err := e.Encode(nil, &av.Frame{Track: id, Kind: av.KindConfig, Codec: c, Config: track}); err != nil || len(units) > 0 {
			t.Fatalf("%d units, %v", len(units), err)
		}
	}
	version := func(table []byte) byte { return table[5] >> 1 & 0x1f }
	clock := func(table []byte) uint16 { return uint16(table[8]&0x1f)<<8 | uint16(table[9]) }

	first := pmt(audio[0])
	if clock(first) != pidAudio {
		t.Errorf("the clock of sound alone is in %#x", clock(first))
	}
	if again := pmt(audio[1]); again != nil {
		t.Error("the tables come with every frame of sound")
	}
	config(h264.ID, h264.Codec, &h264)
	second := pmt(video[0])
	if clock(second) != pidVideo || version(second) != version(first)+1 {
		t.Errorf("with pictures the clock is in %#x, version %d after %d", clock(second), version(second), version(first))
	}
	config(h264.ID, h264.Codec, &h264)
	if pmt(audio[2]) != nil {
		t.Error("the same configuration once more makes new tables")
	}
	config(aac.ID, aac.Codec, nil)
	third := pmt(video[1])
	if version(third) != version(second)+1 || len(bytes.TrimRight(third, "\xff")) >= len(bytes.TrimRight(second, "\xff")) {
		t.Errorf("without sound the table is % x", third[:32])
	}
	config(h264.ID, h264.Codec, nil)
	if _, err := e.Encode(nil, video[2]); !errors.Is(err, ErrTrack) {
		t.Errorf("a picture of a track that is over: %v", err)
	}
}

func TestRefused(t *testing.T) {
	h264, video := samples.H264(t)
	aac, _ := samples.AAC(t)
	vp9, pictures := samples.VP9(t)
	bad := h264
	bad.Config = []byte{1, 2, 3}
	with := func(f av.Frame, data ...byte) *av.Frame {
		f.Data = data
		return &f
	}
	sound := av.Frame{Track: samples.AudioID, Codec: av.CodecAAC, Key: true}
	oddRate := aac
	oddRate.Config = []byte{0x17, 0x80, 0x3e, 0x7f, 0x90} // 31999 Hz, written out
	opus, _ := samples.Opus(t)
	for _, c := range []struct {
		name   string
		tracks av.Tracks
		frame  *av.Frame
		want   error
	}{
		{"no such track", nil, video[0], ErrTrack},
		{"another codec than its track's", av.Tracks{aac, h264}, with(av.Frame{Track: h264.ID, Codec: av.CodecVP9}, 1), ErrCodec},
		{"VP9", av.Tracks{vp9}, pictures[0], ErrCodec},
		{"bad configuration", av.Tracks{bad}, video[0], ErrCodec},
		{"no bytes", av.Tracks{h264}, with(*video[0]), ErrFrame},
		{"NAL unit past the end", av.Tracks{h264}, with(*video[0], 0, 0, 0, 9, 1), ErrFrame},
		{"NAL unit of no bytes", av.Tracks{h264}, with(*video[0], 0, 0, 0, 0), ErrFrame},
		{"half a length", av.Tracks{h264}, with(*video[0], 0, 0, 0, 1, 1, 0), ErrFrame},
		{"AAC beyond 13 bits", av.Tracks{aac}, with(sound, make([]byte, 1<<13)...), ErrFrame},
		{"AAC at a rate without an index", av.Tracks{oddRate}, with(sound, 1), ErrCodec},
		{"Opus that is none", av.Tracks{opus}, with(av.Frame{Track: samples.AudioID, Codec: av.CodecOpus}, 3, 0xff), ErrFrame},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := NewEncoder(c.tracks)
			if units, err := e.Encode(nil, c.frame); !errors.Is(err, c.want) || len(units) > 0 {
				t.Errorf("%d units, %v; want %v", len(units), err, c.want)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	f := films(t)["h264-aac"]
	e := NewEncoder(f.tracks)
	out := make([]*Unit, 0, len(f.frames))
	if n := testing.AllocsPerRun(5, func() {
		out = out[:0]
		for _, frame := range f.frames {
			out, _ = e.Encode(out, frame)
		}
	}); n > 2*float64(len(f.frames)) {
		t.Errorf("%v allocations for %d frames, want two each: the unit and its packets", n, len(f.frames))
	}
}

func BenchmarkEncode(b *testing.B) {
	f := films(b)["h264-aac"]
	e := NewEncoder(f.tracks)
	var out []*Unit
	b.ReportAllocs()
	for i := range b.N {
		out, _ = e.Encode(out[:0], f.frames[i%len(f.frames)])
		b.SetBytes(int64(len(out[0].Data)))
	}
}
