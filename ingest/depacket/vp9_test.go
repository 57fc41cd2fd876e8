package depacket

import (
	"bytes"
	"testing"

	"github.com/pion/rtp/codecs"

	"weir/mux/av"
)

// vp9Key is the beginning of a key frame of bars-360p-vp9.ivf, vp9Frame that of a frame that refers to others.
var (
	vp9Key   = ivfFrames("bars-360p-vp9.ivf")[0][:40]
	vp9Frame = ivfFrames("bars-360p-vp9.ivf")[1][:20]
)

// vp9Packet is a payload with a descriptor that has a picture id.
func vp9Packet(flags byte, b []byte) []byte {
	return append([]byte{flags | vp9PictureID, 0x81, 0x02}, b...)
}

// vp9Layer is a payload of a spatial layer, in flexible mode without references.
func vp9Layer(flags, sid byte, b []byte) []byte {
	return append([]byte{flags | vp9Layers | vp9Flexible, sid << 1}, b...)
}

const vp9Whole = vp9Start | vp9End

func (f *videoFeed) vp9Key() { f.send(vp9Packet(vp9Whole, vp9Key)) }

// TestVP9Clauses begins behind a whole key frame. The clauses are those of RFC 9628.
func TestVP9Clauses(t *testing.T) {
	half := len(vp9Frame) / 2
	for _, c := range []struct {
		name   string
		send   func(f *videoFeed)
		units  [][]byte // behind the first key frame
		broken bool
	}{
		{"4.2 one packet", func(f *videoFeed) { f.send(vp9Packet(vp9Whole|vp9Inter, vp9Frame)) }, [][]byte{vp9Frame}, false},
		{"4.2 no picture id", func(f *videoFeed) { f.send(append([]byte{vp9Whole | vp9Inter}, vp9Frame...)) }, [][]byte{vp9Frame}, false},
		{"4.2 a picture id of 7 bits", func(f *videoFeed) { f.send(append([]byte{vp9Whole | vp9Inter | vp9PictureID, 0x7f}, vp9Frame...)) }, [][]byte{vp9Frame}, false},
		{"4.2 B to E", func(f *videoFeed) {
			f.send(vp9Packet(vp9Start|vp9Inter, vp9Frame[:half]), vp9Packet(vp9End|vp9Inter, vp9Frame[half:]))
		}, [][]byte{vp9Frame}, false},
		{"4.2 no B", func(f *videoFeed) { f.send(vp9Packet(vp9End|vp9Inter, vp9Frame)) }, nil, true},
		{"4.2 no E", func(f *videoFeed) { f.send(vp9Packet(vp9Start|vp9Inter, vp9Frame)) }, nil, true},
		{"4.2 B twice", func(f *videoFeed) {
			f.send(vp9Packet(vp9Start|vp9Inter, vp9Frame), vp9Packet(vp9Whole|vp9Inter, vp9Frame))
		}, nil, true},
		{"4.2 a second frame of a picture", func(f *videoFeed) {
			f.send(vp9Packet(vp9Whole|vp9Inter, vp9Frame), vp9Packet(vp9Whole|vp9Inter, vp9Frame))
		}, nil, true},
		{"4.2 no payload", func(f *videoFeed) { f.send(vp9Packet(vp9Whole, nil)) }, nil, true},
		{"4.2 the descriptor is cut short", func(f *videoFeed) { f.send([]byte{vp9Whole | vp9PictureID, 0x80}) }, nil, true},
		{"4.2 layer indices in non-flexible mode", func(f *videoFeed) {
			f.send(append([]byte{vp9Whole | vp9Inter | vp9Layers, 0x20, 7}, vp9Frame...))
		}, [][]byte{vp9Frame}, false},
		{"4.2 three references", func(f *videoFeed) {
			f.send(append([]byte{vp9Whole | vp9Inter | vp9Flexible, 3, 5, 8}, vp9Frame...))
		}, [][]byte{vp9Frame}, false},
		{"4.2 four references", func(f *videoFeed) {
			f.send(append([]byte{vp9Whole | vp9Inter | vp9Flexible, 3, 5, 7, 8}, vp9Frame...))
		}, nil, true},
		{"4.2.1 a structure of one layer and a group of two", func(f *videoFeed) {
			f.send(append([]byte{vp9Whole | vp9Inter | vp9Structure, 0x18, 2, 128, 1, 104, 2, 0x04, 1, 0x08, 1, 2}, vp9Frame...))
		}, [][]byte{vp9Frame}, false},
		{"4.2.1 a structure past the end", func(f *videoFeed) {
			f.send(append([]byte{vp9Whole | vp9Inter | vp9Structure, 0x08, 255}, vp9Frame[:8]...))
		}, nil, true},
		{"the first spatial layer only", func(f *videoFeed) {
			f.send(vp9Layer(vp9Whole, 0, vp9Key), vp9Layer(vp9Whole, 1, vp9Frame), vp9Layer(vp9Whole, 2, vp9Frame))
		}, [][]byte{vp9Key}, false},
		{"higher layers alone", func(f *videoFeed) { f.send(vp9Layer(vp9Whole, 1, vp9Frame)) }, nil, false},
		{"loss inside", func(f *videoFeed) {
			f.push(false, vp9Packet(vp9Start|vp9Inter, vp9Frame[:4]))
			f.lose()
			f.push(true, vp9Packet(vp9End|vp9Inter, vp9Frame[half:]))
		}, nil, true},
		{"a whole frame is lost: what follows depends on it", func(f *videoFeed) {
			f.lose()
			f.send(vp9Packet(vp9Whole|vp9Inter, vp9Frame))
			f.send(vp9Packet(vp9Whole|vp9Inter, vp9Frame))
		}, nil, true},
		{"loss right before a whole key frame", func(f *videoFeed) {
			f.lose()
			f.vp9Key()
		}, [][]byte{vp9Key}, false},
		{"no header in what refers to nothing", func(f *videoFeed) { f.send(vp9Packet(vp9Whole, []byte{0, 1, 2})) }, nil, true},
		{"VP9 7.2: frame_type, not P alone, makes a key frame", func(f *videoFeed) { f.send(vp9Packet(vp9Whole, vp9Frame)) }, [][]byte{vp9Frame}, false},
		{"a frame larger than the bound", func(f *videoFeed) {
			f.push(false, vp9Packet(vp9Start|vp9Inter, vp9Frame))
			for range maxUnitSize/1000 + 1 {
				f.push(false, vp9Packet(vp9Inter, make([]byte, 1000)))
			}
			f.push(true, vp9Packet(vp9End|vp9Inter, vp9Frame))
		}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newVideoFeed(av.CodecVP9)
			f.vp9Key()
			c.send(f)
			f.settle()
			f.compare(t, c.units, c.broken)
			f.tick()
			n := len(f.got.units)
			f.vp9Key() // whatever came before, a key frame mends it
			if len(f.got.units) != n+1 || !f.got.units[n].Key {
				t.Error("a key frame does not mend it")
			}
		})
	}
}

// TestVP9Configuration: a key frame of another size is another configuration.
func TestVP9Configuration(t *testing.T) {
	f := newVideoFeed(av.CodecVP9)
	f.vp9Key()
	f.vp9Key()
	other := bytes.Clone(vp9Key)
	other[6] ^= 1 // within frame_width_minus_1
	f.send(vp9Packet(vp9Whole, other))
	if len(f.got.units) != 3 {
		t.Fatalf("%d units", len(f.got.units))
	}
	for i, want := range []bool{true, false, true} {
		if got := f.got.units[i].Config != nil; got != want {
			t.Errorf("unit %d: configuration %v", i, got)
		}
	}
}

// FuzzVP9 compares the descriptor with another reader's, and pushes arbitrary payloads.
func FuzzVP9(f *testing.F) {
	f.Add(uint8(0), vp9Packet(vp9Whole, vp9Key))
	f.Add(uint8(1), vp9Layer(vp9Whole|vp9Inter, 1, []byte{3, 5, 7, 8}))
	f.Add(uint8(2), []byte{vp9Structure, 0x18, 2, 128, 1, 104, 2, 0x04, 1, 0x08, 1, 2})
	f.Fuzz(func(t *testing.T, flags uint8, b []byte) {
		if len(b) > 0 {
			ours, ok := parseVP9(b)
			var theirs codecs.VP9Packet
			payload, err := theirs.Unmarshal(b)
			if ok && err == nil && (len(b)-ours.size != len(payload) || ours.spatial != theirs.SID) {
				t.Errorf("%x: %+v, %+v", b, ours, theirs)
			}
			if ok && err != nil && len(b) > ours.size && ours.spatial < 5 {
				t.Errorf("%x is taken as %+v: %v", b, ours, err)
			}
		}
		feed := newVideoFeed(av.CodecVP9)
		feed.vp9Key()
		feed.scatter(flags, b)
	})
}
