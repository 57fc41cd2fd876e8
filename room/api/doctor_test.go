package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
)

// told is a Doctor that tells what it is told.
type told struct {
	diagnosis Diagnosis
	err       error
}

func (d told) Diagnose(context.Context) (Diagnosis, error) { return d.diagnosis, d.err }

func TestDoctor(t *testing.T) {
	a := newAPI(t, streams)
	a.doctor = told{diagnosis: Diagnosis{
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), MediaPort: 8189,
		Candidates: []Candidate{{Protocol: "udp", Address: "192.0.2.1", Port: 8189, Scope: "public", Answered: true}},
		Failures:   []FailedSession{{Room: "r", Stage: "ice", Pairs: []PathTest{{Local: "udp 192.0.2.1 8189 host", State: "in-progress"}}}},
		Advice:     []string{},
	}}
	for token, status := range map[string]int{"": http.StatusUnauthorized, "x": http.StatusUnauthorized, sign(t, "host"): http.StatusForbidden} {
		if w := ask(a.Doctor, token); w.Code != status || strings.Contains(w.Body.String(), "8189") {
			t.Errorf("%d %s, want %d", w.Code, w.Body, status)
		}
	}
	w := ask(a.Doctor, sign(t, "root"))
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	var got Diagnosis
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(w.Body.String(), `"time":"2026-01-02T03:04:05Z"`) || got.MediaPort != 8189 || got.Failures[0].Pairs[0].State != "in-progress" {
		t.Errorf("%s", w.Body)
	}
	a.doctor = told{err: errors.New("a secret of the inside")}
	a.log = slog.New(slog.DiscardHandler)
	if w := ask(a.Doctor, sign(t, "root")); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
