package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// local is a configuration whose sockets disturb nobody.
func local(t *testing.T) *config.Config {
	t.Helper()
	cfg := configIn(t.TempDir())
	cfg.Auth.Key = testKey
	cfg.HTTP.Listen, cfg.Admin.Listen, cfg.WebRTC.Listen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.RTMP.Listen = "127.0.0.1:0"
	return cfg
}

// start runs a server, which is ready then, until the test ends, or until stop is called, which waits for it and returns
// its error.
func start(t *testing.T, cfg *config.Config) (s *server, stop func() error) {
	t.Helper()
	s, err := wire(cfg, testKey, discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = s.Run(ctx)
	}()
	stop = func() error {
		cancel()
		<-done
		return err
	}
	t.Cleanup(func() { _ = stop() })
	for deadline := time.Now().Add(patience); !s.ready.Load(); time.Sleep(time.Millisecond) {
		select {
		case <-done:
			t.Fatalf("the server has stopped: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not get ready")
		}
	}
	return s, stop
}

// client keeps no connection, so that nothing of it outlives a test.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestServer(t *testing.T) {
	s, stop := start(t, local(t))
	public, admin := "http://"+s.public.addr(), "http://"+s.admin.addr()
	for _, tc := range []struct {
		url    string
		status int
		part   string
	}{
		{public + "/", 200, "<!doctype html>"},
		{public + "/live", 200, `{"streams":[]}`},
		{public + "/metrics", 404, "not_found"},
		{public + "/debug/pprof/", 404, "not_found"},
		{public + "/healthz", 404, "not_found"},
		{admin + "/healthz", 200, "ok"},
		{admin + "/readyz", 200, "ok"},
		{admin + "/metrics", 200, "weir_streams{state=\"live\"} 0"},
		{admin + "/metrics", 200, "process_open_fds"},
		{admin + "/debug/pprof/", 200, "goroutine"},
	} {
		if status, body := fetch(t, tc.url); status != tc.status || !strings.Contains(body, tc.part) {
			t.Errorf("%s: got %d, want %d with %q", tc.url, status, tc.status, tc.part)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	if _, err := net.Dial("tcp", s.public.addr()); err == nil {
		t.Error("still listening after the stop")
	}
}

// TestReadyWithTheChannel: nobody is told that the server takes requests before the channel takes messages, nor once it stops.
func TestReadyWithTheChannel(t *testing.T) {
	s, err := wire(local(t), testKey, discard)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(s.close(), s.records.Close(), s.uses.Close()) }()
	ctx, cancel := context.WithCancel(t.Context())
	var parts sync.WaitGroup
	parts.Go(func() { _ = s.tellReady(ctx) })
	time.Sleep(20 * time.Millisecond) // nothing is to come, so there is nothing to wait for
	if s.ready.Load() {
		t.Error("it is ready without the channel")
	}
	parts.Go(func() { _ = s.chat.bus.Run(ctx) })
	eventually(t, "it is ready", s.ready.Load)
	cancel()
	parts.Wait()
	if s.ready.Load() {
		t.Error("it is ready when it has stopped")
	}
}

// TestDrain holds a request open over a stop: readiness goes at once, the request is served to its end, and
// the operator's listener answers until then.
func TestDrain(t *testing.T) {
	cfg := local(t)
	cfg.ShutdownTimeout = time.Minute // on a busy machine
	s, err := wire(cfg, testKey, discard)
	if err != nil {
		t.Fatal(err)
	}
	entered, release := make(chan struct{}), make(chan struct{})
	s.public.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "whole")
	})
	ctx, cancel := context.WithCancel(context.Background())
	stopped, answered := make(chan error, 1), make(chan string, 1)
	go func() { stopped <- s.Run(ctx) }()
	go func() {
		res, err := client.Get("http://" + s.public.addr())
		if err != nil {
			answered <- err.Error()
			return
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		answered <- string(body)
	}()
	<-entered
	cancel()
	for deadline := time.Now().Add(patience); ; {
		status, body := fetch(t, "http://"+s.admin.addr()+"/readyz")
		if status == http.StatusServiceUnavailable && strings.Contains(body, "shutting_down") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still ready: %d %s", status, body)
		}
	}
	close(release)
	if got := <-answered; got != "whole" {
		t.Errorf("the open request got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestStopCutsWhatDoesNotEnd: a request that never ends holds the stop no longer than the timeout.
func TestStopCutsWhatDoesNotEnd(t *testing.T) {
	cfg := local(t)
	cfg.ShutdownTimeout = 0
	s, err := wire(cfg, testKey, discard)
	if err != nil {
		t.Fatal(err)
	}
	entered := make(chan struct{})
	s.public.server.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(context.Background())
	stopped, answered := make(chan error, 1), make(chan error, 1)
	go func() { stopped <- s.Run(ctx) }()
	go func() {
		res, err := client.Get("http://" + s.public.addr())
		if err == nil {
			_ = res.Body.Close()
		}
		answered <- err
	}()
	<-entered
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if err := <-answered; err == nil {
		t.Error("the request got an answer")
	}
}

func TestServeTLS(t *testing.T) {
	cfg := local(t)
	cert := selfSigned(t, cfg)
	s, _ := start(t, cfg)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	c := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots},
	}}
	res, err := c.Get("https://" + s.public.addr() + "/live")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
		t.Errorf("got %d over %s", res.StatusCode, res.Proto)
	}
}

// TestRTMPS: RTMP over TLS answers its handshake with the certificate of the main listener, and RTMP beside it.
func TestRTMPS(t *testing.T) {
	cfg := local(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(selfSigned(t, cfg))
	cfg.RTMP.TLSListen = "127.0.0.1:0"
	s, _ := start(t, cfg)
	for name, dial := range map[string]func() (net.Conn, error){
		"RTMP":  func() (net.Conn, error) { return net.Dial("tcp", s.rtmpAddr.String()) },
		"RTMPS": func() (net.Conn, error) { return tls.Dial("tcp", s.rtmpsAddr.String(), &tls.Config{RootCAs: roots}) },
	} {
		c, err := dial()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		hello := append([]byte{3}, make([]byte, 1536)...) // C0 and C1
		answer := make([]byte, 1+2*1536)
		_, err = c.Write(hello)
		if err == nil {
			_, err = io.ReadFull(c, answer)
		}
		if err != nil || answer[0] != 3 {
			t.Errorf("%s: version %d, %v", name, answer[0], err)
		}
		_ = c.Close()
	}
}

// selfSigned writes a certificate for 127.0.0.1 into data_dir and configures it.
func selfSigned(t *testing.T, cfg *config.Config) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	cfg.HTTP.TLS.Cert, cfg.HTTP.TLS.Key = filepath.Join(cfg.DataDir, "cert.pem"), filepath.Join(cfg.DataDir, "key.pem")
	for name, text := range map[string][]byte{
		cfg.HTTP.TLS.Cert: cert,
		cfg.HTTP.TLS.Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert
}

func TestWireFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for _, tc := range []struct {
		name, want string
		set        func(*config.Config)
	}{
		{"address in use", "cannot listen for http", func(c *config.Config) { c.HTTP.Listen = taken.Addr().String() }},
		{"operator's address in use", "cannot listen for admin", func(c *config.Config) { c.Admin.Listen = taken.Addr().String() }},
		{"RTMP's address in use", "cannot listen for rtmp", func(c *config.Config) { c.RTMP.Listen = taken.Addr().String() }},
		{"no certificate for RTMPS", "rtmp.tls", func(c *config.Config) {
			c.RTMP.TLSListen, c.RTMP.TLS = "127.0.0.1:0", config.TLS{Cert: "none.pem", Key: "none.pem"}
		}},
		{"no certificate", "http.tls", func(c *config.Config) { c.HTTP.TLS.Cert, c.HTTP.TLS.Key = "none.pem", "none.pem" }},
	} {
		cfg := local(t)
		tc.set(cfg)
		if _, err := wire(cfg, testKey, discard); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.want)
		}
	}
}

// TestServeKeepsTokensOutOfFiles: without a terminal neither the output nor the log has a link with a token.
func TestServeKeepsTokensOutOfFiles(t *testing.T) {
	cfg := local(t)
	cfg.Auth.Key = ""
	cfg.Auth.Publish = "open"
	var out, logged bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // it starts, and stops at once
	log := slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if err := serve(ctx, cfg, &out, log); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(cfg.DataDir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	if out.Len() != 0 {
		t.Errorf("the output has %q", out.String())
	}
	for _, secret := range []string{strings.TrimSpace(string(key)), "usersig="} {
		if strings.Contains(logged.String(), secret) {
			t.Errorf("%q stands in the log:\n%s", secret, logged.String())
		}
	}
	for _, want := range []string{"made the app's secret key", "weir url --room demo --stream cam", "auth.publish is open", `"msg":"stopped"`} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("%q is missing in the log:\n%s", want, logged.String())
		}
	}
}

func TestLogFormats(t *testing.T) {
	for _, tc := range []struct{ level, format, want string }{
		{"info", "auto", `"msg":"b","took":"1.5s"`},
		{"info", "json", `"msg":"b","took":"1.5s"`},
		{"info", "text", `msg=b took=1.5s`},
		{"debug", "text", `msg=a`},
		{"error", "text", ``},
	} {
		var out bytes.Buffer
		log := newLog(&out, config.Log{Level: tc.level, Format: tc.format})
		log.Debug("a")
		log.Info("b", "took", 1500*time.Millisecond)
		if got := out.String(); !strings.Contains(got, tc.want) || tc.want == "" && got != "" || tc.level == "info" && strings.Contains(got, "msg=a") {
			t.Errorf("%s %s: got %q", tc.level, tc.format, got)
		}
	}
}
