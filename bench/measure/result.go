package measure

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Result is what one run says.
type Result struct {
	Scenario string             `json:"scenario"`
	Date     string             `json:"date"`
	Commit   string             `json:"commit"`
	Command  string             `json:"command"`
	Machine  string             `json:"machine"`
	Figures  map[string]float64 `json:"figures"`
}

// NewResult is a result of this moment, machine and checkout. The command is how to run it again.
func NewResult(scenario, command string, figures map[string]float64) Result {
	return Result{
		Scenario: scenario, Date: time.Now().UTC().Format(time.DateOnly), Commit: commit(), Command: command, Figures: figures,
		Machine: fmt.Sprintf("%s/%s, %d CPUs, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()),
	}
}

// Write writes the result as indented JSON.
func (r Result) Write(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// Percentile is the p-th percentile of the values, nearest rank; 0 of none.
func Percentile(values []float64, p int) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return s[max(0, (len(s)*p+99)/100-1)]
}
