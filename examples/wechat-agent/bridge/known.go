package bridge

import (
	"sync"
	"time"
)

const (
	// maxKnown bounds what is remembered, rememberFor how long it is.
	maxKnown    = 100_000
	rememberFor = time.Hour
)

// known remembers names for a while. The zero value is ready.
type known struct {
	mu    sync.Mutex // guards the fields below
	names map[string]time.Time
}

// add remembers a name, and tells whether it is new.
func (k *known) add(name string, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at, ok := k.names[name]; ok && now.Sub(at) < rememberFor {
		return false
	}
	if k.names == nil {
		k.names = make(map[string]time.Time)
	}
	if len(k.names) >= maxKnown {
		k.forgetLocked(now)
	}
	k.names[name] = now
	return true
}

// forgetLocked makes room: what is old goes, or, when nothing is, all of it.
func (k *known) forgetLocked(now time.Time) {
	for name, at := range k.names {
		if now.Sub(at) >= rememberFor {
			delete(k.names, name)
		}
	}
	if len(k.names) >= maxKnown {
		clear(k.names)
	}
}

func (k *known) has(name string, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	at, ok := k.names[name]
	return ok && now.Sub(at) < rememberFor
}

func (k *known) remove(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.names, name)
}
