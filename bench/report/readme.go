package report

import (
	"fmt"
	"strconv"
	"strings"

	"weir/bench/measure"
)

const introduction = `# Measured

<!-- Made by "go run ./bench/cmd/weir-bench report" of goals.json and results/*.json. Do not edit. -->

What weir costs, by its own load tool: ` + "`go run ./bench/cmd/weir-bench -h`" + ` lists the scenarios, ` + "`-o bench/results/NAME.json`" + `
keeps a result, and ` + "`weir-bench report`" + ` makes this page. Everything runs on loopback of one machine. CPU and memory are those
of the server's process alone; of TCP and UDP on loopback the receiver's half is in the sender's system time, so seconds a GB
are for comparing, not for sizing. The machines are shared: compare what stands in one table, measured in one run. The floor
is the least program that sends the same bytes to as many sockets at the same joining.

A figure with a goal has it behind it, with ✓ where it is met and ✗ where it is not.
`

// README is the page of all results that there are.
func README(d Data) []byte {
	var b strings.Builder
	b.WriteString(introduction)
	for _, s := range scenarios {
		r, ok := d.Results[s.name]
		if !ok {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.title, wrap(s.about))
		s.table(&b, d.Goals, r.Runs)
		for _, c := range s.charts {
			fmt.Fprintf(&b, "\n![%s](results/%s)\n", s.title+": "+c.title, s.file(c))
		}
		m := r.Machine
		fmt.Fprintf(&b, "\n%s at %s, %s, %s with %d CPUs, Linux %s, %s:\n\n    %s\n", r.Date, r.Commit, m.OS, m.CPU, m.CPUs, m.Kernel, m.Go, r.Command)
		if text := d.Notes[s.name]; text != "" {
			fmt.Fprintf(&b, "\n%s\n", text)
		}
	}
	return []byte(b.String())
}

// table writes the runs, a row each.
func (s scenario) table(b *strings.Builder, goals []Goal, runs []measure.Run) {
	columns := s.present(runs)
	b.WriteString("\n| case | program | number |")
	for _, c := range columns {
		fmt.Fprintf(b, " %s |", c.title)
	}
	b.WriteString("\n| --- | --- | --: |" + strings.Repeat(" --: |", len(columns)) + "\n")
	for _, r := range runs {
		fmt.Fprintf(b, "| %s | %s | %d |", r.Case, r.Program, r.Viewers+r.Streams)
		for _, c := range columns {
			fmt.Fprintf(b, " %s |", s.cell(goals, runs, r, c))
		}
		b.WriteString("\n")
	}
}

// present are the columns that some run has a figure of.
func (s scenario) present(runs []measure.Run) (out []column) {
	for _, c := range s.columns {
		for _, r := range runs {
			if _, ok := s.value(runs, r, c.figure); ok {
				out = append(out, c)
				break
			}
		}
	}
	return out
}

// cell is a figure, with its goal if there is one.
func (s scenario) cell(goals []Goal, runs []measure.Run, r measure.Run, c column) string {
	v, ok := s.value(runs, r, c.figure)
	if !ok {
		return "–"
	}
	text := strconv.FormatFloat(v, 'f', c.digits, 64)
	most, ok := goal(goals, s.name, r, c.figure)
	switch {
	case !ok:
		return text
	case v <= most:
		return fmt.Sprintf("%s ✓ %v", text, most)
	default:
		return fmt.Sprintf("%s ✗ %v", text, most)
	}
}

// wrap breaks a paragraph into lines of at most 120 bytes.
func wrap(text string) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > 120 {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}
