package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"weir/config"
	"weir/room/auth"
)

const testKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// run executes weir with the arguments and returns what it wrote.
func run(t *testing.T, args ...string) (out, errs string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root := rootCommand()
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(args)
	err = root.ExecuteContext(t.Context())
	return stdout.String(), stderr.String(), err
}

// verify reads a token with the key.
func verify(t *testing.T, key, token string) auth.User {
	t.Helper()
	a, err := auth.New(auth.Options{App: auth.App{ID: 1400000000, Key: auth.Secret(key)}})
	if err != nil {
		t.Fatal(err)
	}
	user, err := a.Verify(t.Context(), auth.DefaultApp, token)
	if err != nil {
		t.Fatalf("the token %q: %v", token, err)
	}
	return user
}

func TestURL(t *testing.T) {
	dir := t.TempDir()
	out, errs, err := run(t, "url", "--room", "my room", "--stream", "cam", "--user", "anna", "--data_dir", dir)
	if err != nil || !strings.Contains(errs, "made a new secret key in "+filepath.Join(dir, keyFile)) {
		t.Fatalf("%v, %q", err, errs)
	}
	if _, errs, err := run(t, "url", "--room", "my room", "--stream", "cam", "--data_dir", dir); err != nil || errs != "" {
		t.Errorf("with the key there: %v, %q", err, errs)
	}
	for _, want := range []string{
		"studio  http://localhost:8080/studio#room=my%20room&stream=cam&usersig=",
		"watch   http://localhost:8080/watch/my%20room/cam\n",
		"flv     http://localhost:8080/live/my%20room/cam.flv\n",
		"hls     http://localhost:8080/live/my%20room/cam.m3u8\n",
		"webrtc  http://localhost:8080/whep/my%20room/cam\n",
		"ws-flv  ws://localhost:8080/live/my%20room/cam.flv\n",
		"whip    http://localhost:8080/whip/my%20room/cam?sign=w1.",
		"rtmp    rtmp://localhost/live/my%20room/cam?sign=w1.",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	key, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	_, fragment, _ := strings.Cut(strings.SplitN(out, "\n", 2)[0], "#")
	fields, err := url.ParseQuery(fragment)
	if err != nil {
		t.Fatal(err)
	}
	if user := verify(t, strings.TrimSpace(string(key)), fields.Get("usersig")); user.ID != "anna" {
		t.Errorf("the token speaks for %q", user.ID)
	}
}

// TestURLOpens: what weir url prints opens the server that has the same configuration, and only what it names.
func TestURLOpens(t *testing.T) {
	t.Setenv("WEIR_AUTH_KEY", testKey)
	cfg := local(t)
	cfg.Auth.Play, cfg.Playback.Wait = playSigned, time.Millisecond
	s, _ := start(t, cfg)
	for _, dialect := range []string{"weir", "tencent", "alibaba"} {
		out, _, err := run(t, "url", "--room", "my room", "--stream", "cam", "--dialect", dialect,
			"--auth.play", "signed", "--http.public_url", "https://live.example.com")
		if err != nil {
			t.Fatal(err)
		}
		opened := 0
		for line := range strings.Lines(out) {
			name, address, _ := strings.Cut(strings.TrimSpace(line), " ")
			path, isHTTP := strings.CutPrefix(strings.TrimSpace(address), "https://live.example.com")
			if !isHTTP || strings.Contains(path, "#") {
				continue
			}
			method := http.MethodGet
			if name == "whip" || name == "webrtc" {
				method = http.MethodPost
			}
			opened++
			if w := ask(s.public.server.Handler, method, path); w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden {
				t.Errorf("%s, %s: %d %s", dialect, path, w.Code, w.Body)
			}
			if w := ask(s.public.server.Handler, method, strings.Replace(path, "my%20room", "room", 1)); w.Code != http.StatusForbidden {
				t.Errorf("%s, %s in another room: %d %s", dialect, path, w.Code, w.Body)
			}
		}
		if opened != 4 {
			t.Errorf("%s: %d addresses in\n%s", dialect, opened, out)
		}
	}
}

func TestUserSig(t *testing.T) {
	t.Setenv("WEIR_AUTH_KEY", testKey)
	out, errs, err := run(t, "usersig", "--user", "anna", "--ttl", "1h", "--data_dir", filepath.Join(t.TempDir(), "none"))
	if err != nil || errs != "" {
		t.Fatalf("%v, %q", err, errs)
	}
	if user := verify(t, testKey, strings.TrimSpace(out)); user.ID != "anna" {
		t.Errorf("the token speaks for %q", user.ID)
	}
}

func TestConfigPrintMasksTheKey(t *testing.T) {
	t.Setenv("WEIR_AUTH_KEY", testKey)
	out, _, err := run(t, "config", "print", "--http.listen", ":9")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, testKey) {
		t.Errorf("the key stands in\n%s", out)
	}
	for _, want := range []string{
		"  listen: \":9\" # flag\n", "  key: \"[redacted]\" # environment\n", "  grace: \"15s\" # default\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	if _, errs, err := run(t, "config", "check", "--config", "../../weir.example.yaml"); err != nil || !strings.Contains(errs, "valid") {
		t.Errorf("the example: %v, %q", err, errs)
	}
	if _, errs, err := run(t, "config", "check", "--auth.publish", "open"); err != nil || !strings.Contains(errs, "warning: auth.publish") {
		t.Errorf("open publishing: %v, %q", err, errs)
	}
	_, _, err := run(t, "config", "check", "--hls.audio", "mp3", "--log.level", "all")
	if err == nil || !strings.Contains(err.Error(), "hls.audio") || !strings.Contains(err.Error(), "log.level") {
		t.Errorf("two wrong values: %v", err)
	}
}

// TestConfigCheckAsServe: what a start of the server would refuse is not called valid, and the error names the key.
func TestConfigCheckAsServe(t *testing.T) {
	for _, c := range []struct{ name, key, value string }{
		{"an unknown placeholder", "relay.rules", `[{"match":"a/*","to":"rtmp://cdn.example.com/live/{name}"}]`},
		{"a protocol of no use", "relay.rules", `[{"match":"a/*","to":"ftp://cdn.example.com/{stream}"}]`},
		{"two to one address", "relay.rules", `[{"match":"a/b","to":"rtmp://cdn.example.com/live/x"},{"match":"a/c","to":"rtmp://CDN.example.com:1935/live/x"}]`},
		{"a passphrase of no use", "relay.rules", `[{"match":"a/b","to":"srt://cdn.example.com:9000?passphrase=short"}]`},
		{"always, and a pattern", "pull.sources", `[{"match":"a/*","from":["https://origin.example.com/x.flv"],"mode":"always"}]`},
		{"a source of no use", "pull.sources", `[{"match":"a/b","from":["srt://origin.example.com:9000"]}]`},
		{"all to one address", "relay.auto.to", "rtmp://cdn.example.com/live/cam"},
		{"relayed by nothing", "relay.auto.to", "webrtc://cdn.example.com/live/{streamid}"},
		{"another app's", "auth.apps[0].autorelay", `[{"id":5,"key":"` + testKey + `","autorelay":{"on":true,"to":"rtmp://cdn.example.com/live/cam"}}]`},
		{"not to be signed", "relay.rules", `[{"match":"a/*","to":"srt://cdn.example.com:9000?streamid={stream}","sign":{"dialect":"tencent","key":"k"}}]`},
		{"no name at the server", "relay.rules", `[{"match":"a/*","to":"rtmp://cdn.example.com/{stream}"}]`},
		{"no such command", "im.rest_rates", "openim/nothing=2"},
	} {
		key, _, _ := strings.Cut(c.key, ".to")
		flag, _, _ := strings.Cut(c.key, "[")
		if _, errs, err := run(t, "config", "check", "--"+flag, c.value); err == nil || !strings.Contains(err.Error(), key+": ") {
			t.Errorf("%s: %v, %q", c.name, err, errs)
		}
	}
}

// TestConfigCheckCertificates: what a server could not start with is seen before.
func TestConfigCheckCertificates(t *testing.T) {
	cfg := local(t)
	selfSigned(t, cfg)
	good, none := []string{"--http.tls.cert", cfg.HTTP.TLS.Cert, "--http.tls.key", cfg.HTTP.TLS.Key}, filepath.Join(cfg.DataDir, "none.pem")
	for _, c := range []struct {
		name string
		args []string
		want string // in the error; empty: it is valid
	}{
		{"there", good, ""},
		{"not there", []string{"--http.tls.cert", none, "--http.tls.key", cfg.HTTP.TLS.Key}, "certificate of http.tls"},
		{"of a domain", append([]string{"--origin.domains", `[{"host":"play.example.com","cert":"` + none + `","key":"` + none + `"}]`}, good...), "certificate of the domain play.example.com"},
		{"of RTMPS", []string{"--rtmp.tls_listen", ":0", "--rtmp.tls.cert", cfg.HTTP.TLS.Cert, "--rtmp.tls.key", cfg.HTTP.TLS.Cert}, "certificate of rtmp.tls"},
	} {
		_, _, err := run(t, append([]string{"config", "check"}, c.args...)...)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCommandsRefuse(t *testing.T) {
	for _, args := range [][]string{
		{"url", "--room", "r"},
		{"url", "--room", "a/b", "--stream", "s"},
		{"url", "--room", "r", "--stream", "s", "--base", "live.example.com"},
		{"usersig"},
		{"usersig", "--user", "a b"},
		{"usersig", "--user", "a", "--ttl", "0s"},
		{"config", "check", "more"},
		{"config", "check", "--im.rest_rates", "openim/nothing=2"},
		{"config", "check", "--http.listn", ":1"},
		{"nothing"},
	} {
		t.Setenv("WEIR_AUTH_KEY", testKey)
		if out, _, err := run(t, args...); err == nil {
			t.Errorf("%q: no error, but %q", args, out)
		}
	}
}

// TestHelp: a command's help has its own flags; those of the configuration, which work all the same, are listed once.
func TestHelp(t *testing.T) {
	const key = "--hls.part"
	for _, args := range [][]string{{"url"}, {"push-url"}, {"usersig"}, {"health"}, {"config", "check"}, {"config", "print"}} {
		out, _, err := run(t, append(args, "--help")...)
		if err != nil || strings.Contains(out, key) || !strings.Contains(out, "--data_dir") || !strings.Contains(out, "weir serve --help") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	if out, _, err := run(t, "serve", "--help"); err != nil || !strings.Contains(out, key) {
		t.Errorf("serve: %v\n%s", err, out)
	}
	if out, _, err := run(t, "config", "print", key, "100ms"); err != nil || !strings.Contains(out, `part: "100ms" # flag`) {
		t.Errorf("a key as a flag: %v\n%s", err, out)
	}
}

func TestVersion(t *testing.T) {
	if out, _, err := run(t, "version"); err != nil || !strings.Contains(out, "go         go1.") {
		t.Errorf("got %v, %q", err, out)
	}
	for _, tc := range []struct{ tags, want string }{{"", "aac        yes (go-aac"}, {"netgo,nolgpl", "aac        no (built with nolgpl)"}} {
		var out strings.Builder
		info := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v0.1.0"}, Settings: []debug.BuildSetting{
			{Key: "-tags", Value: tc.tags},
			{Key: "vcs.revision", Value: "abc"},
			{Key: "vcs.modified", Value: "true"},
			{Key: "GOOS", Value: "linux"},
			{Key: "GOARCH", Value: "amd64"},
		}}
		if err := writeVersion(&out, info); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"weir       v0.1.0\n", "commit     abc with changes\n", "go         go1.26.8 linux/amd64\n", tc.want} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing in\n%s", want, out.String())
			}
		}
	}
}

func TestHealth(t *testing.T) {
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	addr := strings.TrimPrefix(s.URL, "http://")
	if _, _, err := run(t, "health", "--admin.listen", addr); err != nil {
		t.Errorf("a server that is well: %v", err)
	}
	status = http.StatusInternalServerError
	if _, _, err := run(t, "health", "--admin.listen", addr); err == nil {
		t.Error("no error about a server that is not well")
	}
	s.Close()
	if _, _, err := run(t, "health", "--admin.listen", addr); err == nil {
		t.Error("no error about no server")
	}
}

func TestBaseURL(t *testing.T) {
	for _, tc := range []struct {
		addr string
		tls  bool
		want string
	}{
		{":8080", false, "http://localhost:8080"},
		{"0.0.0.0:8080", false, "http://localhost:8080"},
		{"[::]:8080", false, "http://localhost:8080"},
		{"192.0.2.1:8080", false, "http://192.0.2.1:8080"},
		{"[2001:db8::1]:8080", false, "http://[2001:db8::1]:8080"},
		{":80", false, "http://localhost"},
		{":443", false, "http://localhost:443"},
		{":443", true, "https://localhost"},
		{"[2001:db8::1]:443", true, "https://[2001:db8::1]"},
		{"live.example.com:443", true, "https://live.example.com"},
	} {
		cfg := config.Default()
		if tc.tls {
			cfg.HTTP.TLS.Cert = "cert.pem"
		}
		if got := baseURL(cfg, tc.addr); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.addr, got, tc.want)
		}
	}
}

func TestSiteOfRTMP(t *testing.T) {
	for _, tc := range []struct{ listen, secure, base, want string }{
		{":1935", "", "http://localhost:8080", "rtmp://localhost"},
		{":1936", "", "https://live.example.com", "rtmp://live.example.com:1936"},
		{":1935", ":443", "https://live.example.com", "rtmps://live.example.com"},
		{"", "127.0.0.1:1936", "https://live.example.com", "rtmps://live.example.com:1936"},
		{":1935", "", "http://[::1]:8080", "rtmp://[::1]:1935"},
		{"", "", "http://localhost:8080", ""},
	} {
		cfg := config.Default()
		cfg.RTMP.Listen, cfg.RTMP.TLSListen = tc.listen, tc.secure
		s, err := newSites(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.at(tc.base); got.RTMP != tc.want || err != nil {
			t.Errorf("%q and %q of %s: got %q, %v, want %q", tc.listen, tc.secure, tc.base, got.RTMP, err, tc.want)
		}
	}
}
