package people

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"weir/room/im"
)

// stats counts messages.
type stats struct {
	messages                        *prometheus.CounterVec
	sent, repeated, refused, failed prometheus.Counter
}

func newStats() stats {
	messages := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "weir_im_c2c_messages_total",
		Help: "Messages to accounts, by what became of them.",
	}, []string{"result"})
	return stats{
		messages: messages, sent: messages.WithLabelValues("sent"), repeated: messages.WithLabelValues("repeated"),
		refused: messages.WithLabelValues("refused"), failed: messages.WithLabelValues("failed"),
	}
}

func (s stats) count(err error) {
	switch {
	case err == nil:
		s.sent.Inc()
	case errors.As(err, new(*im.Error)):
		s.refused.Inc()
	default:
		s.failed.Inc()
	}
}

// Describe implements prometheus.Collector.
func (p *People) Describe(ch chan<- *prometheus.Desc) { p.stats.messages.Describe(ch) }

// Collect implements prometheus.Collector.
func (p *People) Collect(ch chan<- prometheus.Metric) { p.stats.messages.Collect(ch) }
