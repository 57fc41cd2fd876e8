package pull

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// journal is a log that is written by several goroutines.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// TestSameReasonEverywhere: of a pull without a source the log, the figures, the API and the events tell the same state and reason,
// and the words say what can be done where something can.
func TestSameReasonEverywhere(t *testing.T) {
	missing := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	inside := strings.Replace(missing, "127.0.0.1", "localhost", 1) // of a task of the API, which leads to public addresses alone
	for _, c := range []struct {
		task          Task
		reason, words string
	}{
		{always(missing), "refused", "it answers 404"},
		{always("http://127.0.0.1:1/"), "connect", "refused"},
		{always(inside), "address", "outgoing.allow"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			var lines journal
			g := newGround(t, func(o *Options) {
				o.Log = slog.New(slog.NewTextHandler(&lines, nil))
				if c.reason != "address" {
					o.Sources = []Task{c.task}
				}
			})
			if c.reason == "address" {
				if _, err := g.m.Add(t.Context(), c.task); err != nil {
					t.Fatal(err)
				}
			}
			await(t, "it failed", func() bool {
				return strings.Contains(g.told.states(), "waiting") && strings.Contains(lines.String(), "waiting")
			})
			if s := g.status(); s.Reason != c.reason || !strings.Contains(s.Error, c.words) {
				t.Errorf("the API shows %s: %s", s.Reason, s.Error)
			}
			line, _, _ := strings.Cut(lines.String(), "\n")
			if !strings.Contains(line, `msg="pull waiting"`) || !strings.Contains(line, " reason="+c.reason+" ") || !strings.Contains(line, c.words) {
				t.Errorf("the log has %s", line)
			}
			if n := testutil.ToFloat64(g.m.stats.failures.WithLabelValues(c.reason)); n == 0 {
				t.Error("no failure is counted by this reason")
			}
			g.stop()
			if end := g.told.last(); end.Relay.State != "ended" || end.Reason != "shutdown" {
				t.Errorf("told last: %s, %s", end.Relay.State, end.Reason)
			}
			if !strings.Contains(lines.String(), `msg="pull ended"`) || !strings.Contains(lines.String(), " reason=shutdown ") {
				t.Errorf("the log ends with %s", lines.String()[max(0, lines.text.Len()-300):])
			}
		})
	}
}
