package push

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Stats are the figures of all pushes. It is a prometheus.Collector.
type Stats struct {
	m           *Manager
	connections *prometheus.CounterVec // by protocol
	failures    *prometheus.CounterVec // by protocol and reason

	tasks, destinations, lag *prometheus.Desc
	bytes, frames, lagged    *prometheus.Desc

	mu     sync.Mutex // guards totals
	totals map[string]*counts
}

func newStats(m *Manager) *Stats {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	s := &Stats{
		m: m, totals: make(map[string]*counts),
		connections:  vec("weir_push_connections_total", "Connections to push targets that were tried.", "protocol"),
		failures:     vec("weir_push_failures_total", "Connections to push targets that failed or broke.", "protocol", "reason"),
		tasks:        desc("weir_push_relays", "Relays that push, by who made them.", "origin"),
		destinations: desc("weir_push_destinations", "Destinations of live streams, by state.", "protocol", "state"),
		lag:          desc("weir_push_lag_seconds", "How far the slowest running destination is behind its stream.", "protocol"),
		bytes:        desc("weir_push_bytes_total", "Bytes sent to destinations.", "protocol"),
		frames:       desc("weir_push_frames_total", "Access units sent to destinations.", "protocol"),
		lagged:       desc("weir_push_lagged_total", "Destinations that fell behind and skipped to a later key frame.", "protocol"),
	}
	for protocol := range m.opts.Outputs {
		s.totals[protocol] = new(counts)
		s.connections.WithLabelValues(protocol)
	}
	return s
}

// total is what all destinations of a protocol count in. Protocols are those of Options.Outputs.
func (s *Stats) total(protocol string) *counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.totals[protocol]; c != nil {
		return c
	}
	return new(counts)
}

func (s *Stats) connected(protocol string) { s.connections.WithLabelValues(protocol).Inc() }

func (s *Stats) failed(protocol, reason string) { s.failures.WithLabelValues(protocol, reason).Inc() }

// Describe implements prometheus.Collector.
func (s *Stats) Describe(ch chan<- *prometheus.Desc) {
	s.connections.Describe(ch)
	s.failures.Describe(ch)
	for _, d := range []*prometheus.Desc{s.tasks, s.destinations, s.lag, s.bytes, s.frames, s.lagged} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(ch chan<- prometheus.Metric) {
	s.connections.Collect(ch)
	s.failures.Collect(ch)
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	tasks, states, lag := s.m.census()
	for _, o := range []Origin{OriginRule, OriginAPI, OriginCallback, OriginAuto} {
		gauge(s.tasks, float64(tasks[o]), string(o))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for protocol, c := range s.totals {
		for _, state := range []State{Connecting, Running, Waiting, Failed} {
			gauge(s.destinations, float64(states[cell{protocol, state}]), protocol, string(state))
		}
		gauge(s.lag, lag[protocol].Seconds(), protocol)
		count := func(d *prometheus.Desc, v uint64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), protocol)
		}
		count(s.bytes, c.bytes.Load())
		count(s.frames, c.frames.Load())
		count(s.lagged, c.lags.Load())
	}
}

// cell is what destinations are counted by.
type cell struct {
	protocol string
	state    State
}

// census counts tasks by their origins and destinations of live streams, and finds the longest lag of each protocol.
func (m *Manager) census() (tasks map[Origin]int, states map[cell]int, lag map[string]time.Duration) {
	tasks, states, lag = make(map[Origin]int), make(map[cell]int), make(map[string]time.Duration)
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, t := range m.all {
		tasks[t.Origin]++
		for _, s := range m.past[id] {
			if s.State == Failed && m.streams[s.Key] != nil {
				protocol, _, _ := strings.Cut(s.URL, ":")
				states[cell{protocol, Failed}]++
			}
		}
	}
	for d := range m.running {
		s := d.now()
		states[cell{d.protocol, s.State}]++
		lag[d.protocol] = max(lag[d.protocol], s.Lag)
	}
	return tasks, states, lag
}
