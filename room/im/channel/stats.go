package channel

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var descRooms = prometheus.NewDesc("weir_im_rooms_active", "Rooms in which something goes on by way of this node.", nil, nil)

// stats are the figures of a channel.
type stats struct {
	c        *Channel
	messages *prometheus.CounterVec
	failures prometheus.Counter
	size     prometheus.Histogram
	late     prometheus.Histogram
	publish  prometheus.Histogram
}

func newStats(c *Channel) *stats {
	return &stats{
		c: c,
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_im_messages_total", Help: "Messages into rooms, by what became of them.",
		}, []string{"result"}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_im_publish_errors_total", Help: "Publications of rooms that did not go out.",
		}),
		size: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_im_window_messages", Help: "Messages and notices in a publication of a room.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100},
		}),
		late: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_im_window_late_seconds", Help: "How much later than planned a window was published.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}),
		publish: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_im_publish_seconds", Help: "What it takes to hand a room's publication to all its connections.",
			Buckets: []float64{.0001, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}),
	}
}

func (s *stats) published(began time.Time, late time.Duration, messages int) {
	s.publish.Observe(time.Since(began).Seconds())
	s.late.Observe(max(late, 0).Seconds())
	s.size.Observe(float64(messages))
}

func (s *stats) collectors() []prometheus.Collector {
	return []prometheus.Collector{s.messages, s.failures, s.size, s.late, s.publish}
}

// Describe implements prometheus.Collector.
func (c *Channel) Describe(ch chan<- *prometheus.Desc) {
	ch <- descRooms
	for _, part := range c.stats.collectors() {
		part.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (c *Channel) Collect(ch chan<- prometheus.Metric) {
	c.mu.RLock()
	active := len(c.rooms)
	c.mu.RUnlock()
	ch <- prometheus.MustNewConstMetric(descRooms, prometheus.GaugeValue, float64(active))
	for _, part := range c.stats.collectors() {
		part.Collect(ch)
	}
}
