//go:build linux

package scenario

import (
	"time"

	"golang.org/x/sys/unix"
)

// ownCPU is what this process, the viewers and the publisher, has used so far.
func ownCPU() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // it cannot fail for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
