package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

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

// Data is what a report is made of.
type Data struct {
	Goals   []Goal
	Results map[string]measure.Result // by scenario
	Notes   map[string]string         // by scenario: what stands in the way of a goal, in Markdown
}

// Load reads goals.json, results/*.json and notes/SCENARIO.md of a folder.
func Load(dir fs.FS) (Data, error) {
	d := Data{Results: make(map[string]measure.Result), Notes: make(map[string]string)}
	if err := read(dir, "goals.json", &d.Goals); err != nil {
		return d, err
	}
	names, err := fs.Glob(dir, "results/*.json")
	if err != nil {
		return d, fmt.Errorf("cannot list the results: %w", err)
	}
	for _, name := range names {
		var r measure.Result
		if err := read(dir, name, &r); err != nil {
			return d, err
		}
		if _, known := find(r.Scenario); !known {
			return d, fmt.Errorf("cannot show %s: unknown scenario %q", name, r.Scenario)
		}
		if _, twice := d.Results[r.Scenario]; twice {
			return d, fmt.Errorf("cannot show %s: there is another result of %s", name, r.Scenario)
		}
		r.Runs = measure.Medians(r.Runs)
		d.Results[r.Scenario] = r
	}
	for _, s := range scenarios {
		text, err := fs.ReadFile(dir, "notes/"+s.name+".md")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return d, fmt.Errorf("cannot read the notes: %w", err)
		}
		d.Notes[s.name] = strings.TrimSpace(string(text))
	}
	return d, nil
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
