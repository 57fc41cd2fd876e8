package publish

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"github.com/thesyncim/gopus/container/ogg"
	"go.uber.org/goleak"

	"weir/testdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shortVideo is a file of the sample's first n pictures.
func shortVideo(t *testing.T, n int) string {
	t.Helper()
	units, err := readVideo(testdata.Path("bars-360p.h264"))
	if err != nil {
		t.Fatal(err)
	}
	var stream []byte
	for _, u := range units[:n] {
		stream = append(stream, annexB(u.NALs...)...)
	}
	name := filepath.Join(t.TempDir(), "short.h264")
	if err := os.WriteFile(name, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// shortAudio is a file of the tone's first n packets.
func shortAudio(t *testing.T, n int) string {
	t.Helper()
	packets, err := readAudio(testdata.Path("tone.ogg"))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "short.ogg")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := ogg.NewWriter(f, 48000, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets[:n] {
		if err := w.WritePacket(p.data, int(p.samples)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// sentList collects what a session says that it sends.
type sentList struct {
	mu   sync.Mutex
	nals [][]byte
	pts  []time.Duration
}

func (l *sentList) add(b []byte, pts time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nals, l.pts = append(l.nals, b), append(l.pts, pts)
}

func (l *sentList) list() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.nals)
}

func start(t *testing.T, o Options) *Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	o.Token = testToken
	s, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Everything arrives byte for byte, at the right times, and the session ends at the server.
func TestPublish(t *testing.T) {
	for _, stapA := range []bool{false, true} {
		r := newReceiver(t)
		var nals, opus sentList
		s := start(t, Options{URL: r.url(), H264: shortVideo(t, 45), Ogg: shortAudio(t, 75), StapA: stapA, OnNAL: nals.add, OnOpus: opus.add})
		if err := s.Wait(); err != nil {
			t.Fatal(err)
		}
		video, audio := s.SentVideo(), s.SentAudio()
		if video.Frames != 45 || audio.Frames != 75 || audio.Packets != 75 {
			t.Errorf("sent %+v and %+v, want 45 pictures and 75 packets", video, audio)
		}
		r.wait("all packets and reports", func() bool {
			return len(r.packets[webrtc.RTPCodecTypeVideo]) == int(video.Packets) && len(r.packets[webrtc.RTPCodecTypeAudio]) == 75 && len(r.reports) == 2
		})
		if got := r.nals(); !slices.EqualFunc(got, nals.list(), bytes.Equal) || len(got) != 47 {
			t.Errorf("%d NAL units came, want the %d sent", len(got), len(nals.list()))
		}
		checkVideoPackets(t, r)
		var packets [][]byte
		for i, p := range r.ordered(webrtc.RTPCodecTypeAudio) {
			packets = append(packets, p.Payload)
			if want := r.ordered(webrtc.RTPCodecTypeAudio)[0].Timestamp + uint32(i)*960; p.Timestamp != want {
				t.Errorf("audio packet %d has timestamp %d, want %d", i, p.Timestamp, want)
			}
		}
		if !slices.EqualFunc(packets, opus.list(), bytes.Equal) {
			t.Error("other Opus packets came than were sent")
		}
		checkCommonOrigin(t, r)
		if err := s.Delete(context.Background()); err != nil {
			t.Errorf("delete: %v", err)
		}
		r.wait("the delete", func() bool { return r.deleted == 1 })
	}
}

// checkVideoPackets checks sizes, markers and timestamps of pictures at 30 a second.
func checkVideoPackets(t *testing.T, r *receiver) {
	t.Helper()
	packets := r.ordered(webrtc.RTPCodecTypeVideo)
	picture := uint32(0)
	for i, p := range packets {
		if n := p.MarshalSize(); n > 1200 {
			t.Errorf("packet %d has %d bytes, want at most 1200", i, n)
		}
		if want := packets[0].Timestamp + picture*3000; p.Timestamp != want {
			t.Fatalf("packet %d has timestamp %d, want %d", i, p.Timestamp, want)
		}
		if p.Marker { // RFC 6184 5.1: the last packet of an access unit
			picture++
		}
	}
	if picture != 45 {
		t.Errorf("%d markers, want 45", picture)
	}
}

// checkCommonOrigin checks that the sender reports put the first picture and the first sound at one time.
func checkCommonOrigin(t *testing.T, r *receiver) {
	t.Helper()
	origin := func(kind webrtc.RTPCodecType, rate float64) float64 {
		first := r.ordered(kind)[0].Timestamp
		r.mu.Lock()
		defer r.mu.Unlock()
		sr := r.reports[kind]
		return float64(sr.NTPTime)/(1<<32) - float64(int32(sr.RTPTime-first))/rate
	}
	video, audio := origin(webrtc.RTPCodecTypeVideo, 90000), origin(webrtc.RTPCodecTypeAudio, 48000)
	if d := math.Abs(video - audio); d > 0.0001 {
		t.Errorf("picture and sound begin %.6f s apart", d)
	}
}

func TestKeyFrameOnRequest(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		r := newReceiver(t)
		var sent sentList
		s := start(t, Options{URL: r.url(), H264: testdata.Path("bars-360p.h264"), Loop: true, SkipPLI: deaf, FPS: 60, OnNAL: sent.add})
		r.wait("some pictures", func() bool { return len(r.packets[webrtc.RTPCodecTypeVideo]) > 20 })
		r.pli()
		seen := func() uint64 { return s.SentVideo().Frames }
		r.wait("the request", func() bool { return s.PLICount() == 1 })
		asked := seen()
		r.wait("a picture after the request", func() bool { return seen() > asked+2 })
		s.Close()

		var keys []int
		for i, nal := range slices.DeleteFunc(sent.list(), func(n []byte) bool { return !isSlice(n) }) {
			if nal[0]&0x1f == nalIDR {
				keys = append(keys, i)
			}
		}
		if deaf {
			if slices.ContainsFunc(keys, func(k int) bool { return k%60 != 0 }) {
				t.Errorf("key frames at %v although deaf, want them where the file has them", keys)
			}
			continue
		}
		if !slices.ContainsFunc(keys, func(k int) bool { return k%60 != 0 && k <= int(asked)+1 }) {
			t.Errorf("key frames at %v, want one by picture %d for the request", keys, asked+1)
		}
	}
}

// What the network loses is sent again, in the same stream or in one of its own.
func TestLossIsRepaired(t *testing.T) {
	for _, rtx := range []bool{false, true} {
		r := newReceiver(t)
		var sent sentList
		var mu sync.Mutex
		lost := map[uint16]bool{}
		drop := func(seq uint16, video bool) bool {
			mu.Lock()
			defer mu.Unlock()
			if !video || seq%10 != 3 || lost[seq] {
				return false
			}
			lost[seq] = true
			return true
		}
		s := start(t, Options{URL: r.url(), H264: shortVideo(t, 60), Loop: true, RTX: rtx, DropRTP: drop, OnNAL: sent.add})
		if got := strings.Contains(s.Offer(), "rtx/90000"); got != rtx {
			t.Errorf("rtx in the offer is %v, want %v", got, rtx)
		}
		r.wait("200 packets in a row with at least ten lost ones", func() bool {
			packets := r.orderedLocked(webrtc.RTPCodecTypeVideo)
			if len(packets) < 200 || s.NACKCount() < 10 {
				return false
			}
			for i := range 200 {
				if packets[i].SequenceNumber != packets[0].SequenceNumber+uint16(i) {
					return false
				}
			}
			return true
		})
		s.Close()
		mu.Lock()
		if len(lost) < 10 {
			t.Errorf("%d packets lost, want the test to lose some", len(lost))
		}
		mu.Unlock()
	}
}

// Close is seen by the other side at once, as an end; Kill is not seen but for the silence.
func TestCloseAndKill(t *testing.T) {
	for name, kill := range map[string]bool{"close": false, "kill": true} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			s := start(t, Options{URL: r.url(), H264: testdata.Path("bars-360p.h264"), Ogg: testdata.Path("tone.ogg"), Loop: true})
			r.wait("media", func() bool {
				return len(r.packets[webrtc.RTPCodecTypeVideo]) > 5 && len(r.packets[webrtc.RTPCodecTypeAudio]) > 5
			})
			if kill {
				s.Kill()
				r.wait("the silence", func() bool { return r.sawLocked(webrtc.PeerConnectionStateDisconnected) })
				r.mu.Lock()
				if r.sawLocked(webrtc.PeerConnectionStateClosed) {
					t.Errorf("states %v, want no goodbye", r.states)
				}
				r.mu.Unlock()
			} else {
				s.Close()
				r.wait("the end", func() bool { return r.sawLocked(webrtc.PeerConnectionStateClosed) })
			}
			if err := s.Wait(); err != nil {
				t.Errorf("the session ended with %v, want nil for its own end", err)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.deleted != 0 {
				t.Error("the server was told")
			}
		})
	}
}

// The server's end of the connection is an error of the publisher's.
func TestServerEnds(t *testing.T) {
	r := newReceiver(t)
	s := start(t, Options{URL: r.url(), Ogg: testdata.Path("tone.ogg"), Loop: true})
	r.wait("media", func() bool { return len(r.packets[webrtc.RTPCodecTypeAudio]) > 5 })
	r.mu.Lock()
	pc := r.pc
	r.mu.Unlock()
	pc.Close()
	if err := s.Wait(); !errors.Is(err, ErrLost) {
		t.Errorf("ended with %v, want ErrLost", err)
	}
}

func TestRefused(t *testing.T) {
	r := newReceiver(t)
	_, err := Start(context.Background(), Options{URL: r.url(), Token: "wrong", Ogg: testdata.Path("tone.ogg")})
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Status != 401 || !strings.Contains(refused.Body, "who are you?") {
		t.Errorf("error %v, want the server's 401 with its words", err)
	}
}

func TestBadOptions(t *testing.T) {
	tone := testdata.Path("tone.ogg")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no media"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"no media", Options{}, ErrNoMedia.Error()},
		{"one layer", Options{Layers: []Layer{{"f", "x"}}}, ErrLayers.Error()},
		{"layers beside a picture", Options{Layers: []Layer{{"q", "x"}, {"f", "x"}}, H264: "x"}, ErrLayers.Error()},
		{"layers with repair streams", Options{Layers: []Layer{{"q", "x"}, {"f", "x"}}, RTX: true}, ErrLayers.Error()},
		{"no such file", Options{Ogg: "no-such-file"}, "no-such-file"},
		{"not Ogg", Options{Ogg: text}, "cannot read audio"},
		{"not H.264", Options{H264: text}, "no picture of H.264"},
		{"frame rate", Options{Ogg: tone, FPS: -1}, "-1 pictures"},
		{"MTU", Options{Ogg: tone, MTU: 50}, "MTU of 50"},
		{"codec", Options{H264: testdata.Path("bars-360p.h264"), VideoCodecs: []string{"mpeg2"}}, `"mpeg2"`},
		{"address", Options{Ogg: tone, URL: "http://127.0.0.1:1/whip"}, "cannot reach the server"},
	} {
		if _, err := Start(context.Background(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", c.name, err, c.want)
		}
	}
}

func TestOffer(t *testing.T) {
	r := newReceiver(t)
	s := start(t, Options{
		URL: r.url(), H264: testdata.Path("bars-360p.h264"), Ogg: testdata.Path("tone.ogg"), StereoFmtp: true, RTX: true,
		VideoCodecs: []string{"vp8", "h264-high", "h264"},
	})
	offer := s.Offer()
	for _, line := range []string{
		"a=sendonly", // RFC 9725 4.2
		"a=rtcp-mux",
		"a=setup:actpass",
		"a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1",
		"a=rtpmap:103 rtx/90000",
		"a=fmtp:103 apt=102",
		"a=rtcp-fb:102 transport-cc",
		"a=rtcp-fb:102 nack pli",
		"a=rtcp-fb:102 ccm fir",
	} {
		if !strings.Contains(offer, line) {
			t.Errorf("the offer has no line %q:\n%s", line, offer)
		}
	}
	for mline := range strings.SplitSeq(offer, "\r\n") {
		if pts, ok := strings.CutPrefix(mline, "m=video 9 UDP/TLS/RTP/SAVPF "); ok {
			if vp8, h264 := strings.Index(pts, "96"), strings.Index(pts, "102"); vp8 < 0 || h264 < vp8 {
				t.Errorf("payload types %q, want VP8's 96 before H.264's 102", pts)
			}
		}
	}
	if !strings.Contains(s.Answer(), "a=recvonly") {
		t.Errorf("answer\n%s", s.Answer())
	}
	if want := r.server.URL + "/session/1"; s.URL() != want {
		t.Errorf("session at %q, want %q", s.URL(), want)
	}
}

func TestNTP(t *testing.T) {
	at := time.Date(2036, 2, 7, 6, 28, 15, 500_000_000, time.UTC) // half a second before era 1
	if got := ntp(at); got != 0xffffffff_80000000 {
		t.Errorf("%x, want ffffffff80000000", got)
	}
}

// A report in the middle of the media says what was sent until then.
func TestReport(t *testing.T) {
	origin := time.Unix(1000, 0)
	tr := &track{rate: videoRate, base: math.MaxUint32 - 1}
	tr.packets.Store(7)
	tr.bytes.Store(700)
	got := tr.report(5, origin, origin.Add(1500*time.Millisecond))
	want := &rtcp.SenderReport{SSRC: 5, NTPTime: ntp(origin.Add(1500 * time.Millisecond)), RTPTime: 135000 - 2, PacketCount: 7, OctetCount: 700}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("report %+v, want %+v", got, want)
	}
}
