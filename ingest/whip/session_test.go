package whip

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/bench/publish"
	"weir/mux/av"
	"weir/room/live"
	"weir/testdata"
)

// What a publisher sends comes into the hub byte for byte, whatever it sends and however it cuts it into packets.
func TestMediaArrives(t *testing.T) {
	t.Parallel()
	video, audio := videoFile(t, 60), audioFile(t, opusPackets(t, 50))
	for _, tc := range []struct {
		name string
		opts publish.Options
	}{
		{"both", publish.Options{H264: video, Ogg: audio}},
		{"like a browser", publish.Options{H264: video, Ogg: audio, StapA: true, RTX: true, VideoCodecs: []string{"vp8", "h264-main", "h264"}}},
		{"in small packets", publish.Options{H264: video, MTU: 300}},
		{"video alone", publish.Options{H264: video}},
		{"audio alone", publish.Options{Ogg: audio, StereoFmtp: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			var source sent
			tc.opts.FPS, tc.opts.OnNAL, tc.opts.OnOpus = 60, source.onNAL, source.onOpus
			p := s.start(t, tc.opts)
			stream := s.stream(t, "cam")
			v := watch(t, stream, live.StartOldest)
			if err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			s.awaitAll(t, stream, &source)
			tracks := stream.Tracks()
			if err := p.Delete(t.Context()); err != nil {
				t.Fatal(err)
			}
			v.checkAll(t, &source)
			checkTracks(t, tracks, tc.opts.H264 != "", tc.opts.Ogg != "")
			for i, f := range v.media(videoID) {
				if f.Key != v.pictures()[i].isKey() {
					t.Errorf("picture %d is a key frame: %v", i, f.Key)
				}
			}
		})
	}
}

// awaitAll waits until all that a publisher sent is in the hub. The publisher is through.
func (s *server) awaitAll(t *testing.T, stream *live.Stream, source *sent) {
	t.Helper()
	all := uint64(len(source.pictures) + len(source.audio))
	eventually(t, "all that was sent", func() bool { return stream.Info().Frames >= all })
}

// checkAll checks that a viewer got what the publisher sent, up to the end of the stream.
func (v *viewer) checkAll(t *testing.T, source *sent) {
	t.Helper()
	<-v.done
	if live.Reason(v.err) != "deleted" {
		t.Errorf("the viewer ended with %v", v.err)
	}
	pictures, packets := v.pictures(), v.packets()
	if !slices.EqualFunc(pictures, source.pictures, samePicture) {
		t.Errorf("%d pictures came that are not the %d sent", len(pictures), len(source.pictures))
	}
	// A reader of video begins at a key frame: a few packets of sound may lie before it.
	early := len(source.audio) - len(packets)
	if early < 0 || early > 10 || len(source.pictures) == 0 && early > 0 || !slices.EqualFunc(packets, source.audio[early:], slices.Equal[[]byte]) {
		t.Errorf("%d packets came that are not the last of the %d sent", len(packets), len(source.audio))
	}
	v.checkTimes(t)
}

func checkTracks(t *testing.T, tracks av.Tracks, video, audio bool) {
	t.Helper()
	v, a := tracks.Find(videoID), tracks.Find(audioID)
	if (v != nil) != video || (a != nil) != audio {
		t.Fatalf("the tracks are %+v", tracks)
	}
	if v != nil && (v.Codec != av.CodecH264 || v.Width != 640 || v.Height != 360 || v.ClockRate != 90000) {
		t.Errorf("the video track is %+v", v)
	}
	if a != nil && (a.Codec != av.CodecOpus || a.Channels != 2 || a.ClockRate != 48000) {
		t.Errorf("the audio track is %+v", a)
	}
}

// Sound is mono or stereo as the SDP says (RFC 7587 6.1), and stereo when a packet is (RO-04).
func TestChannels(t *testing.T) {
	t.Parallel()
	stereo := opusPackets(t, 30)
	mono := make([][]byte, len(stereo))
	for i, p := range stereo {
		mono[i] = slices.Clone(p)
		mono[i][0] &^= 4 // RFC 6716 3.1: the stereo flag
	}
	for _, tc := range []struct {
		name    string
		packets [][]byte
		sdp     bool
		want    int
	}{
		{"mono", mono, false, 1},
		{"stereo by the SDP", mono, true, 2},
		{"stereo by the packets", stereo, false, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			p := s.start(t, publish.Options{Ogg: audioFile(t, tc.packets), StereoFmtp: tc.sdp})
			stream := s.stream(t, "cam")
			v := watch(t, stream, live.StartOldest)
			if err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the packets", func() bool { return len(v.packets()) == len(tc.packets) })
			if got := stream.Tracks().Audio(); got.Channels != tc.want {
				t.Errorf("%d channels, want %d", got.Channels, tc.want)
			}
		})
	}
}

// someLoss loses one packet in 50 of each kind, the first time it is sent. The last ones arrive: nobody could know
// that they are missing.
func someLoss() func(seq uint16, video bool) bool {
	var sent sequenceSet
	return func(seq uint16, video bool) bool {
		n, again := sent.add(seq, video)
		return !again && n%50 == 7 && n < 300
	}
}

// RH-13: what gets lost is asked for and sent again, by itself (RFC 4585) or in a stream of its own (RFC 4588), and
// every picture arrives.
func TestLossIsRepaired(t *testing.T) {
	t.Parallel()
	video, audio := videoFile(t, 120), audioFile(t, opusPackets(t, 100))
	for name, rtx := range map[string]bool{"in the stream": false, "by RTX": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			var source sent
			p := s.start(t, publish.Options{
				H264: video, Ogg: audio, FPS: 60, RTX: rtx, MTU: 500, DropRTP: someLoss(), OnNAL: source.onNAL, OnOpus: source.onOpus,
			})
			stream := s.stream(t, "cam")
			v := watch(t, stream, live.StartOldest)
			if err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			s.awaitAll(t, stream, &source)
			for _, kind := range []string{"video", "audio"} {
				if n := metric(t, s.handler.Stats(), "weir_whip_packets_total", "kind="+kind, "fate=recovered"); n == 0 {
					t.Errorf("%s: nothing is counted as recovered", kind)
				}
				if n := metric(t, s.handler.Stats(), "weir_whip_packets_total", "kind="+kind, "fate=lost"); n != 0 {
					t.Errorf("%s: %v packets are counted as lost", kind, n)
				}
			}
			if n := metric(t, s.handler.Stats(), "weir_whip_nacked_packets_total"); n == 0 || p.NACKCount() == 0 {
				t.Errorf("%v packets were asked for, the publisher was asked for %d", n, p.NACKCount())
			}
			if err := p.Delete(t.Context()); err != nil {
				t.Fatal(err)
			}
			v.checkAll(t, &source)
		})
	}
}

// RH-07: a picture that cannot be repaired is dropped with all that depend on it, a key frame is asked for, and
// every picture that comes is one of the source's.
func TestLossBreaksTheChain(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *Options, _ *live.Options) { o.Reorder = 50 * time.Millisecond })
	var source sent
	var lost struct {
		sync.Mutex
		count  int
		victim uint16
	}
	p := s.start(t, publish.Options{
		H264: testdata.Path("bars-360p.h264"), Loop: true, OnNAL: source.onNAL,
		DropRTP: func(seq uint16, _ bool) bool { // one packet, however often it is sent
			lost.Lock()
			defer lost.Unlock()
			lost.count++
			if lost.count == 20 {
				lost.victim = seq
			}
			return lost.count >= 20 && seq == lost.victim
		},
	})
	v := watch(t, s.stream(t, "cam"), live.StartOldest)
	eventually(t, "a second key frame", func() bool {
		keys := 0
		for _, f := range v.media(videoID) {
			if f.Key {
				keys++
			}
		}
		return keys >= 2
	})
	p.Close()
	if p.PLICount() == 0 {
		t.Error("the publisher was not asked for a key frame")
	}
	got := v.pictures()
	source.mu.Lock()
	defer source.mu.Unlock()
	// The pictures before the loss, then those from a key frame on.
	n := 0
	for n < len(got) && samePicture(got[n], source.pictures[n]) {
		n++
	}
	if n == 0 || n == len(got) || !got[n].isKey() {
		t.Fatalf("the first %d of %d pictures are the source's first ones, and then comes no key frame", n, len(got))
	}
	at := slices.IndexFunc(source.pictures[n:], func(p picture) bool { return samePicture(p, got[n]) })
	if at < 1 {
		t.Fatalf("nothing was dropped behind picture %d", n)
	}
	rest := source.pictures[n+at:]
	if len(rest) < len(got)-n || !slices.EqualFunc(got[n:], rest[:len(got)-n], samePicture) {
		t.Error("the pictures from the key frame on are not the source's")
	}
	if n := metric(t, s.handler.Stats(), "weir_whip_packets_total", "kind=video", "fate=lost"); n == 0 {
		t.Error("no packet is counted as lost")
	}
	units := func(fate string) float64 {
		return metric(t, s.handler.Stats(), "weir_whip_units_total", "kind=video", "fate="+fate)
	}
	if units("damaged")+units("dropped") == 0 || units("handed_on") < float64(len(got)) {
		t.Errorf("units: %v damaged, %v dropped, %v handed on", units("damaged"), units("dropped"), units("handed_on"))
	}
	v.checkTimes(t)
}

// A reader that finds no fresh group has the publisher asked for a key frame, at once.
func TestKeyFrameForAReader(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(_ *Options, hub *live.Options) { hub.Fresh = 0 })
	p := s.start(t, publish.Options{H264: testdata.Path("bars-360p.h264"), Loop: true})
	stream := s.stream(t, "cam")
	eventually(t, "pictures", func() bool { return stream.Info().Frames > 5 })
	if n := p.PLICount(); n != 0 {
		t.Fatalf("%d key frames were asked for before there was a reader", n)
	}
	v := watch(t, stream, live.StartFresh)
	eventually(t, "the request", func() bool { return p.PLICount() > 0 })
	eventually(t, "a picture", func() bool { return len(v.pictures()) > 0 })
	if !v.media(videoID)[0].Key {
		t.Error("the reader's first picture is no key frame")
	}
	if n := metric(t, s.handler.Stats(), "weir_whip_key_frame_requests_total"); n == 0 {
		t.Error("the request is not counted")
	}
}

// The publisher is told what arrived.
func TestReportsReachThePublisher(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := s.start(t, publish.Options{H264: testdata.Path("bars-360p.h264"), Ogg: testdata.Path("tone.ogg"), Loop: true})
	eventually(t, "receiver reports", func() bool { return p.ReportCount() >= 2 })
	eventually(t, "transport-wide feedback", func() bool { return p.TransportCount() >= 5 })
}

// A publisher who takes the stream over goes on where the first one was, and viewers stay.
func TestTakeover(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	opts := publish.Options{H264: testdata.Path("bars-360p.h264"), Ogg: testdata.Path("tone.ogg"), Loop: true}
	first := s.start(t, opts)
	stream := s.stream(t, "cam")
	v := watch(t, stream, live.StartOldest)
	eventually(t, "pictures and sound", func() bool { return len(v.pictures()) > 10 && len(v.packets()) > 10 })

	second := s.start(t, opts)
	if err := first.Wait(); err == nil {
		t.Error("the first publisher is not told")
	}
	if now := s.stream(t, "cam"); now != stream {
		t.Fatal("there is another stream")
	}
	pictures, packets := len(v.pictures()), len(v.packets())
	eventually(t, "more pictures and sound", func() bool { return len(v.pictures()) > pictures+20 && len(v.packets()) > packets+20 })
	select {
	case <-v.done:
		t.Fatalf("the viewer was ended: %v", v.err)
	default:
	}
	v.checkTimes(t)
	eventually(t, "the end of the first session", func() bool { return s.sessions() == 1 })
	if n := metric(t, s.handler.Stats(), "weir_whip_session_ends_total", "reason=replaced"); n != 1 {
		t.Errorf("%v ends by takeover are counted", n)
	}
	if state := stream.Info().State; state != live.StateLive {
		t.Errorf("the stream is %v", state)
	}
	// The first one's DELETE comes too late and does no harm.
	if w := s.delete(must(url.Parse(first.URL())).Path, token(t, "host")); w.Code != 404 {
		t.Errorf("a DELETE of the replaced session gives %d", w.Code)
	}
	if err := second.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	s.isEmpty(t)
}

// An offer need not name its sources (RFC 5576 is optional): its media finds its section by the payload type, also
// when the publisher offers to name sections in packets. Repair then comes in the stream itself.
func TestMediaWithoutSourceLines(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ssrc := regexp.MustCompile(`a=ssrc(-group)?:.*\r\n`)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := must(io.ReadAll(r.Body))
		body = ssrc.ReplaceAll(body, nil)
		body = bytes.ReplaceAll(body, []byte("a=rtcp-mux\r\n"), []byte("a=rtcp-mux\r\na=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		s.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	var source sent
	p := s.start(t, publish.Options{
		URL: proxy.URL + "/whip/room/cam", H264: videoFile(t, 60), Ogg: audioFile(t, opusPackets(t, 50)),
		FPS: 60, RTX: true, MTU: 500, DropRTP: someLoss(), OnNAL: source.onNAL, OnOpus: source.onOpus,
	})
	stream := s.stream(t, "cam")
	v := watch(t, stream, live.StartOldest)
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	s.awaitAll(t, stream, &source)
	if err := p.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.checkAll(t, &source)
}
