package whip

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	pion "github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"weir/cdnrelay/push"
	"weir/mux/av"
	"weir/room/dial"
	"weir/room/live"
	"weir/rtc"
	"weir/testdata/samples"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is the longest that a test waits for what must come; nothing is measured with it.
const patience = 30 * time.Second

const (
	token  = "t0ken-of-the-target"
	secret = "s3cret-of-the-query"
)

// local lets connections pass to this machine's first loopback address alone.
var local = dial.NewGuard(netip.MustParsePrefix("127.0.0.1/32"))

// source is a stream that is published in real time.
type source struct {
	pub   *live.Publisher
	video av.Track
	audio av.Track
	sent  []*av.Frame // the pictures of the sample
	keys  chan struct{}
}

// options say what a source publishes.
type options struct {
	noAudio bool
	change  func(f *av.Frame) // alters pictures; nil: none
}

// publish begins a stream of H.264 and Opus.
func publish(t *testing.T, o options) *source {
	t.Helper()
	hub := live.NewRegistry(live.Options{
		RingBytes: 64 << 20, RingTime: 10 * time.Second, Fresh: 3 * time.Second, Grace: 10 * time.Second,
		TrackWait: 2 * time.Second, FeedIdle: time.Second, MaxStreams: 4, Wait: time.Second, MaxWaiting: 4,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { _ = hub.Run(ctx) })
	t.Cleanup(func() { cancel(); group.Wait() })

	s := &source{keys: make(chan struct{}, 64)}
	var video, audio []*av.Frame
	s.video, video = samples.H264(t)
	s.audio, audio = samples.Opus(t)
	for _, f := range video {
		if o.change != nil {
			o.change(f)
		}
	}
	s.sent = video
	tracks := 2
	if o.noAudio {
		audio, tracks = nil, 1
	}
	var err error
	s.pub, err = hub.Publish(live.Key{App: "1", Room: "demo", Stream: "cam"}, live.PublishOptions{Tracks: tracks, KeyFrame: func() {
		select {
		case s.keys <- struct{}{}:
		default:
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.announce(t, &s.video)
	if !o.noAudio {
		s.announce(t, &s.audio)
	}
	all := slices.Concat(video, audio)
	slices.SortStableFunc(all, func(a, b *av.Frame) int { return int(a.DTS - b.DTS) })
	s.write(t, all[0]) // so that there is something to open a session for
	group.Go(func() { s.play(ctx, all[1:]) })
	return s
}

func (s *source) announce(t *testing.T, track *av.Track) {
	t.Helper()
	s.write(t, &av.Frame{Track: track.ID, Kind: av.KindConfig, Codec: track.Codec, DTS: s.pub.Stream().Now(), Config: track})
}

func (s *source) write(t *testing.T, f *av.Frame) {
	t.Helper()
	if err := s.pub.Write(f); err != nil {
		t.Fatal(err)
	}
}

// play writes frames at their time, until ctx is done or the stream is over.
func (s *source) play(ctx context.Context, frames []*av.Frame) {
	for _, f := range frames {
		wait := time.NewTimer(f.DTS - s.pub.Stream().Now())
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return
		}
		if s.pub.Write(f) != nil {
			return
		}
	}
}

// receiver is a WHIP server as pion makes one.
type receiver struct {
	t      *testing.T
	server *httptest.Server
	// answer alters what the server answers; nil: nothing.
	answer func(w http.ResponseWriter, sdp string) string

	mu      sync.Mutex // guards the fields below
	pc      *webrtc.PeerConnection
	offers  []string
	headers []http.Header
	deleted int

	packets chan *pion.Packet // of video
	sounds  chan *pion.Packet
}

func newReceiver(t *testing.T, answer func(w http.ResponseWriter, sdp string) string) *receiver {
	t.Helper()
	r := &receiver{t: t, answer: answer, packets: make(chan *pion.Packet, 1<<15), sounds: make(chan *pion.Packet, 1<<12)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /whip", r.create)
	mux.HandleFunc("DELETE /session/1", r.remove)
	mux.HandleFunc("POST /moved", func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, "/whip?"+req.URL.RawQuery, http.StatusTemporaryRedirect)
	})
	r.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		r.close()
		r.server.Close()
	})
	return r
}

func (r *receiver) close() {
	r.mu.Lock()
	pc := r.pc
	r.pc = nil
	r.mu.Unlock()
	if pc != nil {
		_ = pc.GracefulClose()
	}
}

// create answers an offer.
func (r *receiver) create(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.offers, r.headers = append(r.offers, string(body)), append(r.headers, req.Header)
	pc := r.connect()
	r.pc = pc
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(body)}); err != nil {
		r.t.Errorf("pion does not take the offer: %v\n%s", err, body)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		r.t.Error(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		r.t.Error(err)
	}
	<-gathered
	text := pc.LocalDescription().SDP
	w.Header().Set("Content-Type", "application/sdp")
	w.Header().Set("Location", "/session/1")
	if r.answer != nil {
		text = r.answer(w, text)
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, text)
}

func (r *receiver) connect() *webrtc.PeerConnection {
	var s webrtc.SettingEngine
	s.LoggerFactory = rtc.LogTo(slog.New(slog.DiscardHandler))
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(net.IP.IsLoopback)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	codecs := new(webrtc.MediaEngine)
	if err := codecs.RegisterDefaultCodecs(); err != nil {
		r.t.Error(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(codecs),
		webrtc.WithInterceptorRegistry(new(interceptor.Registry))).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		r.t.Error(err)
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		to := r.packets
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			to = r.sounds
		}
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			to <- p
		}
	})
	return pc
}

func (r *receiver) remove(http.ResponseWriter, *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deleted++
}

// target is the server's endpoint of a path, for a stream.
func (r *receiver) target(s *source, path string) push.Target {
	return targetAt(r.t, s, r.server.URL+path+"?key="+secret)
}

func targetAt(t *testing.T, s *source, address string) push.Target {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return push.Target{
		URL: u, Token: token, Guard: local, Stream: s.pub.Stream(), MaxLags: 4, Log: slog.New(slog.DiscardHandler),
		Reader: live.ReaderOptions{Name: "push"},
	}
}

func newOutput(t *testing.T) *Output {
	t.Helper()
	e, err := rtc.NewEngine(rtc.Options{Listen: "127.0.0.1:0", Logs: rtc.LogTo(slog.New(slog.DiscardHandler))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return New(e)
}

// open opens a session, within the patience of tests.
func open(t *testing.T, o *Output, target push.Target) (push.Session, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := o.Open(ctx, target)
	if err != nil {
		harmless(t, err)
	}
	return s, err
}

// harmless fails when an error tells a secret.
func harmless(t *testing.T, err error) {
	t.Helper()
	for _, s := range []string{token, secret} {
		if strings.Contains(err.Error(), s) {
			t.Errorf("the error tells a secret: %v", err)
		}
	}
}
