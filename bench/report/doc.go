// Package report makes bench/README.md and its charts of the results under bench/results and the goals beside them. It
// measures nothing, and the same files make the same bytes.
package report

//go:generate go run ../cmd/weir-bench report --dir ..
