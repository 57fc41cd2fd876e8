// Package measure runs programs on loopback and counts what each process alone uses: CPU time and memory. A Result is
// what a scenario says, to be kept under bench/results. It asserts nothing: machines differ, ratios in one run tell. A
// Process owns the goroutine that reads its output, and Stop waits for it.
package measure
