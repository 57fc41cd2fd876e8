package measure

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestProcess(t *testing.T) {
	// A shell that waits for its input: one that became another program would have no memory for a moment.
	cmd := exec.Command("sh", "-c", "echo one >&2; echo ready >&2; read -r never")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	p, err := Launch(cmd, func(line []byte) bool { return string(line) == "ready" })
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	before, after, err := p.During(t.Context(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if after.RSS == 0 || after.CPU < before.CPU || !after.At.After(before.At) {
		t.Errorf("used %+v and then %+v", before, after)
	}
}

func TestProcessThatEnds(t *testing.T) {
	_, err := Launch(exec.Command("sh", "-c", "echo no >&2"), func([]byte) bool { return false })
	if !errors.Is(err, ErrNotReady) {
		t.Errorf("got %v, want ErrNotReady", err)
	}
}

const exposition = `# HELP weir_write_seconds help
# TYPE weir_write_seconds histogram
weir_write_seconds_bucket{le="1e-05"} 90
weir_write_seconds_bucket{le="0.0001"} 99
weir_write_seconds_bucket{le="+Inf"} 100
weir_write_seconds_sum 0.5
weir_write_seconds_count 100
weir_viewer_closed_total{reason="slow"} 7
`

func TestMetrics(t *testing.T) {
	m := parseMetrics(exposition)
	if got := m[`weir_viewer_closed_total{reason="slow"}`]; got != 7 {
		t.Errorf("closed is %v, want 7", got)
	}
	for _, c := range []struct{ q, want float64 }{{0.5, 1e-5}, {0.9, 1e-5}, {0.99, 1e-4}, {0.999, math.Inf(1)}} {
		if got, ok := m.Quantile(nil, "weir_write_seconds", c.q); !ok || got != c.want {
			t.Errorf("quantile %v is %v, %v, want %v", c.q, got, ok, c.want)
		}
	}
	if _, ok := m.Quantile(m, "weir_write_seconds", 0.5); ok {
		t.Error("there is a quantile of nothing")
	}
	if _, ok := m.Quantile(nil, "weir_other", 0.5); ok {
		t.Error("there is a quantile of an unknown histogram")
	}
}

func TestModel(t *testing.T) {
	if got := model([]byte("processor\t: 0\nmodel name\t: A 1: B\n\nmodel name\t: C\n")); got != "A 1: B" {
		t.Errorf("got %q", got)
	}
}

func TestMedians(t *testing.T) {
	run := func(program string, v float64) Run {
		return Run{Program: program, Case: "join 0s", Viewers: 2, Figures: map[string]float64{"x": v}}
	}
	got := Medians([]Run{run("b", 3), run("a", 1), run("b", 100), run("b", 4)})
	if want := []Run{run("b", 4), run("a", 1)}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestResult(t *testing.T) {
	var b bytes.Buffer
	want := NewResult("fanout-flv", "command", []Run{{Program: "weir", Figures: map[string]float64{"seconds": 1}}})
	if err := want.Write(&b); err != nil {
		t.Fatal(err)
	}
	var got Result
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if !strings.HasPrefix(got.Machine.OS, "linux/") || got.Machine.CPUs == 0 {
		t.Errorf("the machine is %+v", got.Machine)
	}
}

func TestPercentile(t *testing.T) {
	for _, c := range []struct {
		p    int
		want float64
	}{{0, 1}, {1, 1}, {50, 2}, {51, 3}, {100, 4}} {
		if got := Percentile([]float64{4, 1, 3, 2}, c.p); got != c.want {
			t.Errorf("percentile %d is %v, want %v", c.p, got, c.want)
		}
	}
	if got := Percentile(nil, 50); got != 0 {
		t.Errorf("of nothing it is %v", got)
	}
}
