package transcode

import (
	"encoding/binary"
	"testing"
	"time"
)

// FuzzPush pushes packets cut from random bytes at random times: each is 2 bytes of step in ms (signed), a
// length byte and that many bytes of data.
func FuzzPush(f *testing.F) {
	record := func(step int16, data []byte) []byte {
		data = data[:min(len(data), 255)]
		return append(append(binary.BigEndian.AppendUint16(nil, uint16(step)), byte(len(data))), data...)
	}
	var seed, holes []byte
	for i, p := range sine(f, opusKind{samples: 960, voice: true, fec: true}, 20, 440) {
		seed = append(seed, record(20, p)...)
		holes = append(holes, record(int16(20*(i%5-1)), p)...)
	}
	f.Add(int64(0), seed)
	f.Add(int64(time.Hour), holes)
	f.Add(int64(-1), record(20, []byte{0xff}))
	f.Add(int64(1<<62), append(record(0, []byte{8}), record(-32768, nil)...))
	f.Add(int64(-1<<63), append(record(0, []byte{0xfc, 1, 2}), record(32767, []byte{0xff, 48})...))
	f.Fuzz(func(t *testing.T, start int64, in []byte) {
		x, e := taped(t)
		e.blank = true
		pts, last := time.Duration(start), time.Duration(-1)
		var units []Packet
		for n := 0; len(in) >= 3 && n < 16; n++ {
			pts += time.Duration(int16(binary.BigEndian.Uint16(in))) * time.Millisecond
			k := min(int(in[2]), len(in)-3)
			data := in[3 : 3+k]
			in = in[3+k:]
			var err error
			if units, err = x.Push(units[:0], Packet{PTS: pts, Data: data}); err != nil {
				t.Fatal(err)
			}
			for _, u := range units {
				if u.PTS <= last {
					t.Fatalf("PTS %v after %v", u.PTS, last)
				}
				last = u.PTS
			}
		}
	})
}
