package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Run cleans when it starts, tells what is left, and ends with its context.
func TestRun(t *testing.T) {
	g := &ground{opts: Options{Path: filepath.Join(t.TempDir(), "weir.db")}, now: noon}
	g.opts.Now = g.clock
	s := g.open(t)
	fill(t, s, 1)
	g.pass(2 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	for deadline := time.Now().Add(30 * time.Second); rowsOf(t, s)["kept"]+rowsOf(t, s)["history"] > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what is over is still there")
		}
	}
	cancel()
	ok(t, <-done)

	registry := prometheus.NewPedanticRegistry()
	ok(t, registry.Register(s.Stats()))
	families, err := registry.Gather()
	ok(t, err)
	rows := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "weir_store_rows" {
				rows[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	if rows["waiting"] != 1 || len(rows) != 4 {
		t.Errorf("rows: %v", rows)
	}
}
