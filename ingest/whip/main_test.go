package whip

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"
	"go.uber.org/goleak"

	"weir/mux/av"
	"weir/room/auth"
	"weir/room/live"
	"weir/rtc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testApp = 1400000001
	testSDK = "1400000001"
	testKey = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
)

// patience is the longest that a test waits for what must come; nothing is measured with it.
const patience = 30 * time.Second

// connecting is the handshake time of tests that connect and then wait for it to pass.
const connecting = 10 * time.Second

// problem writes refusals as the tests read them: the code in a header, the detail in the body.
func problem(w http.ResponseWriter, _ *http.Request, status int, code, detail string) {
	w.Header().Set("Code", code)
	http.Error(w, detail, status)
}

// server is the door with a hub behind it, and an HTTP server before it.
type server struct {
	t       testing.TB
	engine  *rtc.Engine
	hub     *live.Registry
	handler *Handler
	mux     *http.ServeMux
	http    *httptest.Server

	stopHandler func() // ends Handler.Run and waits for it; may be called again
}

// change alters the options of a server before it is made.
type change func(o *Options, hub *live.Options)

func newServer(t testing.TB, changes ...change) *server {
	t.Helper()
	s := &server{t: t}
	o := Options{
		Codecs: []av.Codec{av.CodecH264}, StartBitrate: 2000, Reorder: 5 * time.Second,
		Timeout: patience, Handshake: patience, MaxConnecting: 100, Problem: problem,
	}
	hub := live.Options{
		RingBytes: 16 << 20, RingTime: 30 * time.Second, Fresh: patience, Grace: patience, TrackWait: time.Second,
		FeedIdle: time.Second, MaxStreams: 100,
	}
	for _, c := range changes {
		c(&o, &hub)
	}
	s.hub = live.NewRegistry(hub)
	o.Hub = s.hub
	if o.Auth == nil {
		o.Auth = newAuthorizer(t)
	}
	if o.Engine == nil {
		o.Engine = newEngine(t, "127.0.0.1:0")
	}
	s.engine, s.handler = o.Engine, NewHandler(o)
	s.stopHandler = run(t, s.handler.Run)
	run(t, s.hub.Run)
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("POST /whip/{room}/{stream}", s.handler.Publish)
	s.mux.HandleFunc("DELETE /whip/{room}/{stream}/{session}", s.handler.Delete)
	s.mux.HandleFunc("PATCH /whip/{room}/{stream}/{session}", s.handler.Patch)
	s.mux.HandleFunc("OPTIONS /whip/{room}/{stream}", s.handler.EndpointOptions)
	s.mux.HandleFunc("OPTIONS /whip/{room}/{stream}/{session}", s.handler.SessionOptions)
	s.http = httptest.NewServer(s.mux)
	t.Cleanup(func() {
		s.stopHandler()
		s.http.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

func newEngine(t testing.TB, listen string, publicIPs ...string) *rtc.Engine {
	t.Helper()
	e, err := rtc.NewEngine(rtc.Options{Listen: listen, PublicIPs: publicIPs, Logs: discard()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("cannot close the engine: %v", err)
		}
	})
	return e
}

func discard() logging.LoggerFactory { return rtc.LogTo(slog.New(slog.DiscardHandler)) }

func newAuthorizer(t testing.TB) *auth.Authorizer {
	t.Helper()
	a, err := auth.New(auth.Options{App: auth.App{ID: testApp, Key: testKey, Admins: []string{"administrator"}}})
	if err != nil {
		t.Fatal(err)
	}
	return a
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
	sig, err := tencentyun.GenUserSig(testApp, testKey, user, 3600)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// limited is a UserSig for one room and some rights in it.
func limited(t testing.TB, user, room string, rights auth.Rights) string {
	t.Helper()
	sig, err := tencentyun.GenPrivateMapKeyWithStringRoomID(testApp, testKey, user, 3600, room, uint32(rights))
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// call is one request, made without a socket.
type call struct {
	method, path, kind, token, body string
	from                            string // the client's address and port; not a local one when empty
	match                           string // If-Match
}

func (s *server) call(c call) *httptest.ResponseRecorder {
	r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
	if c.kind != "" {
		r.Header.Set("Content-Type", c.kind)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.match != "" {
		r.Header.Set("If-Match", c.match)
	}
	if c.from != "" {
		r.RemoteAddr = c.from
	}
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	return w
}

// post offers text at /whip/room/cam.
func (s *server) post(token, text string) *httptest.ResponseRecorder {
	return s.call(call{method: "POST", path: "/whip/room/cam", kind: "application/sdp", token: token, body: text})
}

func (s *server) delete(location, token string) *httptest.ResponseRecorder {
	return s.call(call{method: "DELETE", path: location, token: token})
}

func key(stream string) live.Key { return live.Key{App: testSDK, Room: "room", Stream: stream} }

// sessions is the number of sessions that the door knows.
func (s *server) sessions() int { return len(s.handler.sessions.All()) }

// readFile is a file of this package's testdata.
func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
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

// metric is the value of a counter or a gauge with the given labels, as name=value pairs; 0 when there is none.
func metric(t testing.TB, c prometheus.Collector, name string, labels ...string) float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
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

// descriptors is the number of open files of this process.
func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("descriptors cannot be counted on %s: %v", runtime.GOOS, err)
	}
	return len(list)
}

// leavesNothing runs f and checks that it left no goroutine and no descriptor.
func leavesNothing(t *testing.T, f func()) {
	t.Helper()
	before, files := goleak.IgnoreCurrent(), descriptors(t)
	f()
	if err := goleak.Find(before); err != nil {
		t.Errorf("goroutines are left: %v", err)
	}
	if n := descriptors(t); n > files {
		t.Errorf("%d descriptors are open, %d were before", n, files)
	}
}

// counted is what a leak would make grow.
type counted struct{ goroutines, files int }

func runtimeState(t testing.TB) counted {
	t.Helper()
	return counted{runtime.NumGoroutine(), descriptors(t)}
}
