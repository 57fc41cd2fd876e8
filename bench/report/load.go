package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"

	"weir/bench/measure"
)

// Goal is what a figure must not be above.
type Goal struct {
	Scenario string  `json:"scenario"`
	Case     string  `json:"case"`            // of the run
	Count    int     `json:"count,omitempty"` // of viewers or streams; 0 means any
	Figure   string  `json:"figure"`
	Most     float64 `json:"most"`
}

// Load reads goals.json and the results of a folder, the latter by scenario.
func Load(dir fs.FS) ([]Goal, map[string]measure.Result, error) {
	var goals []Goal
	if err := read(dir, "goals.json", &goals); err != nil {
		return nil, nil, err
	}
	names, err := fs.Glob(dir, "results/*.json")
	if err != nil {
		return nil, nil, fmt.Errorf("cannot list the results: %w", err)
	}
	results := make(map[string]measure.Result)
	for _, name := range names {
		var r measure.Result
		if err := read(dir, name, &r); err != nil {
			return nil, nil, err
		}
		if _, known := find(r.Scenario); !known {
			return nil, nil, fmt.Errorf("cannot show %s: unknown scenario %q", name, r.Scenario)
		}
		if _, twice := results[r.Scenario]; twice {
			return nil, nil, fmt.Errorf("cannot show %s: there is another result of %s", name, r.Scenario)
		}
		r.Runs = measure.Medians(r.Runs)
		results[r.Scenario] = r
	}
	return goals, results, nil
}

// read reads a file of JSON without unknown names.
func read(dir fs.FS, name string, to any) error {
	text, err := fs.ReadFile(dir, name)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(to); err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	return nil
}

// goal is what a figure of the server must not be above.
func goal(goals []Goal, scenario string, r measure.Run, figure string) (most float64, ok bool) {
	i := slices.IndexFunc(goals, func(g Goal) bool {
		return g.Scenario == scenario && g.Figure == figure && caseOf(r) == g.Case && (g.Count == 0 || g.Count == r.Viewers+r.Streams)
	})
	if i < 0 || r.Program != "weir" {
		return 0, false
	}
	return goals[i].Most, true
}
