package edge

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/room/live"
)

// TestOriginThatDoesNotAnswer: log and figures tell the same reason, once while it stays, and tell when it is over.
func TestOriginThatDoesNotAnswer(t *testing.T) {
	at := &handler{}
	origin := runBehind(t, at, nil)
	well := at.h
	var lines bytes.Buffer // nothing but do writes to it, which is called below
	front := run(t, func(o *Options, _ *live.Options) { o.Log = slog.New(slog.NewTextHandler(&lines, nil)) }, origin.url())
	status := func(n int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) })
	}
	host := strings.TrimPrefix(origin.url(), "http://")
	ask := func() {
		resp, err := front.edge.client.do(t.Context(), http.MethodHead, address(origin.url(), testKey), nil)
		if err == nil {
			resp.Body.Close()
		}
	}
	ask()
	if lines.Len() > 0 {
		t.Errorf("an origin that never failed: %s", &lines)
	}
	for _, c := range []struct {
		name string
		by   http.Handler
		want string // a reason; empty: it answers
	}{
		{"nobody listens", nil, whyConnect},
		{"another key", status(http.StatusForbidden), whyRefused},
		{"no key, or no weir", status(http.StatusNotFound), whyNoEdge},
		{"a proxy before a dead node", status(http.StatusBadGateway), whyProtocol},
		{"it is back, without the stream", well, ""},
	} {
		lines.Reset()
		at.set(c.by)
		ask()
		ask()
		told, up := "msg=\"origin does not answer\" origin="+host+" reason="+c.want+" ", 0.0
		if c.want == "" {
			told, up = "msg=\"origin answers\" origin="+host+"\n", 1
		}
		if got := lines.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, told) {
			t.Errorf("%s: the log has %q, want once %q", c.name, got, told)
		}
		if got := testutil.ToFloat64(front.edge.client.health.up.WithLabelValues(host)); got != up {
			t.Errorf("%s: weir_edge_origin_up is %v", c.name, got)
		}
		if c.want == "" {
			continue
		}
		if n := testutil.ToFloat64(front.edge.client.health.failures.WithLabelValues(host, c.want)); n != 2 {
			t.Errorf("%s: %v failures are counted as %s", c.name, n, c.want)
		}
	}
}

// TestBrokenOffQuestion: that nobody waits for an answer any more is no fault of the origin; that none came in time is.
func TestBrokenOffQuestion(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	silent, lost := context.WithCancelCause(t.Context())
	lost(errLost)
	for _, c := range []struct {
		name string
		ctx  context.Context
		want string
	}{
		{"broken off", over, ""},
		{"in vain", late, whyTimeout},
		{"without the head of a stream", silent, whyTimeout},
		{"the connection failed", t.Context(), whyConnect},
	} {
		if got := reasonOf(c.ctx, nil, errTest); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
