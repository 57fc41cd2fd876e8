package measure

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Result is what one call of the load tool says.
type Result struct {
	Scenario string  `json:"scenario"`
	Date     string  `json:"date"`
	Commit   string  `json:"commit"`
	Command  string  `json:"command"` // how to run it again
	Machine  Machine `json:"machine"`
	Runs     []Run   `json:"runs"`
}

// Run is what one program did in one case.
type Run struct {
	Program string             `json:"program"`           // weir, or the form of the floor
	Case    string             `json:"case"`              // what else is the same in the runs that are compared, such as "join 100ms"
	Streams int                `json:"streams,omitempty"` // if it is their number that counts
	Viewers int                `json:"viewers,omitempty"`
	Figures map[string]float64 `json:"figures"` // by name and unit
}

// NewResult is a result of this moment, machine and checkout.
func NewResult(scenario, command string, runs []Run) Result {
	return Result{
		Scenario: scenario, Date: time.Now().UTC().Format(time.DateOnly), Commit: commit(), Command: command,
		Machine: ThisMachine(), Runs: runs,
	}
}

// Write writes the result as indented JSON.
func (r Result) Write(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

// commit is the checkout's, with a mark when it was changed.
func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// Medians makes one of all runs of the same program, case and number of viewers: the median of each figure, which a
// burst on a shared machine does not move. The order is that of the first ones.
func Medians(runs []Run) []Run {
	var out []Run
	same := make(map[string][]Run)
	for _, r := range runs {
		id := fmt.Sprint(r.Program, "\x00", r.Case, "\x00", r.Streams, "\x00", r.Viewers)
		if same[id] == nil {
			out = append(out, r)
		}
		same[id] = append(same[id], r)
	}
	for i, r := range out {
		id := fmt.Sprint(r.Program, "\x00", r.Case, "\x00", r.Streams, "\x00", r.Viewers)
		out[i].Figures = medians(same[id])
	}
	return out
}

func medians(runs []Run) map[string]float64 {
	all := make(map[string][]float64)
	for _, r := range runs {
		for name, v := range r.Figures {
			all[name] = append(all[name], v)
		}
	}
	out := make(map[string]float64, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out[name] = Percentile(all[name], 50)
	}
	return out
}

// Percentile is the p-th percentile of the values, nearest rank; 0 of none.
func Percentile(values []float64, p int) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return s[max(0, (len(s)*p+99)/100-1)]
}

// Milliseconds is a time as figures have it.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
