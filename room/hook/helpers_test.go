package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/room/store"
)

var update = flag.Bool("update", false, "write the goldens anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	app   = 1400000000
	other = 1400000001
)

// patienceMax is how long a test waits for what has to come.
const patienceMax = 30 * time.Second

// transport answers requests without a network, so that time can be a bubble's.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// says is an answer.
func says(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ProtoMajor: 1, ProtoMinor: 1,
	}
}

// hangs answers nothing until whoever asked gives up.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// got is a request as a receiver sees it.
type got struct {
	url    *url.URL
	header http.Header
	body   []byte
	at     time.Time
}

// recorder notes requests, and answers them by a function.
type recorder struct {
	answer func(got) (*http.Response, error)
	mu     sync.Mutex // guards list
	list   []got
}

func (c *recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	g := got{r.URL, r.Header, body, time.Now()}
	c.mu.Lock()
	c.list = append(c.list, g)
	c.mu.Unlock()
	if c.answer == nil {
		return says(200, `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`), nil
	}
	return c.answer(g)
}

func (c *recorder) all() []got {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]got(nil), c.list...)
}

const receiverURL = "https://app.example.com/imcallback"

// newHooks is Hooks that calls nothing but a transport.
func newHooks(t *testing.T, opts Options, rt http.RoundTripper) *Hooks {
	t.Helper()
	if opts.Queue == nil {
		opts.Queue = new(memory)
	}
	if opts.DefaultApp == 0 {
		opts.DefaultApp = app
	}
	h, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	if rt != nil {
		h.trusted.http.Transport, h.guarded.http.Transport = rt, rt
		h.receivers.own.client, h.receivers.guarded = h.trusted, h.guarded
	}
	return h
}

// run runs it until the test ends, or until stop is called.
func run(t *testing.T, h *Hooks) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// eventually waits for something that has to come.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patienceMax); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

// settings are apps' settings as the store has them.
type settings struct {
	mu  sync.Mutex // guards all
	all map[int]Receiver
}

// settingsOf is the settings of the app called other.
func settingsOf(r Receiver) *settings { return &settings{all: map[int]Receiver{other: r}} }

func (s *settings) set(r Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[other] = r
}

func (s *settings) App(_ context.Context, id int) (store.App, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.all[id]
	if !ok {
		return store.App{}, store.ErrNotFound
	}
	text, err := json.Marshal(r)
	return store.App{ID: id, Settings: text}, err
}

func (s *settings) ModifyApp(ctx context.Context, id int, change func(*store.App) error) (store.App, error) {
	a, err := s.App(ctx, id)
	if err != nil {
		return a, err
	}
	if err := change(&a); err != nil {
		return a, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var r Receiver
	err = json.Unmarshal(a.Settings, &r)
	s.all[id] = r
	return a, err
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, have []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, have, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, have, want)
	}
}

// logs is a logger that writes to a buffer.
func logs() (*slog.Logger, *locked) {
	var out locked
	return slog.New(slog.NewTextHandler(&out, nil)), &out
}

type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
