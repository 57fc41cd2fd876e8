package pull

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/cdnrelay/admin"
	"weir/room/auth"
	"weir/room/dial"
	"weir/room/live"
	"weir/room/store"
)

func TestTasksThatMakeNoSense(t *testing.T) {
	for name, change := range map[string]func(*Task){
		"no room":                 func(t *Task) { t.Room = "" },
		"a room of no such name":  func(t *Task) { t.Room = "a/b" },
		"always, and a pattern":   func(t *Task) { t.Stream = "*" },
		"no pattern":              func(t *Task) { t.Mode, t.Stream = OnDemand, "[" },
		"another mode":            func(t *Task) { t.Mode = "sometimes" },
		"no address":              func(t *Task) { t.From = nil },
		"too many":                func(t *Task) { t.From = make([]string, maxFrom+1) },
		"a path":                  func(t *Task) { t.From = []string{"/etc/passwd"} },
		"another protocol":        func(t *Task) { t.From = []string{"file:///etc/passwd"} },
		"no host":                 func(t *Task) { t.From = []string{"http:///x"} },
		"a host that is named":    func(t *Task) { t.From = []string{"http://{room}.example.com/x"} },
		"the same, in capitals":   func(t *Task) { t.From = []string{"HTTP://{room}.example.com/x"} },
		"a user that is named":    func(t *Task) { t.From = []string{"http://{stream}@example.com/x"} },
		"no such place":           func(t *Task) { t.From = []string{"http://example.com/{user}/a.flv"} },
		"an open brace":           func(t *Task) { t.From = []string{"http://example.com/a.flv?x={room"} },
		"no application":          func(t *Task) { t.From = []string{"rtmp://example.com/{stream}"} },
		"longer than any address": func(t *Task) { t.From = []string{"http://example.com/" + strings.Repeat("x", maxAddress)} },
	} {
		task := always("http://example.com/a.flv")
		change(&task)
		if err := task.check(); !errors.Is(err, ErrTask) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFilled: names of viewers stay one part of a path or one value of a query.
func TestFilled(t *testing.T) {
	k := live.Key{App: "1", Room: "a b&c=d#e@f:g+", Stream: "s"}
	if got, want := filled("http://h/{app}/{room}/{stream}.flv?r={room}", k), "http://h/1/a%20b%26c%3Dd%23e%40f%3Ag%2B/s.flv?r=a%20b%26c%3Dd%23e%40f%3Ag%2B"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestKept: tasks of the API outlive a restart, and those that are deleted do not.
func TestKept(t *testing.T) {
	g := newGround(t, func(o *Options) { o.Guard = dial.NewGuard(netip.MustParsePrefix("127.0.0.0/8")) }, onDemand("http://127.0.0.1:1/"))
	ctx := t.Context()
	task := always("http://127.0.0.1:1/key=secret")
	task.By = "root"
	added, err := g.m.Add(ctx, task)
	if err != nil || added.ID == "" || added.Created.IsZero() || added.Origin != OriginAPI {
		t.Fatalf("%+v, %v", added, err)
	}
	if _, err := g.m.Add(ctx, task); !errors.Is(err, ErrDuplicate) || !strings.Contains(err.Error(), added.ID) {
		t.Errorf("the same once more: %v", err)
	}
	for i := range 2 {
		task.Stream = fmt.Sprint("s", i)
		if _, err := g.m.Add(ctx, task); err != nil {
			t.Fatal(err)
		}
	}
	task.Stream = "more"
	if _, err := g.m.Add(ctx, task); !errors.Is(err, ErrTooMany) {
		t.Errorf("one too many: %v", err)
	}
	await(t, "it is tried", func() bool { p, _ := g.m.Pull("1", added.ID); return len(p.Streams) == 1 && p.Streams[0].Tries > 1 })
	if n := testutil.CollectAndCount(g.m.Stats()); n < 8 {
		t.Errorf("%d figures", n)
	}
	g.stop()

	o := g.m.opts
	g.run(o)
	await(t, "it is there again, and tried", func() bool { p, err := g.m.Pull("1", added.ID); return err == nil && len(p.Streams) == 1 })
	if p, _ := g.m.Pull("1", added.ID); p.Task.By != "root" || p.Task.From[0] != added.From[0] || p.Task.Trusted || p.Task.Mode != Always {
		t.Errorf("it came back as %+v", p.Task)
	}
	for _, c := range []struct {
		app, id string
		want    error
	}{{"1", "config-1", ErrFixed}, {"1", "none", ErrNotFound}, {"2", added.ID, ErrNotFound}, {"1", added.ID, nil}, {"1", added.ID, ErrNotFound}} {
		if err := g.m.Remove(ctx, c.app, c.id); !errors.Is(err, c.want) {
			t.Errorf("%s of %s: %v", c.id, c.app, err)
		}
	}
	g.m.AppDeleted("1")
	if n := len(g.m.Pulls("1")); n != 0 {
		t.Errorf("%d pulls of an app that is gone", n)
	}
	await(t, "nothing is pulled", func() bool { g.m.mu.Lock(); defer g.m.mu.Unlock(); return len(g.m.pullers) == 0 })
}

// TestDeleted: a stream ends with its task.
func TestDeleted(t *testing.T) {
	tracks, all := reel(t)
	from := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(film(t, tracks, all[:200]))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	g := newGround(t, func(o *Options) { o.Guard = dial.NewGuard(netip.MustParsePrefix("127.0.0.0/8")) })
	added, err := g.m.Add(t.Context(), always(from))
	if err != nil {
		t.Fatal(err)
	}
	g.watch(50)
	s, _ := g.hub.Stream(camera)
	if err := g.m.Remove(t.Context(), "1", added.ID); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if reason := live.Reason(s.Err()); reason != "deleted" {
		t.Errorf("the stream ended as %s", reason)
	}
}

func TestTwoSourcesOfOneStream(t *testing.T) {
	if _, err := New(Options{Sources: []Task{always("http://a.example.com/"), always("http://b.example.com/")}}); !errors.Is(err, ErrDuplicate) {
		t.Error(err)
	}
	if _, err := New(Options{Sources: []Task{{}}}); !errors.Is(err, ErrTask) {
		t.Error(err)
	}
}

// TestBeforeTheFirstTry: a pull that was just begun is shown as connecting to its first address.
func TestBeforeTheFirstTry(t *testing.T) {
	task := onDemand("https://u:pw@origin.example.com/{room}/{stream}.flv?key=secret")
	g := newGround(t, nil, task)
	s := newPuller(g.m, task, live.Key{App: "1", Room: "demo", Stream: "cam"}, nil).status()
	if s.State != Connecting || s.URL != "https://origin.example.com/demo/cam.flv" || s.Since.IsZero() {
		t.Errorf("shown as %+v", s)
	}
}

// TestBrings: who waits for a stream brings about what is pulled on demand, and nothing else.
func TestBrings(t *testing.T) {
	g := newGround(t, nil, onDemand("https://origin.example.com/{stream}.flv"))
	there := live.Key{App: "1", Room: "demo", Stream: "cam"}
	for k, want := range map[live.Key]bool{there: true, {App: "1", Room: "other", Stream: "cam"}: false, {App: "2", Room: "demo", Stream: "cam"}: false} {
		if got := g.m.Brings(k); got != want {
			t.Errorf("%v: %v", k, got)
		}
	}
	if g := newGround(t, nil, always("https://origin.example.com/cam.flv")); g.m.Brings(there) {
		t.Error("what is pulled always waits for nobody")
	}
}

// everybody is an administrator of the app 1.
type everybody struct{}

func (everybody) Authorize(context.Context, auth.Request) (auth.Grant, error) {
	return auth.Grant{App: 1, User: "root"}, nil
}

func TestREST(t *testing.T) {
	g := newGround(t, nil, onDemand("http://user:pw@origin.example.com/a.flv?key=secret"))
	calls := admin.Calls{Auth: everybody{}, Problem: func(w http.ResponseWriter, _ *http.Request, status int, code, _ string) { http.Error(w, code, status) }}
	mux := http.NewServeMux()
	mux.Handle("GET /pulls", calls.To(g.m.List))
	mux.Handle("POST /pulls", calls.To(g.m.Create))
	mux.Handle("GET /pulls/{id}", calls.To(g.m.Show))
	mux.Handle("DELETE /pulls/{id}", calls.To(g.m.Delete))
	call := func(method, path, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
		return w
	}
	const good = `{"room":"demo","stream":"two","from":["https://user:pw@origin.example.com/b.m3u8?key=secret"]}`
	made := call("POST", "/pulls", good)
	var p pullJSON
	if err := json.Unmarshal(made.Body.Bytes(), &p); err != nil || made.Code != http.StatusCreated || made.Header().Get("Location") != "/pulls/"+p.ID {
		t.Fatalf("%d %s: %v", made.Code, made.Body, err)
	}
	if p.Mode != OnDemand || p.By != "root" || p.From[0] != "https://origin.example.com/b.m3u8" {
		t.Errorf("made %+v", p)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		has                string
	}{
		{"POST", "/pulls", good, http.StatusConflict, "pull_exists"},
		{"POST", "/pulls", "{", http.StatusBadRequest, "bad_request"},
		{"POST", "/pulls", `{"room":"a","stream":"b","from":["ftp://x/"]}`, http.StatusBadRequest, "bad_request"},
		{"POST", "/pulls", `{"room":"a","stream":"b","from":["https://a.example.com/","http://[fe80::1]/"]}`, http.StatusBadRequest, "bad_request"},
		{"GET", "/pulls", "", http.StatusOK, `"id":"config-1"`},
		{"GET", "/pulls/" + p.ID, "", http.StatusOK, p.ID},
		{"GET", "/pulls/none", "", http.StatusNotFound, "pull_not_found"},
		{"DELETE", "/pulls/config-1", "", http.StatusConflict, "pull_fixed"},
		{"DELETE", "/pulls/" + p.ID, "", http.StatusNoContent, ""},
		{"DELETE", "/pulls/" + p.ID, "", http.StatusNotFound, "pull_not_found"},
	} {
		w := call(c.method, c.path, c.body)
		if text := w.Body.String(); w.Code != c.status || !strings.Contains(text, c.has) || strings.Contains(text, "secret") || strings.Contains(text, "pw") {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, text)
		}
	}
}

// waited is a hub without streams, in which somebody waits for every one.
type waited struct{ hub }

func (waited) Stream(live.Key) (*live.Stream, bool) { return nil, false }
func (waited) Awaited(live.Key) bool                { return true }

// TestWaitedForAtTheEnd: who begins to wait while a pull on demand is about to end gets the next one.
func TestWaitedForAtTheEnd(t *testing.T) {
	task := onDemand("http://127.0.0.1:1/")
	m, err := New(Options{
		Hub: waited{}, Sources: []Task{task}, Timeout: patience, Idle: patience, Retry: time.Hour, MaxRetry: time.Hour, MaxStreams: 1, MaxPerApp: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	m.begin(ctx)
	old := newPuller(m, m.known["config-1"].task, camera, func(error) {})
	m.mu.Lock()
	m.pullers[camera] = old
	m.mu.Unlock()
	m.want(camera) // finds one that has not yet said that it is over
	m.ended(old)
	m.mu.Lock()
	now := m.pullers[camera]
	m.mu.Unlock()
	if now == nil || now == old {
		t.Error("nobody brings the stream")
	}
	cancel()
	m.goroutines.Wait()
}

// TestAddedWhileItStops: a pull that begins while Run is about to end is waited for.
func TestAddedWhileItStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	over := make(chan struct{})
	var asked atomic.Int32
	m, err := New(Options{
		Hub: live.NewRegistry(live.Options{}), Keeper: &shelf{rows: make(map[string]store.Relay)}, Timeout: patience,
		Guard: dial.NewGuard(netip.MustParsePrefix("127.0.0.0/8")), Retry: time.Hour, MaxRetry: time.Hour, MaxTasks: 1, MaxStreams: 1, MaxPerApp: 1,
		Now: func() time.Time {
			if asked.Add(1) == 2 { // the first is for the task; now its pull is about to begin
				stop()
				select {
				case <-over:
					t.Error("a pull begins when Run is over")
				case <-time.After(100 * time.Millisecond):
				}
			}
			return time.Now()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(over)
		if err := m.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	await(t, "it runs", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.ctx != nil })
	if _, err := m.Add(t.Context(), always("http://127.0.0.1:1/")); err != nil {
		t.Error(err)
	}
	<-over
	if n := asked.Load(); n < 2 {
		t.Errorf("the clock was asked %d times", n)
	}
}
