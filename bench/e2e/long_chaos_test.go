//go:build chaos

package e2e

import "time"

// lossTime is how long viewers watch a publisher on a bad path.
const lossTime = time.Minute
