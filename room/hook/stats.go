package hook

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/room/store"
)

// countEach is how often the queue is counted.
const countEach = 5 * time.Second

// stats are the figures of Hooks.
type stats struct {
	asks    *prometheus.CounterVec // by command and outcome
	seconds *prometheus.HistogramVec
	fails   *prometheus.CounterVec // by reason

	told, dropped, delivered, buried prometheus.Counter

	queue, buffered, dead, oldest *prometheus.Desc

	backlog atomic.Pointer[store.Backlog] // as it was a while ago
}

func newStats() *stats {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "weir_hook_" + name, Help: help})
	}
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("weir_hook_"+name, help, nil, nil)
	}
	s := &stats{
		asks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_hook_asked_total", Help: "Receivers asked, by command and what came of it.",
		}, []string{"command", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "weir_hook_seconds", Help: "How long calls took, of those asked and of those told.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2, 5},
		}, []string{"way"}),
		fails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_hook_failed_total", Help: "Calls that failed, by way and reason.",
		}, []string{"way", "reason"}),
		told:      counter("told_total", "Events to be told."),
		dropped:   counter("dropped_total", "Events that were not told, since the queue was full."),
		delivered: counter("delivered_total", "Events that were delivered."),
		buried:    counter("buried_total", "Events that were given up."),
		queue:     desc("queue", "Events that wait in the queue."),
		buffered:  desc("buffered", "Events that wait for the disk."),
		dead:      desc("dead", "Events that were given up and are kept."),
		oldest:    desc("oldest_seconds", "Age of the oldest event that waits."),
	}
	s.backlog.Store(new(store.Backlog))
	return s
}

// The ways of calls.
const (
	wayAsk  = "ask"
	wayTell = "tell"
)

// asked counts an Ask.
func (s *stats) asked(command string, v Verdict, err error, took time.Duration) {
	s.asks.WithLabelValues(command, outcome(v, err)).Inc()
	s.call(wayAsk, err, took)
}

// permitted counts a MayPublish or MayPlay.
func (s *stats) permitted(k Kind, refused bool, err error, took time.Duration) {
	var v Verdict
	if refused {
		v.Code = 1
	}
	s.asked(string(k), v, err, took)
}

func outcome(v Verdict, err error) string {
	switch {
	case err != nil:
		return "failed"
	case v.Code == Dropped:
		return "dropped"
	case v.Code != 0:
		return "denied"
	case v.Body != nil || v.Cloud != nil || len(v.Refused) > 0:
		return "changed"
	default:
		return "allowed"
	}
}

// sent counts a try to deliver.
func (s *stats) sent(err error, took time.Duration) {
	if err == nil {
		s.delivered.Inc()
	}
	s.call(wayTell, err, took)
}

func (s *stats) call(way string, err error, took time.Duration) {
	s.seconds.WithLabelValues(way).Observe(took.Seconds())
	if err == nil {
		return
	}
	why := reason("other")
	if f := (*failure)(nil); errors.As(err, &f) {
		why = f.reason
	}
	s.fails.WithLabelValues(way, string(why)).Inc()
}

// count looks at the queue now and then until ctx is done.
func (h *Hooks) count(ctx context.Context) {
	tick := time.NewTicker(countEach)
	defer tick.Stop()
	for {
		if b, err := h.opts.Queue.Backlog(ctx); err == nil {
			h.stats.backlog.Store(&b)
		} else if ctx.Err() == nil && h.unread.enter(h.now()) {
			h.log.Error("callbacks queue unread", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Describe implements prometheus.Collector.
func (h *Hooks) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range h.stats.collectors() {
		c.Describe(ch)
	}
	for _, d := range []*prometheus.Desc{h.stats.queue, h.stats.buffered, h.stats.dead, h.stats.oldest} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (h *Hooks) Collect(ch chan<- prometheus.Metric) {
	for _, c := range h.stats.collectors() {
		c.Collect(ch)
	}
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	b := h.stats.backlog.Load()
	age := 0.0
	if !b.Oldest.IsZero() {
		age = max(0, h.now().Sub(b.Oldest).Seconds())
	}
	gauge(h.stats.queue, float64(b.Waiting))
	gauge(h.stats.buffered, float64(h.buffer.len()))
	gauge(h.stats.dead, float64(b.Dead))
	gauge(h.stats.oldest, age)
}

func (s *stats) collectors() []prometheus.Collector {
	return []prometheus.Collector{s.asks, s.seconds, s.fails, s.told, s.dropped, s.delivered, s.buried}
}
