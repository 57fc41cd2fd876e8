package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/config"
	"weir/ingest/whip"
	"weir/room/api"
	"weir/room/auth"
)

// examine asks a whole server for its diagnosis, as an administrator.
func examine(t *testing.T, cfg *config.Config) api.Diagnosis {
	t.Helper()
	s, _ := start(t, cfg)
	sig, err := auth.Sign(newApp(cfg, testKey), "administrator", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/api/v1/doctor", nil)
	r.Header.Set("Authorization", "Bearer "+sig)
	w := httptest.NewRecorder()
	s.public.server.Handler.ServeHTTP(w, r)
	var d api.Diagnosis
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if d.MediaPort != s.engine.Port() {
		t.Errorf("the port is %d, want %d", d.MediaPort, s.engine.Port())
	}
	return d
}

func TestDoctor(t *testing.T) {
	cfg := local(t)
	cfg.WebRTC.ICEServers = []string{"stun:stun.example.com"}
	d := examine(t, cfg)
	if time.Since(d.Time).Abs() > time.Minute || d.HTTPS || !slices.Contains(d.Video, "h264") || len(d.ICEServers) != 1 || len(d.Failures) != 0 {
		t.Errorf("%+v", d)
	}
	for _, protocol := range []string{"udp", "tcp"} {
		if !slices.ContainsFunc(d.Candidates, func(c api.Candidate) bool {
			return c.Protocol == protocol && c.Address == "127.0.0.1" && c.Scope == "loopback" && c.Answered
		}) {
			t.Errorf("%s does not answer: %+v", protocol, d.Candidates)
		}
	}
	if !says(d, "plain HTTP") || !says(d, "webrtc.public_ips") {
		t.Errorf("%q", d.Advice)
	}
}

// A public address that this machine does not have is told apart from a port that is closed.
func TestDoctorBehindNAT(t *testing.T) {
	cfg := local(t)
	cfg.WebRTC.PublicIPs = []string{"127.255.255.254"}
	if d := examine(t, cfg); !says(d, "try it from elsewhere") || says(d, "firewall on this machine") {
		t.Errorf("%q", d.Advice)
	}
}

func says(d api.Diagnosis, part string) bool {
	return slices.ContainsFunc(d.Advice, func(a string) bool { return strings.Contains(a, part) })
}

// Programs go through the lists, so an empty one is never null.
func TestDoctorHasNoNull(t *testing.T) {
	d := examine(t, local(t))
	d.Failures = append(d.Failures, failed(whip.Failure{}))
	b, err := json.Marshal(d)
	if err != nil || strings.Contains(string(b), "null") {
		t.Errorf("%s %v", b, err)
	}
}
