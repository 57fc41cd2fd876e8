//go:build !chaos

package e2e

import "time"

// lossTime is how long viewers watch a publisher on a bad path; make chaos takes a minute.
const lossTime = 20 * time.Second
