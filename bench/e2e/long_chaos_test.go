//go:build chaos

package e2e

import "time"

// Lengths of make chaos.
const (
	lossTime  = time.Minute      // how long viewers watch a publisher on a bad path
	floodTime = 20 * time.Second // how long garbage comes to the media port
	mutants   = 2000             // offers, and fragments, that are not as they should be
	idlePosts = 500              // publishers that never connect
	churns    = 1000             // publishers that come and go
)
