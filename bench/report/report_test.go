package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"weir/bench/measure"
)

// TestReport compares the page and the charts with what the results make.
func TestReport(t *testing.T) {
	dir := os.DirFS("..")
	d, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	const how = "run: go generate ./bench/report"
	if got, err := os.ReadFile("../README.md"); err != nil || string(got) != string(README(d)) {
		t.Errorf("bench/README.md is not what the results make (%v); %s", err, how)
	}
	for name, want := range Charts(d.Results) {
		if got, err := os.ReadFile("../results/" + name); err != nil || string(got) != string(want) {
			t.Errorf("bench/results/%s is not what the results make (%v); %s", name, err, how)
		}
	}
}

// TestGoals holds that every goal is about a figure that is shown.
func TestGoals(t *testing.T) {
	d, err := Load(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range d.Goals {
		s, ok := find(g.Scenario)
		shown := false
		for _, c := range s.columns {
			shown = shown || c.figure == g.Figure
		}
		if !ok || !shown {
			t.Errorf("nothing shows the goal %+v", g)
		}
	}
}

func run(program, name string, viewers int, cost float64) measure.Run {
	return measure.Run{Program: program, Case: name, Viewers: viewers, Figures: map[string]float64{"cpu_s_per_gb": cost}}
}

func TestREADME(t *testing.T) {
	goals := []Goal{
		{Scenario: "fanout-flv", Case: "default", Count: 100, Figure: "cpu_s_per_gb", Most: 1},
		{Scenario: "fanout-flv", Case: "default", Figure: aboveFloor, Most: 1.25},
	}
	results := map[string]measure.Result{"fanout-flv": {Scenario: "fanout-flv", Command: "the command", Runs: []measure.Run{
		run("weir", "default, 100ms", 100, 0.75), run("floor, goroutines", "default, 100ms", 100, 0.6), run("floor, poll", "default, 100ms", 100, 0.5),
		run("weir", "default, 100ms", 7, 2),
	}}}
	got := string(README(Data{goals, results, map[string]string{"fanout-flv": "a note"}}))
	for _, want := range []string{
		"| default, 100ms | weir | 100 | 0.75 ✓ 1 | 1.25 ✓ 1.25 |", "| default, 100ms | floor, poll | 100 | 0.50 | – |",
		"| default, 100ms | weir | 7 | 2.00 | – |", "\n    the command\n\na note\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "p95") {
		t.Errorf("the page shows what no run has:\n%s", got)
	}
}

func TestCharts(t *testing.T) {
	results := map[string]measure.Result{"ingest": {Runs: []measure.Run{{
		Program: "weir <&>", Streams: 10, Figures: map[string]float64{"cpu_percent_per_stream": 0},
	}}}}
	for name, text := range Charts(results) {
		for in := xml.NewDecoder(strings.NewReader(string(text))); ; {
			if _, err := in.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, dir := range map[string]fstest.MapFS{
		"no goals":         {},
		"unknown name":     {"goals.json": file(`[{"scenari": "x"}]`)},
		"unknown scenario": {"goals.json": file(`[]`), "results/x.json": file(`{"scenario": "x"}`)},
		"two of one":       {"goals.json": file(`[]`), "results/x.json": file(`{"scenario": "ingest"}`), "results/y.json": file(`{"scenario": "ingest"}`)},
	} {
		if _, err := Load(dir); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
