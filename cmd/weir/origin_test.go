package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/config"
	"weir/room/live"
)

// writeCert makes a certificate for a name.
func writeCert(t *testing.T, dir, name string) config.TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := config.TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	for file, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func nameOf(t *testing.T, c *tls.Certificate) string {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.Subject.CommonName
}

// TestCertificates: each name has its own certificate, everybody else the listener's, and one whose files change is read
// again; while they are broken the one from before goes on.
func TestCertificates(t *testing.T) {
	others, own := writeCert(t, t.TempDir(), "others.example"), t.TempDir()
	files := writeCert(t, own, "play.example")
	c, err := loadCertificates("http.tls", others, config.Domains{{Host: "play.example", Cert: files.Cert, Key: files.Key}, {Host: "bare.example"}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"play.example": "play.example", "PLAY.example": "play.example", "bare.example": "others.example", "": "others.example"} {
		got, err := c.of(&tls.ClientHelloInfo{ServerName: name})
		if err != nil || nameOf(t, got) != want {
			t.Errorf("%q: the certificate of %s, %v; want that of %s", name, nameOf(t, got), err, want)
		}
	}
	at := time.Now()
	step := func(what, want string) {
		t.Helper()
		at = at.Add(certificateAge + time.Second)
		if got := nameOf(t, c.named["play.example"].now(at)); got != want {
			t.Errorf("%s: the certificate of %s, want that of %s", what, got, want)
		}
	}
	writeCert(t, own, "renewed.example")
	if got := nameOf(t, c.named["play.example"].now(at)); got != "play.example" {
		t.Errorf("at once: that of %s", got)
	}
	step("renewed", "renewed.example")
	if err := os.WriteFile(files.Key, []byte("half of a ke"), 0o600); err != nil {
		t.Fatal(err)
	}
	step("broken", "renewed.example")
	if err := os.Remove(files.Cert); err != nil {
		t.Fatal(err)
	}
	step("gone", "renewed.example")
	writeCert(t, own, "again.example")
	step("well again", "again.example")
}

// TestDomainCertificate: a client that names a domain sees its certificate.
func TestDomainCertificate(t *testing.T) {
	cfg := local(t)
	cfg.HTTP.TLS = writeCert(t, t.TempDir(), "others.example")
	files := writeCert(t, t.TempDir(), "play.example")
	cfg.Origin.Domains = config.Domains{{Host: "play.example", Cert: files.Cert, Key: files.Key}}
	s, _ := start(t, cfg)
	for _, name := range []string{"play.example", "others.example"} {
		conn, err := tls.Dial("tcp", s.public.addr(), &tls.Config{ServerName: name, InsecureSkipVerify: true}) //nolint:gosec // it is looked at below
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().PeerCertificates[0].Subject.CommonName; got != name {
			t.Errorf("%s: the certificate of %s", name, got)
		}
		_ = conn.Close()
	}
}

// TestPublicHealth: a probe hears that the server is well, and while it stops that it is not.
func TestPublicHealth(t *testing.T) {
	hub := live.NewRegistry(live.Options{})
	ready := true
	h := health{ready: func() bool { return ready }, hub: hub}
	if w := ask(h, http.MethodGet, "/health"); w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" || w.Body.String() != "{\"status\":\"ok\"}\n" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	ready = false
	if w := ask(h, http.MethodGet, "/health"); w.Code != http.StatusServiceUnavailable || codeOf(t, w) != "shutting_down" {
		t.Errorf("while it stops: %d %s", w.Code, w.Body)
	}
}

// TestPeer: who is behind a trusted proxy counts for viewers, and the proxy itself for pulls.
func TestPeer(t *testing.T) {
	cfg := local(t)
	cfg.HTTP.TrustedProxies = []string{"192.0.2.0/24"}
	at, err := newSites(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for remote, want := range map[string]struct{ host, peer, client string }{
		"192.0.2.1:5":    {"play.example", "192.0.2.1", "203.0.113.9:0"},
		"198.51.100.7:5": {"weir.example", "198.51.100.7", "198.51.100.7:5"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/live/r/s.flv", nil).WithContext(context.Background())
		r.Host, r.RemoteAddr = "weir.example", remote
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		r.Header.Set("X-Forwarded-Host", "play.example")
		at.restore(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if at.host(r) != want.host || peer(r).String() != want.peer || r.RemoteAddr != want.client {
				t.Errorf("%s: host %s, peer %v, client %s", remote, at.host(r), peer(r), r.RemoteAddr)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	}
}
