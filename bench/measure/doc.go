// Package measure runs a weir binary on loopback and counts what that process alone uses: CPU time and memory. A
// Result is what a load tool prints of one run, to be kept under bench/results. It asserts nothing: machines differ,
// ratios in one run tell. A Server owns the goroutine that reads its log, and Stop waits for it.
package measure
