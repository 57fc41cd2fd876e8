package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// authKey is the app's secret key. It stands in no answer, log or figure of a server (see secrets_test.go).
const authKey = "c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7cafe"

// patience bounds every wait for an event. It is no measure of speed: a test that comes so far has failed.
const patience = 30 * time.Second

// weir is the server under test.
var weir string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if testing.Short() {
		fmt.Println("skipped: these tests watch media in real time")
		return 0
	}
	dir, err := os.MkdirTemp("", "weir-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	weir = filepath.Join(dir, "weir")
	build := exec.Command("go", "build", "-o", weir, "weir/cmd/weir")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build the server: %v\n%s", err, out)
		return 1
	}
	// The tests wait for media most of the time, so more of them fit on a processor than the default says.
	if err := flag.Set("test.parallel", "6"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer watchClock()()
	return m.Run()
}

// watchClock says when the machine stood still: media in real time cannot be judged then, and a failure means
// little. The function that it returns ends it.
func watchClock() (stop func()) {
	const every, still = 100 * time.Millisecond, time.Second
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			if gone := time.Since(last); gone > still {
				fmt.Fprintf(os.Stderr, "the machine stood still for %v\n", gone)
			}
			last = time.Now()
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

// server is a running process.
type server struct {
	http, admin string // base URLs
	media       int    // port of WebRTC
	rtmp, rtmps string // base URLs
	token       string // of user "host", who may publish
	adminToken  string // of an administrator
	env         []string
	cmd         *exec.Cmd
	log         *logBuffer
	exited      chan struct{} // closed when the process is gone; err is then valid
	err         error
}

// logBuffer keeps a log.
type logBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start runs a server with free ports and more settings, given as NAME=value. It is ended with the test.
func start(t *testing.T, settings ...string) *server {
	t.Helper()
	return startWith(t, (*exec.Cmd).Start, settings...)
}

// startWith is start with a function that starts the process.
func startWith(t *testing.T, begin func(*exec.Cmd) error, settings ...string) *server {
	t.Helper()
	s := &server{log: new(logBuffer), exited: make(chan struct{})}
	s.env = append(clean(os.Environ()),
		"WEIR_HTTP_LISTEN=127.0.0.1:0", "WEIR_ADMIN_LISTEN=127.0.0.1:0", "WEIR_WEBRTC_LISTEN=127.0.0.1:0",
		"WEIR_RTMP_LISTEN=127.0.0.1:0",
		"WEIR_DATA_DIR="+t.TempDir(), "WEIR_AUTH_KEY="+authKey, "WEIR_LOG_LEVEL=debug", "WEIR_LOG_FORMAT=json",
	)
	s.env = append(s.env, settings...)
	s.token, s.adminToken = s.userSig(t, "host"), s.userSig(t, "administrator")
	s.cmd = exec.Command(weir, "serve")
	s.cmd.Env = s.env
	s.cmd.Dir = t.TempDir()
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := begin(s.cmd); err != nil {
		t.Fatal(err)
	}
	listening := make(chan struct{})
	go s.follow(stderr, listening)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it may be gone
		<-s.exited
		if t.Failed() {
			keepLog(t, s.log.String())
		}
	})
	select {
	case <-listening:
	case <-s.exited:
		t.Fatalf("the server did not start: %v\n%s", s.err, s.log)
	case <-time.After(patience):
		t.Fatalf("the server says no address:\n%s", s.log)
	}
	eventually(t, "the server to be ready", func() bool { return get(t, s.admin+"/readyz").StatusCode == http.StatusOK })
	return s
}

// clean is an environment without the settings of whoever runs the tests.
func clean(env []string) []string {
	var out []string
	for _, v := range env {
		if !strings.HasPrefix(v, "WEIR_") {
			out = append(out, v)
		}
	}
	return out
}

// keepLog shows what of a log is not a request's line.
func keepLog(t *testing.T, text string) {
	for line := range strings.Lines(text) {
		if !strings.Contains(line, `"level":"DEBUG"`) {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// follow keeps the log and waits for the end of the process.
func (s *server) follow(stderr io.Reader, listening chan struct{}) {
	lines := bufio.NewReader(stderr)
	for found := false; ; {
		line, err := lines.ReadString('\n')
		_, _ = s.log.Write([]byte(line)) // it cannot fail
		var entry struct {
			Msg, HTTP, Admin, RTMP, RTMPS string
			Media                         int `json:"webrtc_port"`
		}
		if !found && json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" {
			s.http, s.admin, s.media, found = "http://"+entry.HTTP, "http://"+entry.Admin, entry.Media, true
			s.rtmp, s.rtmps = "rtmp://"+entry.RTMP, "rtmps://"+entry.RTMPS
			close(listening)
		}
		if err != nil {
			break
		}
	}
	s.err = s.cmd.Wait()
	close(s.exited)
}

// userSig makes a token as an operator does.
func (s *server) userSig(t *testing.T, user string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), weir, "usersig", "--user", user)
	cmd.Env = s.env
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("weir usersig: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// stop asks the process to end, as an operator does.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// answer is a whole response.
type answer struct {
	*http.Response
	body []byte
}

// code is the stable code of a problem, or what is wrong with the answer as one.
func (a answer) code() string {
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		return "no problem but " + got
	}
	var p struct {
		Code, Title string
		Status      int
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		return err.Error()
	}
	if p.Status != a.StatusCode || p.Title == "" {
		return fmt.Sprintf("a problem of status %d, title %q", p.Status, p.Title)
	}
	return p.Code
}

// client follows no redirect and says what it gets as it came.
var client = &http.Client{
	Transport:     &http.Transport{DisableCompression: true, DialContext: dial},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// dialers are the ways to hosts that are not on this machine's own network, by address.
var dialers sync.Map

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	if host, _, err := net.SplitHostPort(address); err == nil {
		if d, ok := dialers.Load(host); ok {
			return d.(func(context.Context, string, string) (net.Conn, error))(ctx, network, address)
		}
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// request is what ask sends beside method and URL.
type request struct {
	body   string
	header map[string]string
}

// ask sends a request and reads the whole answer.
func ask(t *testing.T, method, url string, o request) answer {
	t.Helper()
	a, err := tryAsk(t.Context(), method, url, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func get(t *testing.T, url string) answer {
	t.Helper()
	return ask(t, http.MethodGet, url, request{})
}

func tryAsk(ctx context.Context, method, url string, o request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(o.body))
	if err != nil {
		return answer{}, err
	}
	for name, value := range o.header {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(res.Body)
	return answer{res, body}, errors.Join(err, res.Body.Close())
}

// streamInfo is a stream as the administration API shows it.
type streamInfo struct {
	Room, Stream, State, Reason, User string
	Viewers                           map[string]int
	Watching                          int
	Counters                          map[string]uint64
}

// info is what the administrator sees of a stream; ok is false when there is none.
func (s *server) info(t *testing.T, room, stream string) (info streamInfo, ok bool) {
	t.Helper()
	a := ask(t, http.MethodGet, s.http+"/api/v1/streams", request{header: map[string]string{"Authorization": "Bearer " + s.adminToken}})
	if a.StatusCode != http.StatusOK {
		t.Fatalf("the list of streams: %s %s", a.Status, a.body)
	}
	var list struct{ Streams []streamInfo }
	if err := json.Unmarshal(a.body, &list); err != nil {
		t.Fatal(err)
	}
	for _, info := range list.Streams {
		if info.Room == room && info.Stream == stream {
			return info, true
		}
	}
	return streamInfo{}, false
}

// metric is the line of a figure at /metrics without its name, such as "1"; empty when there is none.
func (s *server) metric(t *testing.T, name string) string {
	t.Helper()
	for line := range strings.Lines(string(get(t, s.admin+"/metrics").body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// eventually polls what cannot be waited for.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	within(t, patience, what, is)
}

// within is eventually with another patience.
func within(t *testing.T, patience time.Duration, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %v", what, patience)
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}
