package httpflv

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// perViewer is the most that a viewer may hold, in bytes, so that the process grows by the 20 KB that README promises:
// what the collector lets lie comes on top.
const perViewer = 8 << 10

// TestMemoryPerViewer holds what README promises: heap and stacks, of viewers who keep up.
func TestMemoryPerViewer(t *testing.T) {
	const crowd = 400
	o := testOptions()
	o.MaxViewers = crowd + 1
	r := newRig(t, o, nil)
	r.publish(true, false)
	r.pictures(1)
	r.watch() // what the first viewer starts is not counted
	r.settle(1)
	before := inUse()
	for range crowd {
		r.watch()
	}
	r.settle(crowd + 1)
	if grown := inUse() - before; grown > crowd*perViewer {
		t.Errorf("%d bytes a viewer, its client in the test included", grown/crowd)
	} else {
		t.Logf("%d bytes a viewer", grown/crowd)
	}
	runtime.KeepAlive(r) // before and after, or what it holds would count
}

// inUse is the memory of the heap and of stacks.
func inUse() int64 {
	for range 3 { // pools let go in the second collection
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
