package netsim

import "errors"

var (
	// ErrUnknown: the conditions have no such word.
	ErrUnknown = errors.New("unknown condition")
	// ErrRange: a condition is out of its range.
	ErrRange = errors.New("out of range")
	// ErrUnable: the machine has no TUN devices or namespaces for this process; tests skip.
	ErrUnable = errors.New("network namespaces and TUN devices are not at hand")
)
