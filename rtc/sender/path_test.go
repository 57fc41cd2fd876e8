package sender

import (
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"pgregory.net/rapid"

	"weir/mux/av"
	"weir/mux/rtp"
	"weir/room/live"
)

// fixed is an estimator that is told what to say.
type fixed struct {
	rate  atomic.Int64
	sizes int
}

func (f *fixed) Sent(_ uint16, size int, _ time.Duration)       { f.sizes += size }
func (f *fixed) Feedback(*rtcp.TransportLayerCC, time.Duration) {}
func (f *fixed) REMB(bitrate int)                               { f.rate.Store(int64(bitrate)) }
func (f *fixed) Bitrate() int                                   { return int(f.rate.Load()) }

// narrow is an estimator of a path that carries so much, and shows no more than one and a half of what was sent.
type narrow struct {
	fixed
	at   []time.Duration
	size []int
	most int // that it carried
}

func (n *narrow) Sent(_ uint16, size int, at time.Duration) {
	n.at, n.size = append(n.at, at), append(n.size, size)
}

func (n *narrow) Bitrate() int {
	if len(n.at) == 0 || n.fixed.Bitrate() == 0 {
		return 0
	}
	bits := 0
	for i := len(n.at) - 1; i >= 0 && n.at[len(n.at)-1]-n.at[i] < 500*time.Millisecond; i-- {
		bits += 2 * 8 * n.size[i]
	}
	n.most = max(n.most, bits)
	return min(n.fixed.Bitrate(), bits*3/2)
}

// isBee tells whether the picture of a number has nothing that depends on it: every second.
func isBee(i int) bool { return i%2 == 1 }

// decodable fails unless every picture can be decoded: those of a group follow each other without a hole, but for such
// that nothing depends on.
func decodable(t *testing.T, numbers []uint32, keys []bool) (bees, groups int) {
	t.Helper()
	if !keys[0] {
		t.Fatal("begins without a key frame")
	}
	for i := 1; i < len(numbers); i++ {
		switch missing := numbers[i] - numbers[i-1] - 1; {
		case missing == 0:
		case missing == 1 && isBee(int(numbers[i]-1)%groupSize):
			bees++
		case keys[i]:
			groups++
		default:
			t.Fatalf("picture %d behind %d", numbers[i], numbers[i-1])
		}
	}
	return bees, groups
}

// settle waits until what is paced has left.
func (r *rig) settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// withBees makes every second picture one that nothing depends on.
func (r *rig) withBees() {
	r.nal = func(i int) byte {
		if isBee(i) {
			return 0x01
		}
		return 0x41
	}
}

// A path that narrows a little loses the pictures that nothing depends on, one that narrows much whole rests of groups;
// what comes can be decoded, and when the path is wide again all of it comes.
func TestNarrowPath(t *testing.T) {
	for _, c := range []struct {
		name         string
		rate         int
		bees, groups bool
	}{
		{"wide", 8_000_000, false, false},
		{"a little too narrow", 1_700_000, true, false},
		{"much too narrow", 600_000, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, both, func(r *rig) {
				r.withBees()
				r.begin()
				e := new(fixed)
				v := r.watch(func(o *Options) { o.Estimate = e })
				r.play(2 * time.Second)
				whole, _ := pictures(t, v.wire.of(testVideo.SSRC))
				consecutive(t, whole)
				e.rate.Store(int64(c.rate))
				r.play(20 * time.Second)
				r.settle()
				numbers, keys := pictures(t, v.wire.of(testVideo.SSRC))
				bees, groups := decodable(t, numbers, keys)
				if bees > 0 != c.bees || groups > 0 != c.groups {
					t.Errorf("%d pictures that nothing depends on and %d rests of groups are missing", bees, groups)
				}
				if n := len(v.wire.of(testAudio.SSRC)); n < 1050 {
					t.Errorf("%d packets of sound", n)
				}
				e.rate.Store(20_000_000)
				r.play(10 * time.Second)
				r.settle()
				numbers, keys = pictures(t, v.wire.of(testVideo.SSRC))
				decodable(t, numbers, keys)
				consecutive(t, numbers[len(numbers)-100:])
				if e.sizes == 0 {
					t.Error("the estimator was told nothing")
				}
				_ = v.leave()
			})
		})
	}
}

// Whatever the path does: numbers go on without a hole, and no picture comes that lacks another.
func TestNoMosaic(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rates := rapid.SliceOfN(rapid.IntRange(0, 4_000_000), 1, 12).Draw(rt, "rates")
		every := rapid.IntRange(100, 1500).Draw(rt, "ms")
		keys := rapid.Bool().Draw(rt, "periodic key frames")
		inBubble(t, both, func(r *rig) {
			r.withBees()
			r.begin()
			r.play(time.Second)
			e := new(fixed)
			v := r.watch(func(o *Options) { o.Estimate = e })
			r.keys = keys
			for _, rate := range rates {
				e.rate.Store(int64(rate))
				r.play(time.Duration(every) * time.Millisecond)
			}
			r.settle()
			numbers, isKey := pictures(t, v.wire.of(testVideo.SSRC))
			decodable(t, numbers, isKey)
			_ = v.leave()
		})
	})
}

// RTCP REMB is a bound beside the estimate, and all there is without one.
func TestREMB(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.withBees()
		r.begin()
		v := r.watch(nil)
		r.play(2 * time.Second)
		v.Feedback([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 600_000}})
		r.play(5 * time.Second)
		r.settle()
		numbers, keys := pictures(t, v.wire.of(testVideo.SSRC))
		if _, groups := decodable(t, numbers, keys); groups == 0 {
			t.Error("nothing was left out")
		}
		_ = v.leave()
	})
}

// A viewer that falls out of the ring goes on at a key frame; the third time in a minute it is closed.
func TestLags(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		v := r.watch(nil)
		r.play(time.Second)
		for lag := range 3 {
			release := v.wire.hold()
			r.play(10 * time.Second)
			release()
			synctest.Wait()
			if lag < 2 {
				r.play(time.Second)
			}
		}
		if err := <-v.done; !errors.Is(err, ErrSlow) {
			t.Errorf("ended by %v", err)
		}
		numbers, keys := pictures(t, v.wire.of(testVideo.SSRC))
		if _, groups := decodable(t, numbers, keys); groups != 2 {
			t.Errorf("%d gaps", groups)
		}
		v.stop(nil)
	})
}

// layers writes simulcast: three layers, all with a key frame at each whole second and when one is asked for.
func (r *rig) layers(d time.Duration) {
	r.t.Helper()
	for end := r.pub.Stream().Now() + d; r.pub.Stream().Now() < end; r.n++ {
		if wait := time.Duration(r.n)*frameTime - r.pub.Stream().Now(); wait > 0 {
			time.Sleep(wait)
		}
		for i, size := range []int{500, 2500, 10_000} {
			at := time.Duration(r.n)*frameTime + time.Duration(i)*time.Millisecond
			f := pictureOf(av.TrackID(3+i), at, r.n%groupSize == 0, size, 0x41, uint32(r.n))
			binary.BigEndian.PutUint16(f.Data[6:], uint16(size)) // above the number: says which layer
			r.write(f)
		}
	}
	synctest.Wait()
}

// A viewer whose path is too narrow for the largest layer gets the next one from a key frame on, and the largest again
// when the path has been wide for a while.
func TestChoosesALayer(t *testing.T) {
	o := live.PublishOptions{Tracks: 1, Brings: []av.TrackID{1}, Layers: []string{"q", "h", "f"}}
	inBubble(t, o, func(r *rig) {
		for i, layer := range o.Layers {
			v := videoTrack(av.TrackID(3+i), layer, 320<<i, 180<<i)
			r.write(&av.Frame{Track: v.ID, Kind: av.KindConfig, Codec: v.Codec, Config: v})
		}
		e := new(narrow)
		v := r.watch(func(o *Options) { o.Estimate, o.Audio = e, nil })
		r.layers(3 * time.Second)
		e.rate.Store(900_000) // the largest has 2.4 Mbit/s, the next 0.6
		r.layers(20 * time.Second)
		if len(v.ladder.above) != 1 || v.ladder.rest != 2*stepRest {
			t.Errorf("after a probe in vain: %+v", v.ladder)
		}
		e.rate.Store(5_000_000)
		r.layers(20 * time.Second)
		r.settle()
		var steps []uint16
		var last uint32
		numbers, keys := pictures(t, v.wire.of(testVideo.SSRC))
		for i, n := range numbers {
			layer, number := uint16(n>>16), n&0xffff
			if len(steps) == 0 || steps[len(steps)-1] != layer {
				steps = append(steps, layer)
				if !keys[i] {
					t.Errorf("layer %d begins without a key frame", layer)
				}
			} else if number != last+1 && !keys[i] {
				t.Errorf("picture %d behind %d", number, last)
			}
			last = number
		}
		if len(steps) != 3 || steps[0] != 10_000 || steps[1] != 2500 || steps[2] != 10_000 {
			t.Errorf("layers by their sizes: %v", steps)
		}
		packets := v.wire.of(testVideo.SSRC)
		for i := 1; i < len(packets); i++ {
			if d := int32(packets[i].Timestamp - packets[i-1].Timestamp); d < 0 {
				t.Fatalf("the timestamp goes back by %d", -d)
			}
		}
		_ = v.leave()
	})
}

// A viewer who came down twice goes up past a layer that is gone meanwhile, with another publisher.
func TestClimbsPastALayerThatIsGone(t *testing.T) {
	inBubble(t, both, func(r *rig) {
		r.begin()
		v := r.watch(func(o *Options) { o.Estimate = new(fixed) })
		r.play(time.Second)
		v.ladder.above = []rung{{"", 1_000_000}, {"gone", 500_000}}
		r.play(20 * time.Second)
		r.settle()
		if len(v.ladder.above) != 0 {
			t.Errorf("it is still below %v", v.ladder.above)
		}
		if err := v.leave(); !errors.Is(err, errTest) {
			t.Errorf("ended by %v", err)
		}
	})
}

// With a layer of its own choice a viewer gets no other.
func TestNamedLayer(t *testing.T) {
	o := live.PublishOptions{Tracks: 1, Brings: []av.TrackID{1}, Layers: []string{"q", "h", "f"}}
	inBubble(t, o, func(r *rig) {
		for i, layer := range o.Layers {
			v := videoTrack(av.TrackID(3+i), layer, 320<<i, 180<<i)
			r.write(&av.Frame{Track: v.ID, Kind: av.KindConfig, Codec: v.Codec, Config: v})
		}
		e := new(fixed)
		v := r.watch(func(o *Options) { o.Estimate, o.Audio, o.Layer = e, nil, "h" })
		r.layers(3 * time.Second)
		e.rate.Store(100_000)
		r.layers(5 * time.Second)
		numbers, _ := pictures(t, v.wire.of(testVideo.SSRC))
		for _, n := range numbers {
			if n>>16 != 2500 {
				t.Fatalf("a picture of %d bytes", n>>16)
			}
		}
		_ = v.leave()
		v = r.watch(func(o *Options) { o.Layer = "x" })
		if err := <-v.done; !errors.Is(err, live.ErrNoLayer) {
			t.Errorf("ended by %v", err)
		}
		v.stop(nil)
	})
}

func TestHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(8)
		u := new(rtp.Unit)
		first := uint16(rapid.IntRange(0, 65535).Draw(t, "first"))
		sizes := rapid.SliceOfN(rapid.IntRange(1, 30), 1, 40).Draw(t, "sizes")
		next := first
		for _, n := range sizes {
			h.add(piece{unit: u, seq: next, from: 3, n: uint16(n)})
			next += uint16(n)
		}
		held := 0
		for _, n := range sizes[max(0, len(sizes)-8):] {
			held += n
		}
		for back := 1; back < held+50; back++ {
			seq := next - uint16(back)
			p, i, ok := h.find(seq)
			if ok != (back <= held) || ok && p.seq+uint16(i) != seq {
				t.Fatalf("number %d of %d held: %v, place %d", back, held, ok, i)
			}
		}
		if _, _, ok := h.find(next); ok {
			t.Fatal("one that was not sent is held")
		}
	})
}
