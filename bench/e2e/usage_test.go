package e2e

import (
	"strconv"
	"testing"
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
