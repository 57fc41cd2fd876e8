package whip

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"weir/ingest/depacket"
	"weir/mux/av"
	"weir/room/live"
)

// A frame's wall time is when it arrived, also of a publisher that goes on behind one that was ahead of its time.
func TestWallTimeBehindABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := live.NewRegistry(live.Options{
			RingBytes: 1 << 20, RingTime: time.Hour, Fresh: time.Minute, Grace: time.Minute, TrackWait: time.Second, MaxStreams: 1,
		})
		publish := func() *live.Publisher {
			return must(hub.Publish(key("cam"), live.PublishOptions{Tracks: 1, Brings: []av.TrackID{audioID}}))
		}
		const lead = 10 * time.Second
		first := publish()
		config := &av.Track{ID: audioID, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2}
		for _, f := range []*av.Frame{
			{Track: audioID, Kind: av.KindConfig, Codec: av.CodecOpus, Config: config},
			{Track: audioID, Codec: av.CodecOpus, DTS: lead, PTS: lead, Data: []byte{0}},
		} {
			if err := first.Write(f); err != nil {
				t.Fatal(err)
			}
		}
		second := publish()
		defer second.End(errDeleted)
		s := &session{log: slog.New(slog.DiscardHandler)}
		s.attach(second)
		track := &track{id: audioID, session: s, section: &section{codec: av.CodecOpus}, clock: s.sync.Clock(48000, true)}
		r := second.Stream().NewReader(live.ReaderOptions{Name: "test", Start: live.StartOldest})
		defer r.Close()
		for n := range 3 {
			time.Sleep(20 * time.Millisecond)
			track.Unit(depacket.Unit{Timestamp: uint32(n * 960), Arrival: s.now(), Data: []byte{0}})
			f := last(t, r)
			if f.DTS <= lead {
				t.Errorf("frame %d is at %v, not behind %v", n, f.DTS, lead)
			}
			if !f.Wall.Equal(time.Now()) {
				t.Errorf("frame %d has the wall time %v, %v off", n, f.Wall, time.Until(f.Wall))
			}
		}
	})
}

// last is the newest frame of a stream, to a reader that has read all before.
func last(t *testing.T, r *live.Reader[live.Frame]) *av.Frame {
	t.Helper()
	var batch [8]live.Frame
	n, err := r.ReadBatch(t.Context(), batch[:])
	if err != nil {
		t.Fatal(err)
	}
	return batch[n-1].Frame
}
