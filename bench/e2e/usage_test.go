package e2e

import (
	"strconv"
	"testing"
	"time"
)

// consumption is what a server uses.
type consumption struct{ goroutines, descriptors, memory float64 }

func usageOf(t *testing.T, s *server) consumption {
	t.Helper()
	number := func(name string) float64 {
		v, err := strconv.ParseFloat(s.metric(t, name), 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return v
	}
	return consumption{number("go_goroutines"), number("process_open_fds"), number("process_resident_memory_bytes")}
}

// goroutinesEnd waits until a server has no more goroutines than some; which there are, it says when they stay.
func (s *server) goroutinesEnd(t *testing.T, most float64) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for usageOf(t, s).goroutines > most {
		if time.Now().After(deadline) {
			t.Fatalf("there are %v goroutines, not %v:\n%s", usageOf(t, s).goroutines, most, get(t, s.admin+"/debug/pprof/goroutine?debug=1").body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
