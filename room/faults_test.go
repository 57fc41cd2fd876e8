package room

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/mux/av"
	"weir/room/live"
)

func TestHealthSince(t *testing.T) {
	was := health{session: "a", missing: 3, jumps: 1, behind: 200 * time.Millisecond}
	for _, c := range []struct {
		name string
		now  health
		want []int
	}{
		{"nothing", was, nil},
		{"media is missing", health{"a", 4, 1, was.behind}, []int{faultMissing}},
		{"the clock jumps", health{"a", 3, 2, 9 * time.Second}, []int{faultClock}},
		{"too slow", health{"a", 3, 1, was.behind + slowBy + 1}, []int{faultSlow}},
		{"a little late", health{"a", 3, 1, was.behind + slowBy}, nil},
		{"both", health{"a", 4, 1, 9 * time.Second}, []int{faultMissing, faultSlow}},
		{"another publisher", health{"b", 9, 9, 9 * time.Second}, nil},
		{"another's counts", health{"a", 0, 1, 9 * time.Second}, nil},
	} {
		if got := c.now.since(was); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// TestAbnormal: other programs hear once of each fault of a stream that is live, and of none of one that is not.
func TestAbnormal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		var damaged atomic.Uint64
		k := live.Key{App: "1", Room: "r", Stream: "cam"}
		p, err := s.hub.Publish(k, live.PublishOptions{
			User: "ann", Tracks: 1, Origin: live.Origin{Form: "whip", Session: "x"},
			Report: func() live.Ingest { return live.Ingest{Tracks: []live.TrackIngest{{ID: 1, Damaged: damaged.Load()}}} },
		})
		if err != nil {
			t.Fatal(err)
		}
		sound := av.Track{ID: 1, Codec: av.CodecOpus, ClockRate: 48000, Config: []byte("OpusHead"), Channels: 2}
		begun := time.Now()
		send := func() {
			at := time.Since(begun)
			if err := p.Write(&av.Frame{Track: 1, Kind: av.KindConfig, Codec: sound.Codec, DTS: at, PTS: at, Config: &sound}); err != nil {
				t.Fatal(err)
			}
			if err := p.Write(&av.Frame{Track: 1, Kind: av.KindMedia, Codec: sound.Codec, DTS: at, PTS: at, Data: []byte{1}}); err != nil {
				t.Fatal(err)
			}
		}
		step := func(d time.Duration) (told []string) {
			for range d / time.Second {
				time.Sleep(time.Second)
				send()
			}
			synctest.Wait()
			_, told = s.take()
			return told
		}
		send()
		step(11 * time.Second)
		if told := step(10 * time.Second); len(told) != 0 {
			t.Errorf("without a fault: %v", told)
		}
		damaged.Add(2)
		if told := step(10 * time.Second); len(told) != 1 || told[0] != "stream.abnormal 1/r/cam ann  told=false 0" {
			t.Errorf("damaged units: %v", told)
		}
		time.Sleep(6 * time.Second) // nothing comes
		synctest.Wait()
		if _, told := s.take(); len(told) != 1 || told[0] != "stream.abnormal 1/r/cam ann  told=false 0" {
			t.Errorf("too slow: %v", told)
		}
		p.Interrupt(errAppDeleted)
		damaged.Add(1)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if _, told := s.take(); len(told) != 1 { // the interruption
			t.Errorf("interrupted: %v", told)
		}
		p.End(errAppDeleted)
	})
}
