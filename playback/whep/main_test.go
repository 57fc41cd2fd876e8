package whep

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"
	"go.uber.org/goleak"

	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/mux/codec/opus"
	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
	"weir/rtc"
	"weir/rtc/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testApp = 1400000001
	testSDK = "1400000001"
	testKey = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"

	aLocalClient = "127.0.0.1:4711"
)

// patience is the longest that a test waits for what must come; nothing is measured with it.
const patience = 30 * time.Second

var aKey = live.Key{App: testSDK, Room: "room", Stream: "cam"}

// problem writes refusals as the tests read them: the code in a header, the detail in the body.
func problem(w http.ResponseWriter, _ *http.Request, status int, code, detail string) {
	w.Header().Set("Code", code)
	http.Error(w, detail, status)
}

// server is the door with a hub behind it.
type server struct {
	t       testing.TB
	engine  *rtc.Engine
	hub     *live.Registry
	crowd   *audience.Audience
	handler *Handler
	mux     *http.ServeMux

	stopHandler func() // ends Handler.Run and waits for it; may be called again
}

// change alters the options of a server before it is made.
type change func(o *Options, hub *live.Options)

func newServer(t testing.TB, changes ...change) *server {
	t.Helper()
	s := &server{t: t, crowd: audience.New(audience.Options{MaxSeen: 10})}
	o := Options{Audience: s.crowd, MaxViewers: 100, MaxConnecting: 100, MaxLags: 3, Handshake: patience, Problem: problem}
	hub := live.Options{
		RingBytes: 16 << 20, RingTime: 4 * time.Second, Fresh: patience, Grace: patience, TrackWait: time.Second,
		FeedIdle: time.Second, MaxStreams: 10, MaxWaiting: 10,
	}
	for _, c := range changes {
		c(&o, &hub)
	}
	s.hub = live.NewRegistry(hub)
	o.Hub = s.hub
	if o.Auth == nil {
		o.Auth = newAuthorizer(t, auth.Options{})
	}
	if o.Engine == nil {
		o.Engine = newEngine(t, rtc.Options{})
	}
	s.engine, s.handler = o.Engine, NewHandler(o)
	s.stopHandler = run(t, s.handler.Run)
	run(t, s.hub.Run)
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("POST /whep/{room}/{stream}", s.handler.Play)
	s.mux.HandleFunc("OPTIONS /whep/{room}/{stream}", s.handler.EndpointOptions)
	s.mux.HandleFunc("PATCH /whep/{room}/{stream}/{session}", s.handler.Patch)
	s.mux.HandleFunc("DELETE /whep/{room}/{stream}/{session}", s.handler.Delete)
	s.mux.HandleFunc("OPTIONS /whep/{room}/{stream}/{session}", s.handler.SessionOptions)
	t.Cleanup(s.stopHandler)
	return s
}

func newEngine(t testing.TB, o rtc.Options) *rtc.Engine {
	t.Helper()
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	o.Logs = discard()
	e := must(rtc.NewEngine(o))
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("cannot close the engine: %v", err)
		}
	})
	return e
}

func discard() logging.LoggerFactory { return rtc.LogTo(slog.New(slog.DiscardHandler)) }

func newAuthorizer(t testing.TB, o auth.Options) *auth.Authorizer {
	t.Helper()
	o.App = auth.App{ID: testApp, Key: testKey, Admins: []string{"administrator"}}
	return must(auth.New(o))
}

// run runs f until the test is over or the returned function is called, which waits for it.
func run(t testing.TB, f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// token is a UserSig for the user.
func token(t testing.TB, user string) string {
	t.Helper()
	return must(tencentyun.GenUserSig(testApp, testKey, user, 3600))
}

// call is one request, made without a socket.
type call struct {
	method, path, kind, token, match, body string
	from                                   string // the client's address; aLocalClient when empty
}

func (s *server) call(c call) *httptest.ResponseRecorder {
	r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
	r.RemoteAddr = c.from
	if c.from == "" {
		r.RemoteAddr = aLocalClient
	}
	for name, value := range map[string]string{"Content-Type": c.kind, "If-Match": c.match} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	return w
}

// post offers to play the stream.
func (s *server) post(offer string) *httptest.ResponseRecorder {
	return s.call(call{method: "POST", path: "/whep/room/cam", kind: signaling.KindSDP, body: offer})
}

// The tracks of the tests' publisher.
var (
	testSPS   = []byte{0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x24, 0x80}
	testPPS   = []byte{0x68, 0xcb, 0x83, 0xcb, 0x20}
	testVideo = &av.Track{
		ID: 1, Codec: av.CodecH264, ClockRate: 90000, Width: 1280, Height: 720,
		Config: h264.AppendConfig(nil, [][]byte{testSPS}, [][]byte{testPPS}),
	}
	testAudio = &av.Track{
		ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: opus.AppendHead(nil, 2, 0),
	}
)

// source publishes pictures that carry their number and packets of sound, in real time.
type source struct {
	*live.Publisher
	wants atomic.Int32 // key frames that were asked for
	stop  func()

	mu     sync.Mutex // guards the fields below
	number uint32     // of the last picture
	want   bool       // a key frame is due
}

const (
	groupSize   = 30
	firstNumber = 0x01000100 // in which no start code is
)

// publish begins a stream of the tracks. It ends with the test, or by stop, which leaves the stream interrupted.
func (s *server) publish(tracks ...*av.Track) *source {
	s.t.Helper()
	p := &source{number: firstNumber}
	ids := make([]av.TrackID, len(tracks))
	for i, t := range tracks {
		ids[i] = t.ID
	}
	var err error
	p.Publisher, err = s.hub.Publish(aKey, live.PublishOptions{
		Tracks: len(tracks), Brings: ids, User: "host", Policy: live.PolicyReplace, KeyFrame: func() {
			p.wants.Add(1)
			p.mu.Lock()
			defer p.mu.Unlock()
			p.want = true
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	from := p.begin()
	for _, t := range tracks {
		p.write(s.t, &av.Frame{Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: from, PTS: from, Config: t})
	}
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		p.play(s.t, tracks, from, done)
	}()
	p.stop = sync.OnceFunc(func() {
		close(done)
		<-over
	})
	s.t.Cleanup(p.stop)
	return p
}

// begin is the time at which the publisher's media begins.
func (p *source) begin() time.Duration {
	now := p.Stream().Now()
	if newest, ok := p.Newest(); ok {
		now = max(now, newest+time.Millisecond)
	}
	return now
}

func (p *source) play(t testing.TB, tracks []*av.Track, from time.Duration, done <-chan struct{}) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		at := from + time.Duration(n)*20*time.Millisecond
		for _, track := range tracks {
			if track.Codec.IsVideo() {
				p.write(t, p.picture(track, at, n))
				continue
			}
			p.write(t, &av.Frame{Track: track.ID, Codec: track.Codec, Key: true, DTS: at, PTS: at, Data: []byte{0xfc, byte(n), byte(n >> 8)}})
		}
		select {
		case <-tick.C:
		case <-done:
			return
		case <-p.Done():
			return
		}
	}
}

func (p *source) write(t testing.TB, f *av.Frame) {
	if err := p.Write(f); err != nil && p.Err() == nil {
		t.Errorf("cannot write: %v", err)
	}
}

// picture is the next one: a slice that begins with its number, over several packets if it is a key frame.
func (p *source) picture(track *av.Track, at time.Duration, n int) *av.Frame {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.number++
	key, size, nal := n%groupSize == 0 || p.want, 700, byte(0x41)
	if key {
		p.want = false
		size, nal = 5000, 0x65
	}
	data := binary.BigEndian.AppendUint32(nil, uint32(size))
	data = append(data, nal, 0x88)
	data = binary.BigEndian.AppendUint32(data, p.number)
	for len(data) < 4+size {
		data = append(data, byte(len(data))|1)
	}
	return &av.Frame{Track: track.ID, Codec: track.Codec, Key: key, DTS: at, PTS: at, Data: data}
}

// sessions is the number of sessions that can be asked for.
func (s *server) sessions() int { return len(s.handler.sessions.All()) }

// isEmpty checks that nothing is left of a session.
func (s *server) isEmpty() {
	s.t.Helper()
	eventually(s.t, "the end of all sessions", func() bool { return s.handler.Total() == 0 && s.sessions() == 0 })
	if n := s.crowd.Total().Total; n != 0 {
		s.t.Errorf("%d viewers are counted", n)
	}
}

// closed is how many sessions ended for a reason.
func (s *server) closed(reason string) float64 {
	return metric(s.t, s.crowd, "weir_viewer_closed_total", "reason="+reason)
}

// eventually waits until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-tick.C
	}
}

// must is the value of a call that cannot fail in a test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// metric is the value of a counter or a gauge with the given labels, as name=value pairs; 0 when there is none.
func metric(t testing.TB, c prometheus.Collector, name string, labels ...string) float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	for _, f := range must(reg.Gather()) {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if hasLabels(m, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func hasLabels(m *dto.Metric, labels []string) bool {
	have := make(map[string]bool)
	for _, l := range m.GetLabel() {
		have[l.GetName()+"="+l.GetValue()] = true
	}
	for _, l := range labels {
		if !have[l] {
			return false
		}
	}
	return true
}

// readFile is a file of this package's testdata.
func readFile(t testing.TB, name string) string {
	t.Helper()
	return string(must(os.ReadFile("testdata/" + name)))
}
