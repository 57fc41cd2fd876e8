package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/opus"
	"weir/playback/httpflv"
	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
	"weir/segmenter"
	"weir/testdata"
)

const (
	filmRate   = 30
	opusPacket = 20 * time.Millisecond // of the sample
)

var (
	aacUnit   = av.Duration(aac.SamplesPerFrame, 48000)
	changeKey = live.Key{App: "1", Room: "change", Stream: "cam"}
	errDone   = errors.New("the film is over")
)

// stage is a hub with both doors out before it, and one viewer of each. Its time is the frames', so that a film of
// half a minute takes as long as its bytes take.
type stage struct {
	t    *testing.T
	hub  *live.Registry
	url  string
	pub  *live.Publisher
	opus [][]byte
	aac  [][]byte

	now     time.Duration // of the next picture
	video   av.Track      // as it was configured last; without a codec when there is none
	sound   av.Codec
	packets int
	newest  time.Duration // of all that was written

	viewers []*viewer // FLV responses, one behind the other
	hls     *player
}

// everyone may do everything.
type everyone struct{}

func (everyone) Authorize(context.Context, auth.Request) (auth.Grant, error) {
	return auth.Grant{App: 1, Rights: auth.RightsAll}, nil
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, opus: oggPackets(t), aac: adtsUnits(t)}
	s.hub = live.NewRegistry(live.Options{
		RingBytes: 256 << 20, RingTime: time.Hour, Fresh: time.Hour, Grace: patience, TrackWait: 100 * time.Millisecond,
		FeedIdle: time.Hour, MaxStreams: 10,
	})
	problem := func(w http.ResponseWriter, _ *http.Request, status int, code, detail string) {
		http.Error(w, code+": "+detail, status)
	}
	flv := httpflv.NewHandler(httpflv.Options{
		Auth: everyone{}, Hub: s.hub, Audience: audience.New(audience.Options{}), WriteTimeout: patience, MaxLags: 1,
		MaxViewers: 100, Patience: patience, Problem: problem,
	})
	hls := segmenter.New(s.hub, segmenter.Options{Window: 1000, Wait: patience, Problem: problem, Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	for _, run := range []func(context.Context) error{s.hub.Run, flv.Run, hls.Run} {
		parts.Go(func() { _ = run(ctx) })
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{room}/{stream}/flv", flv.ServeHTTP)
	mux.HandleFunc("GET /hls.m3u8", func(w http.ResponseWriter, r *http.Request) { hls.ServeMultivariant(w, r, changeKey, "hls/") })
	mux.HandleFunc("GET /hls/{file}", func(w http.ResponseWriter, r *http.Request) {
		hls.ServeFile(w, r, changeKey, r.PathValue("file"))
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*") // the program does so for all doors
		mux.ServeHTTP(w, r)
	}))
	s.url = server.URL
	t.Cleanup(func() {
		stop()
		parts.Wait()
		server.Close()
	})
	return s
}

// publishes takes the stream, as another publisher if there is one; it brings what it is said to.
func (s *stage) publishes(video, audio bool) {
	s.t.Helper()
	o := live.PublishOptions{Brings: []av.TrackID{}}
	if video {
		o.Brings = append(o.Brings, 1)
	}
	if audio {
		o.Brings = append(o.Brings, 2)
		o.Audio = soundTrack(av.CodecOpus)
	}
	o.Tracks = len(o.Brings)
	p, err := s.hub.Publish(changeKey, o)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.pub != nil && !errors.Is(s.pub.Write(&av.Frame{Track: 1, Codec: av.CodecH264, DTS: s.now}), live.ErrGone) {
		s.t.Error("the publisher before still writes")
	}
	s.pub, s.video, s.sound = p, av.Track{}, av.CodecNone // it announces its tracks anew
}

// film writes pictures of a reel, nil for none, and sound of a codec, if any, for a while, and waits until all viewers
// have seen them.
func (s *stage) film(r *reel, sound av.Codec, lasts time.Duration) {
	s.t.Helper()
	begin, end := s.now, s.now+lasts
	heard := begin
	for n := 0; s.now < end; n++ {
		if r != nil {
			s.picture(r, n)
		}
		s.now = begin + time.Duration(n+1)*time.Second/filmRate
		for sound != av.CodecNone && heard < s.now {
			heard += s.packet(sound, heard)
		}
	}
	s.await(r != nil)
}

// picture writes the n-th picture of a reel, with its configuration where that is another one.
func (s *stage) picture(r *reel, n int) {
	s.t.Helper()
	if n == 0 && !s.video.Same(&r.track) {
		s.video = r.track
		s.write(&av.Frame{Track: 1, Kind: av.KindConfig, Codec: r.track.Codec, DTS: s.now, PTS: s.now, Config: &r.track})
	}
	f := r.pictures[n%len(r.pictures)]
	f.Track, f.Codec, f.DTS, f.PTS = 1, r.track.Codec, s.now, s.now
	s.write(&f)
}

// packet writes a packet of sound and returns how long it is.
func (s *stage) packet(c av.Codec, at time.Duration) time.Duration {
	s.t.Helper()
	if t := soundTrack(c); s.sound != c {
		s.sound = c
		s.write(&av.Frame{Track: 2, Kind: av.KindConfig, Codec: c, DTS: at, PTS: at, Config: t})
	}
	f := &av.Frame{Track: 2, Codec: c, Key: true, DTS: at, PTS: at, Data: s.opus[s.packets%len(s.opus)]}
	lasts := opusPacket
	if c == av.CodecAAC {
		f.Data, lasts = s.aac[s.packets%len(s.aac)], aacUnit
	}
	s.packets++
	s.write(f)
	return lasts
}

// gone says that a track is over.
func (s *stage) gone(id av.TrackID) {
	s.t.Helper()
	s.write(&av.Frame{Track: id, Kind: av.KindConfig, DTS: s.now, PTS: s.now})
	if id == 1 {
		s.video = av.Track{}
	} else {
		s.sound = av.CodecNone
	}
}

func (s *stage) write(f *av.Frame) {
	s.t.Helper()
	err := s.pub.Write(f)
	if err != nil {
		s.t.Fatalf("cannot write: %v", err)
	}
	s.newest = max(s.newest, f.DTS)
}

// await waits until the FLV viewer has what was written, opening the stream anew when the response was ended, as
// players do.
func (s *stage) await(video bool) {
	s.t.Helper()
	for {
		if len(s.viewers) == 0 || s.viewers[len(s.viewers)-1].isOver() {
			s.open(video)
		}
		if s.viewers[len(s.viewers)-1].reaches(s.t, s.newest, video) {
			break
		}
	}
	if s.hls == nil {
		s.hls = play(s.t, s.url+"/hls.m3u8")
	}
}

// open opens the stream. Sound alone is joined at its newest packet, and must go on for that.
func (s *stage) open(video bool) {
	s.t.Helper()
	opened := make(chan *viewer, 1)
	go func() {
		defer close(opened) // also when it fails
		opened <- watch(s.t, s.url+"/change/cam/flv")
	}()
	for {
		select {
		case v, ok := <-opened:
			if !ok {
				s.t.FailNow()
			}
			s.viewers = append(s.viewers, v)
			return
		case <-time.After(time.Millisecond):
		}
		if !video {
			s.now += s.packet(s.sound, s.now)
		}
	}
}

func (v *viewer) isOver() bool {
	select {
	case <-v.done:
		return true
	default:
		return false
	}
}

// reaches waits for media of a time, less what an AAC encoder holds; ok is false when the response ended before.
func (v *viewer) reaches(t *testing.T, at time.Duration, video bool) (ok bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		v.mu.Lock()
		tags, grown := v.tags, v.grown
		v.mu.Unlock()
		if slices.ContainsFunc(tags, func(g tag) bool {
			return g.media() && (g.kind == videoTag) == video && g.dts >= at-200*time.Millisecond
		}) {
			return true
		}
		if grown == nil {
			return false
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("nothing of %v came; %d tags did", at, len(tags))
		}
	}
}

// headers says how many sequence headers a response had, as in V1A1.
func (v *viewer) headers() string {
	_, tags := v.snapshot()
	return headersOf(tags)
}

func headersOf(tags []tag) string {
	video, audio := 0, 0
	for _, g := range tags {
		switch {
		case g.media() || g.kind == scriptTag:
		case g.kind == videoTag:
			video++
		default:
			audio++
		}
	}
	return fmt.Sprintf("V%dA%d", video, audio)
}

// enhanced tells whether there are pictures in Enhanced FLV.
func (v *viewer) enhanced() bool {
	_, tags := v.snapshot()
	return slices.ContainsFunc(tags, func(g tag) bool { return g.kind == videoTag && g.body[0]&0x80 != 0 })
}

// check ends the stream and compares what came: the sequence headers of each FLV response, and the discontinuities of
// the playlist. All of it must decode.
func (s *stage) check(responses []string, discontinuities int) {
	s.t.Helper()
	if n := s.pub.Stream().Info().Misfits; n != 0 {
		s.t.Errorf("%d frames were dropped behind what stood in for them", n)
	}
	s.pub.End(errDone)
	s.hls.untilEnd(s.t)
	var got []string
	last := map[byte]time.Duration{}
	for i, v := range s.viewers {
		if err := v.ended(s.t); err != nil {
			s.t.Errorf("response %d was cut: %v", i, err)
		}
		_, tags := v.snapshot()
		checkRising(s.t, tags)
		for _, g := range tags {
			if g.media() {
				last[g.kind] = max(last[g.kind], g.dts)
			}
		}
		got = append(got, v.headers())
		if path := v.file(s.t); !v.enhanced() { // ffmpeg 5.1 and flvmeta know no Enhanced FLV
			checkFLV(s.t, path)
			checkDecodes(s.t, path, "-enc_time_base", "-1") // else two pictures 1 ms apart are one
		}
	}
	if !slices.Equal(got, responses) {
		s.t.Errorf("FLV responses with the sequence headers %v, want %v", got, responses)
	}
	s.checkHLS(discontinuities)
}

// checkHLS compares the playlist and lets ffmpeg decode each run between two discontinuities.
func (s *stage) checkHLS(discontinuities int) {
	s.t.Helper()
	var runs [][]byte
	breaks, init := 0, ""
	for i, g := range s.hls.segments {
		if g.broken {
			breaks++
		} else if i > 0 && g.init != init {
			s.t.Errorf("HL-05: segment %d has another init section and no discontinuity", g.number)
		}
		if i == 0 || g.broken {
			runs = append(runs, slices.Clone(s.hls.inits[g.init]))
		}
		init = g.init
		runs[len(runs)-1] = append(runs[len(runs)-1], g.data...)
	}
	if breaks != discontinuities {
		s.t.Errorf("%d discontinuities, want %d", breaks, discontinuities)
	}
	for i, run := range runs {
		path := filepath.Join(s.t.TempDir(), fmt.Sprintf("run%d.mp4", i))
		if err := os.WriteFile(path, run, 0o600); err != nil {
			s.t.Fatal(err)
		}
		checkDecodes(s.t, path)
	}
}

func soundTrack(c av.Codec) *av.Track {
	t := &av.Track{ID: 2, Codec: c, ClockRate: 48000, Channels: 2}
	if c == av.CodecAAC {
		t.Config = aac.AppendConfig(nil, 48000, 2)
	} else {
		t.Config = opus.AppendHead(nil, 2, 0)
	}
	return t
}

// TestChangeMidStream: whatever changes within a stream, all outputs go on: one sequence header or discontinuity where
// something changed and none where nothing did, times that rise, and nothing that a decoder complains about.
func TestChangeMidStream(t *testing.T) {
	small, large := readReel(t, testdata.Path("bars-360p.h264")), readReel(t, testdata.Path("bars-720p.h264"))
	hevc := readReel265(t, testdata.Path("bars-360p.h265"))
	portrait, other := shoot(t, "360x640", "baseline"), shoot(t, "640x360", "main")
	const (
		none = av.CodecNone
		mp4a = av.CodecAAC
		opus = av.CodecOpus
	)
	for _, c := range []struct {
		name            string
		film            func(s *stage)
		responses       []string
		discontinuities int
	}{
		{"the same parameter sets again", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.video = av.Track{} // they are sent with the next key frame
			s.film(small, opus, 4*time.Second)
		}, []string{"V1A1"}, 0},
		{"rotation", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.film(portrait, opus, 4*time.Second)
		}, []string{"V2A1"}, 1},
		{"other parameter sets of the same size", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.film(other, opus, 4*time.Second)
		}, []string{"V2A1"}, 1},
		{"resolution steps", func(s *stage) {
			for _, r := range []*reel{small, large, small, large} {
				s.film(r, opus, 4*time.Second)
			}
		}, []string{"V4A1"}, 3},
		{"muted for 10 s", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.film(small, none, 10*time.Second)
			s.film(small, opus, 4*time.Second)
		}, []string{"V1A1"}, 0},
		{"sound that was announced comes 10 s late", func(s *stage) {
			s.film(small, none, 10*time.Second)
			s.film(small, opus, 4*time.Second)
		}, []string{"V1A1"}, 0},
		{"sound that was announced never comes", func(s *stage) {
			s.film(small, none, 6*time.Second)
			s.film(small, none, 4*time.Second)
		}, []string{"V1A1"}, 0},
		{"pictures alone", func(s *stage) {
			s.publishes(true, false)
			s.film(small, none, 4*time.Second)
			s.film(small, none, 4*time.Second)
		}, []string{"V1A0"}, 0},
		{"sound alone", func(s *stage) {
			s.publishes(false, true)
			s.film(nil, opus, 4*time.Second)
			s.film(nil, opus, 4*time.Second)
		}, []string{"V0A1"}, 0},
		{"sound appears", func(s *stage) {
			s.publishes(true, false)
			s.film(small, none, 4*time.Second)
			s.film(small, opus, 4*time.Second)
		}, []string{"V1A0", "V1A1"}, 1},
		{"pictures appear", func(s *stage) {
			s.publishes(false, true)
			s.film(nil, opus, 4*time.Second)
			s.film(small, opus, 4*time.Second)
		}, []string{"V0A1", "V1A1"}, 1},
		{"sound goes", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.gone(2)
			s.film(small, none, 4*time.Second)
		}, []string{"V1A1"}, 0},
		{"pictures go and come back", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.gone(1)
			s.film(nil, opus, 4*time.Second)
			s.film(small, opus, 4*time.Second)
		}, []string{"V1A1", "V0A1", "V1A1"}, 2},
		{"no pictures for 7 s", func(s *stage) {
			s.film(small, opus, 3*time.Second)
			s.film(nil, opus, 7*time.Second)
			s.film(small, opus, 4*time.Second)
		}, []string{"V1A1"}, 0},
		{"camera to screen", func(s *stage) {
			s.film(small, opus, 3*time.Second)
			s.film(nil, opus, 5*time.Second)
			s.film(large, opus, 4*time.Second)
		}, []string{"V2A1"}, 1},
		{"the sound becomes AAC", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.film(small, mp4a, 4*time.Second)
		}, []string{"V1A1"}, 1}, // FLV has AAC all the time
		{"the sound was AAC", func(s *stage) {
			s.film(small, mp4a, 4*time.Second)
			s.film(small, opus, 4*time.Second)
		}, []string{"V1A1"}, 1},
		{"the pictures become H.265", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.film(hevc, opus, 4*time.Second)
		}, []string{"V1A1", "V1A1"}, 1},
		{"another publisher, the same tracks", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.publishes(true, true)
			s.now += time.Second
			s.film(small, opus, 4*time.Second)
		}, []string{"V1A1"}, 0},
		{"another publisher behind a pause longer than a segment", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.pub.Interrupt(errDone)
			s.publishes(true, true)
			s.now += 5 * time.Second
			s.film(small, opus, 4*time.Second)
		}, []string{"V1A1"}, 1},
		{"another publisher, another size", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.publishes(true, true)
			s.now += time.Second
			s.film(large, opus, 4*time.Second)
		}, []string{"V2A1"}, 1},
		{"another publisher without sound", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.publishes(true, false)
			s.now += time.Second
			s.film(small, none, 4*time.Second)
		}, []string{"V1A1"}, 0},
		{"another publisher without pictures", func(s *stage) {
			s.film(small, opus, 4*time.Second)
			s.publishes(false, true)
			s.now += time.Second
			s.film(nil, opus, 4*time.Second)
		}, []string{"V1A1", "V0A1"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			if !strings.Contains(c.name, "alone") && !strings.Contains(c.name, "appear") {
				s.publishes(true, true)
			}
			c.film(s)
			s.check(c.responses, c.discontinuities)
		})
	}
}
