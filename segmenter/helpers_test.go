package segmenter

import (
	"bytes"
	"encoding/hex"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"pgregory.net/rapid"

	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/mux/codec/opus"
)

const (
	videoID av.TrackID = 0
	audioID av.TrackID = 1
)

var wall0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// The parameter sets of testdata/bars-360p.h264 and bars-720p.h264.
var (
	config360 = h264.AppendConfig(nil, [][]byte{unhex("6742c01eda0280bfe5c044000003000400000300f23c58ba80")}, [][]byte{unhex("68ce3c80")})
	config720 = h264.AppendConfig(nil, [][]byte{unhex("6742c01fda014016ec0440000003004000000f3898003d090007a13928801e306540")}, [][]byte{unhex("68ce3c80")})
)

func videoTrack() av.Track {
	return av.Track{ID: videoID, Codec: av.CodecH264, ClockRate: 90000, Config: config360, Width: 640, Height: 360}
}

func largerTrack() av.Track {
	return av.Track{ID: videoID, Codec: av.CodecH264, ClockRate: 90000, Config: config720, Width: 1280, Height: 720}
}

func audioTrack() av.Track {
	return av.Track{ID: audioID, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: opus.AppendHead(nil, 2, 312)}
}

func bothTracks() av.Tracks { return av.Tracks{videoTrack(), audioTrack()} }

func config(t av.Track, at time.Duration) *av.Frame {
	return &av.Frame{Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: at, PTS: at, Config: &t}
}

// video is a frame whose data tells its time.
func video(at time.Duration, key bool) *av.Frame {
	return &av.Frame{
		Track: videoID, Codec: av.CodecH264, Key: key, DTS: at, PTS: at, Wall: wall0.Add(at), Data: []byte("v" + at.String()),
	}
}

func audio(at time.Duration) *av.Frame {
	return &av.Frame{
		Track: audioID, Codec: av.CodecOpus, Key: true, DTS: at, PTS: at, Wall: wall0.Add(at), Data: []byte("a" + at.String()),
	}
}

// camera is frames of a publisher from one time to another: fps pictures a second with a key frame every group of
// them, and Opus packets of 20 ms, in the order of their times.
func camera(from, to time.Duration, fps, group int) (frames []*av.Frame) {
	n := 0
	sound := from
	for at := from; at < to; at = from + time.Duration(n)*time.Second/time.Duration(fps) {
		for ; sound < at; sound += 20 * time.Millisecond {
			frames = append(frames, audio(sound))
		}
		frames = append(frames, video(at, n%group == 0))
		n++
	}
	return frames
}

// feed pushes frames and returns what came of them.
func feed(t rapid.TB, b *builder, frames ...*av.Frame) (closed []*Segment, asked []time.Duration, forced int) {
	t.Helper()
	for _, f := range frames {
		o, err := b.push(f)
		if err != nil {
			t.Fatal(err)
		}
		if o.closed != nil {
			closed = append(closed, o.closed)
		}
		if o.ask {
			asked = append(asked, f.DTS)
		}
		if o.forced {
			forced++
		}
	}
	return closed, asked, forced
}

func startBuilder(t rapid.TB, ts av.Tracks) *builder {
	t.Helper()
	b := newBuilder("x", 1000, wall0, 2*time.Second, 200*time.Millisecond)
	if _, err := b.restart(ts); err != nil {
		t.Fatal(err)
	}
	return b
}

// sample is one sample as a player finds it.
type sample struct {
	dts, duration int64
	key           bool
	data          string
}

// samples reads segments with mediacommon and returns the samples of a track.
func samples(t rapid.TB, segments []*Segment, id av.TrackID) (all []sample) {
	t.Helper()
	for _, s := range segments {
		var parts fmp4.Parts
		if err := parts.Unmarshal(s.Data); err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		for _, p := range parts {
			for _, tr := range p.Tracks {
				if tr.ID != int(id)+1 {
					continue
				}
				dts := int64(tr.BaseTime)
				for _, sm := range tr.Samples {
					all = append(all, sample{dts, int64(sm.Duration), !sm.IsNonSyncSample, string(sm.Payload)})
					dts += int64(sm.Duration)
				}
			}
		}
	}
	return all
}

// checkParts compares each segment with its parts put together (HL-13).
func checkParts(t rapid.TB, segments []*Segment) {
	t.Helper()
	for _, s := range segments {
		var whole []byte
		var long time.Duration
		for _, p := range s.Parts {
			whole = append(whole, p.Data...)
			long += p.Duration
		}
		if !bytes.Equal(whole, s.Data) {
			t.Errorf("HL-13: %s is not its parts", s.Name)
		}
		if long != s.Duration {
			t.Errorf("%s lasts %v, its parts %v", s.Name, s.Duration, long)
		}
	}
}
