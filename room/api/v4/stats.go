package v4

import "github.com/prometheus/client_golang/prometheus"

// Stats counts calls. It is a prometheus.Collector.
type Stats struct {
	calls *prometheus.CounterVec
}

func newStats() *Stats {
	return &Stats{calls: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "weir_rest_calls_total",
		Help: "Calls of /v4 by command and result: ok, refused, or failed by a fault of the server.",
	}, []string{"command", "result"})}
}

// count counts a call. Commands that there are not share one name, so that nobody outside makes names.
func (s *Stats) count(of *service, c *command, err error) {
	name, result := "unknown", "ok"
	if c != nil {
		name = of.name + "/" + c.name
	}
	switch {
	case err != nil && isOurs(err):
		result = "failed"
	case err != nil:
		result = "refused"
	}
	s.calls.WithLabelValues(name, result).Inc()
}

// Describe is part of prometheus.Collector.
func (s *Stats) Describe(out chan<- *prometheus.Desc) { s.calls.Describe(out) }

// Collect is part of prometheus.Collector.
func (s *Stats) Collect(out chan<- prometheus.Metric) { s.calls.Collect(out) }

// Stats counts the calls.
func (a *API) Stats() *Stats { return a.stats }
