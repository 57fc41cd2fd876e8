package whip

import (
	"testing"
	"time"

	"weir/bench/publish"
	"weir/room/live"
)

func TestMeter(t *testing.T) {
	var m meter
	if b, u := m.rates(); b != 0 || u != 0 {
		t.Errorf("%v and %v of nothing", b, u)
	}
	for i := range 20 {
		n := uint64(i)
		if i >= 10 {
			n = 10 + 3*(n-10) // three times as much from 10 s on
		}
		m.note(meterPoint{at: time.Duration(i) * time.Second, bytes: 1000 * n, units: 25 * n})
		b, u := m.rates()
		switch {
		case i == 0 && (b != 0 || u != 0):
			t.Errorf("%v and %v of one point", b, u)
		case i > 0 && i <= 10 && (b != 8000 || u != 25):
			t.Errorf("after %d s: %v bit/s, %v units/s", i, b, u)
		case i >= 14 && (b != 24000 || u != 75):
			t.Errorf("after %d s: %v bit/s, %v units/s", i, b, u)
		}
	}
}

// The figures of a publisher come to the hub while it is there, and into the totals for good.
func TestFigures(t *testing.T) {
	s := newServer(t)
	p := s.start(t, publish.Options{
		H264: videoFile(t, 120), Ogg: audioFile(t, opusPackets(t, 100)), Loop: true, MTU: 500, DropRTP: someLoss(),
	})
	var in live.Ingest
	find := func(kind string) *live.TrackIngest {
		for i := range in.Tracks {
			if (in.Tracks[i].ID == videoID) == (kind == "video") {
				return &in.Tracks[i]
			}
		}
		return nil
	}
	eventually(t, "rates and a skew by reports", func() bool {
		stream, ok := s.hub.Stream(key("cam"))
		if !ok {
			return false
		}
		if in, ok = stream.Ingest(); !ok || find("video") == nil || find("audio") == nil {
			return false
		}
		return find("video").Rate > 0 && find("audio").Rate > 0 && find("video").Packets.Recovered > 0 && in.SkewBy == live.SkewByReports
	})
	if in.Door != "whip" {
		t.Errorf("%+v", in)
	}
	// How much comes in a second is the machine's affair here.
	if v := find("video"); v.Bitrate < 1000 || v.Units == 0 || v.Packets.Received == 0 {
		t.Errorf("video: %+v", v)
	}
	if skew := in.Skew; max(skew, -skew) > patience {
		t.Errorf("a skew of %v", skew)
	}
	p.Close()
	stats := s.handler.Stats()
	before := metric(t, stats, "weir_whip_packets_total", "kind=video", "fate=received")
	s.stopHandler()
	if after := metric(t, stats, "weir_whip_packets_total", "kind=video", "fate=received"); after < before || before == 0 {
		t.Errorf("%v packets were received, and %v when their session was over", before, after)
	}
	if n := metric(t, stats, "weir_whip_units_total", "kind=audio", "fate=handed_on"); n == 0 {
		t.Error("the sound of a session that is over is not counted")
	}
}
