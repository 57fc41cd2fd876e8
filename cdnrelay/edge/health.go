package edge

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Why an origin does not answer, as logs and figures say it.
const (
	whyConnect  = "connect"  // no connection comes about, or it breaks
	whyTimeout  = "timeout"  // no answer in time
	whyRefused  = "refused"  // it has another edge.key
	whyNoEdge   = "no_edge"  // it has no edge.key, or is no weir
	whyProtocol = "protocol" // it answers with another status than nodes do
)

// health is which origins answer. That one does no longer, or again, is told once.
type health struct {
	log      *slog.Logger
	up       *prometheus.GaugeVec   // by origin
	failures *prometheus.CounterVec // by origin and reason

	mu  sync.Mutex        // guards why
	why map[string]string // by host of the origin; empty: it answers
}

func newHealth(log *slog.Logger) *health {
	return &health{
		log: log, why: make(map[string]string),
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "weir_edge_origin_up", Help: "Whether an origin has answered what it was asked last.",
		}, []string{"origin"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_edge_origin_failures_total", Help: "Questions that an origin did not answer, by reason.",
		}, []string{"origin", "reason"}),
	}
}

// note takes how a question to an origin ended: with an answer, or with err. One that this node has broken off says nothing.
func (h *health) note(ctx context.Context, origin string, resp *http.Response, err error) {
	why := reasonOf(ctx, resp, err)
	if why == "" && err != nil {
		return
	}
	if why != "" {
		h.failures.WithLabelValues(origin, why).Inc()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	before, known := h.why[origin]
	if known && before == why {
		return
	}
	h.why[origin] = why
	if why == "" {
		h.up.WithLabelValues(origin).Set(1)
		if known {
			h.log.Info("origin answers", "origin", origin)
		}
		return
	}
	h.up.WithLabelValues(origin).Set(0)
	var with *url.Error
	switch {
	case err == nil:
		err = errors.New("it answers " + resp.Status)
	case errors.As(err, &with):
		err = with.Err // without the address, which the origin stands for
	}
	h.log.Warn("origin does not answer", "origin", origin, "reason", why, "error", err)
}

// reasonOf is why there is no answer of a node; empty when there is one, or when nobody waits for it any more.
func reasonOf(ctx context.Context, resp *http.Response, err error) string {
	var late net.Error
	switch cause := context.Cause(ctx); {
	case err == nil:
		return statusReason(resp)
	case errors.Is(cause, context.DeadlineExceeded), errors.Is(cause, errLost):
		return whyTimeout
	case cause != nil:
		return ""
	case errors.As(err, &late) && late.Timeout():
		return whyTimeout
	default:
		return whyConnect
	}
}

// statusReason is what is wrong with an answer's status.
func statusReason(resp *http.Response) string {
	switch status := resp.StatusCode; {
	case status/100 == 2, status == http.StatusLoopDetected, resp.Header.Get(headerState) != "":
		return ""
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return whyRefused
	case status == http.StatusNotFound:
		return whyNoEdge
	default:
		return whyProtocol
	}
}
