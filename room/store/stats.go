package store

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Stats are the store's figures. It is a prometheus.Collector.
type Stats struct {
	commits prometheus.Histogram
	writes  prometheus.Counter
	errors  *prometheus.CounterVec
	rows    *prometheus.Desc
	kept    atomic.Int64
	history atomic.Int64
	waiting atomic.Int64 // roughly, where several nodes share a database
	dead    atomic.Int64
}

func newStats() *Stats {
	return &Stats{
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_store_commit_seconds", Help: "What a transaction takes, until it is on the disk.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5, 30},
		}),
		writes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_store_writes_total", Help: "Writes that were asked for; several share a transaction.",
		}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_store_errors_total", Help: "Calls that failed, by what was wrong.",
		}, []string{"reason"}),
		rows: prometheus.NewDesc("weir_store_rows", "Rows that wait for somebody.", []string{"kind"}, nil),
	}
}

// failed counts an error that is a fault, and none that is an answer.
func (s *Stats) failed(err error) {
	reason := "other"
	var no refusal
	switch {
	case err == nil, errors.As(err, &no), errors.Is(err, ErrNotFound), errors.Is(err, ErrExists), errors.Is(err, ErrBadText):
		return
	case errors.Is(err, ErrNoSpace):
		reason = "no_space"
	case errors.Is(err, ErrFull):
		reason = "full"
	case errors.Is(err, ErrDamaged):
		reason = "damaged"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		reason = "time"
	}
	s.errors.WithLabelValues(reason).Inc()
}

func (s *Stats) committed(took time.Duration, writes int) {
	s.commits.Observe(took.Seconds())
	s.writes.Add(float64(writes))
}

// Describe implements prometheus.Collector.
func (s *Stats) Describe(to chan<- *prometheus.Desc) {
	s.commits.Describe(to)
	s.writes.Describe(to)
	s.errors.Describe(to)
	to <- s.rows
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(to chan<- prometheus.Metric) {
	s.commits.Collect(to)
	s.writes.Collect(to)
	s.errors.Collect(to)
	for kind, n := range map[string]*atomic.Int64{"kept": &s.kept, "history": &s.history, "waiting": &s.waiting, "dead": &s.dead} {
		to <- prometheus.MustNewConstMetric(s.rows, prometheus.GaugeValue, float64(n.Load()), kind)
	}
}
