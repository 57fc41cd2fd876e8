package e2e

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"weir/bench/publish"
	"weir/mux/av"
	"weir/testdata"
	"weir/testdata/samples"
)

// testCodecs: H.265, AV1 and VP9 by WHIP come out as HLS that ffmpeg decodes without a word, and as Enhanced FLV
// with the very bytes that were sent; VP9 in FLV only for those who ask for it.
func testCodecs(t *testing.T, s *server) {
	for _, c := range []struct {
		file   string
		codec  av.Codec
		sample func(t testing.TB) (av.Track, []*av.Frame)
		query  string
		probe  string // what ffprobe calls the codec
	}{
		{"bars-360p.h265", av.CodecH265, samples.H265, "", "hevc"},
		{"bars-360p-av1.ivf", av.CodecAV1, samples.AV1, "", "av1"},
		{"bars-360p-vp9.ivf", av.CodecVP9, samples.VP9, "?video=vp9", "vp9"},
	} {
		t.Run(c.codec.String(), func(t *testing.T) {
			t.Parallel()
			path := "codecs/" + c.codec.String()
			session := s.publishClip(t, path, testdata.Path(c.file))
			if c.query != "" {
				if a := get(t, s.http+"/live/"+path+".flv"); a.StatusCode != http.StatusNotAcceptable || a.code() != "video_unavailable" {
					t.Errorf("FLV unasked: %s %s", a.Status, a.body)
				}
			}
			v := watch(t, s.http+"/live/"+path+".flv"+c.query)
			v.untilLength(t, 2*time.Second)
			v.leave()
			checkSent(t, v, c.codec, c.sample)
			p := play(t, s.http+"/live/"+path+".m3u8")
			p.until(t, 3)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := session.Delete(ctx); err != nil {
				t.Fatal(err)
			}
			p.untilEnd(t)
			checkDecodes(t, p.media)
			checkProbe(t, p.media, slices.Sorted(slices.Values([]string{c.probe, "opus"}))...)
		})
	}
}

// publishClip publishes a file of any codec, and sound, as user "host" until the test ends.
func (s *server) publishClip(t *testing.T, path, file string) *publish.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	session, err := publish.Start(ctx, publish.Options{
		URL: s.http + "/whip/" + path, Token: s.token, Video: file, Ogg: testdata.Path("tone.ogg"), Loop: true, RTX: true, StereoFmtp: true,
	})
	if err != nil {
		t.Fatalf("cannot publish %s: %v", path, err)
	}
	t.Cleanup(session.Close)
	return session
}

// checkSent fails unless the viewer got the sample's pictures, byte for byte and one behind the other, and sound, each for nearly
// all of the time. Only a key frame, which the publisher sends when it is asked for one, may follow out of turn.
func checkSent(t *testing.T, v *viewer, codec av.Codec, sample func(t testing.TB) (av.Track, []*av.Frame)) {
	t.Helper()
	_, frames := sample(t)
	video, audio := v.frames(t)
	if len(video) == 0 || !video[0].Key {
		t.Fatalf("of %d pictures the first is no key frame", len(video))
	}
	at := -1
	for i, f := range video {
		if at = nextOf(frames, at, f); at < 0 || f.Codec != codec {
			t.Fatalf("picture %d of %d is of %v and not the one behind the last", i, len(video), f.Codec)
		}
	}
	checkShare(t, "pictures", times(video), 0.9)
	checkShare(t, "sounds", times(audio), 0.9)
	if apart := (audio[len(audio)-1].PTS - video[len(video)-1].PTS).Abs(); apart > time.Second {
		t.Errorf("pictures end %v from where sound does", apart)
	}
}

// nextOf is the place of a picture among frames that are sent again and again: behind the last place, or that of a key frame;
// -1 when it is neither.
func nextOf(frames []*av.Frame, last int, f *av.Frame) int {
	same := func(o *av.Frame) bool { return o.Key == f.Key && bytes.Equal(o.Data, f.Data) }
	if next := (last + 1) % len(frames); same(frames[next]) {
		return next
	}
	if !f.Key {
		return -1
	}
	return slices.IndexFunc(frames, same)
}

// times are entries of frames, without what they are.
func times(frames []*av.Frame) []entry {
	out := make([]entry, len(frames))
	for i, f := range frames {
		out[i].at = f.PTS
	}
	return out
}

// testCodecTakeover: a publisher that comes back with another codec. FLV viewers are sent to ask again, HLS goes on
// behind a discontinuity.
func testCodecTakeover(t *testing.T, s *server) {
	const path = "codecs/takeover"
	first := s.publish(t, path, media{video: true, audio: true})
	v := watch(t, s.http+"/live/"+path+".flv")
	v.untilLength(t, time.Second)
	p := play(t, s.http+"/live/"+path+".m3u8")
	p.until(t, 2)
	second := s.publishClip(t, path, testdata.Path("bars-360p-av1.ivf"))
	if err := v.ended(t); err != nil {
		t.Errorf("the viewer's response was cut: %v", err)
	}
	first.Close()
	again := watch(t, s.http+"/live/"+path+".flv")
	again.untilLength(t, time.Second)
	again.leave()
	checkSent(t, again, av.CodecAV1, samples.AV1)
	p.until(t, len(p.segments)+3) // reload checks the numbers
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := second.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	p.untilEnd(t)
	changes := 0
	for i, segment := range p.segments {
		if i > 0 && segment.init != p.segments[i-1].init {
			changes++
			if !segment.broken {
				t.Errorf("segment %d has another init section and no discontinuity", i)
			}
		}
	}
	if changes != 1 {
		t.Errorf("%d changes of the init section", changes)
	}
}
