package httpflv

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"weir/mux/av"
	"weir/room/live"
	"weir/testdata/samples"
)

// publishSample begins a stream with the track of a sample.
func (r *rig) publishSample(track av.Track) {
	r.t.Helper()
	p, err := r.hub.Publish(testKey, live.PublishOptions{Tracks: 1})
	if err != nil {
		r.t.Fatal(err)
	}
	r.pub = p
	r.announce(track, 0)
}

func (r *rig) announce(track av.Track, at time.Duration) {
	r.t.Helper()
	r.write(&av.Frame{Track: track.ID, Kind: av.KindConfig, Codec: track.Codec, DTS: at, PTS: at, Config: &track})
}

// TestCodecs: what is published in another codec than H.264 comes in Enhanced FLV, VP9 for those who ask for it.
func TestCodecs(t *testing.T) {
	for name, c := range map[string]struct {
		sample func(t testing.TB) (av.Track, []*av.Frame)
		query  string
	}{
		"H.265": {samples.H265, ""}, "AV1": {samples.AV1, ""}, "VP9": {samples.VP9, "?video=vp9"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, testOptions(), nil)
			track, frames := c.sample(t)
			r.publishSample(track)
			r.write(frames...)
			p := play(t, r.get(c.query).Body)
			if f := p.next(); f.Config == nil || !f.Config.Same(&track) {
				t.Fatalf("the first frame is %+v", f)
			}
			for i, want := range frames[30:] { // from the newest key frame on
				if f := p.media(track.ID); f.Key != want.Key || !bytes.Equal(f.Data, want.Data) || f.DTS != want.DTS.Round(time.Millisecond) {
					t.Fatalf("picture %d differs", i)
				}
			}
		})
	}
}

// TestVP9IsRefused: no silent stream for the players that take no VP9 in FLV.
func TestVP9IsRefused(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	track, frames := samples.VP9(t)
	r.publishSample(track)
	r.write(frames...)
	if resp := r.get(""); resp.StatusCode != 406 || resp.Header.Get("X-Code") != "video_unavailable" {
		t.Errorf("%d %s", resp.StatusCode, resp.Header.Get("X-Code"))
	}
}

// TestCodecChange: another codec ends the response properly, so that the player asks again.
func TestCodecChange(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(2)
	p := play(t, r.get("").Body)
	p.media(1)
	track, frames := samples.AV1(t)
	at := 3 * picture
	r.announce(track, at)
	first := *frames[0]
	first.DTS, first.PTS = at, at
	r.write(&first)
	if err := p.toEnd(); !errors.Is(err, io.EOF) {
		t.Errorf("the response ends with %v", err)
	}
	p = play(t, r.get("").Body)
	if f := p.next(); f.Config == nil || f.Config.Codec != av.CodecAV1 {
		t.Errorf("the next response begins with %+v", f)
	}
	if f := p.media(1); !f.Key || !bytes.Equal(f.Data, first.Data) {
		t.Errorf("its first picture is %+v", f)
	}
	wantClosed(t, r, "tracks_changed", 1)
}
