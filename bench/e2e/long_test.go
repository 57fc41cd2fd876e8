//go:build !chaos

package e2e

import "time"

// Lengths for every change; make chaos takes more.
const (
	lossTime  = 20 * time.Second // how long viewers watch a publisher on a bad path
	floodTime = 3 * time.Second  // how long garbage comes to the media port
	mutants   = 2000             // offers, and fragments, that are not as they should be
	idlePosts = 100              // publishers that never connect
	churns    = 60               // publishers that come and go
)
