package live

import "sync"

// tasks are the goroutines of the hub. None starts once they were waited for.
type tasks struct {
	mu    sync.Mutex // guards over, and each start against the wait
	over  bool
	group sync.WaitGroup
}

// start runs f in a goroutine; ok is false, and f does not run, when the tasks are over.
func (t *tasks) start(f func()) (ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	t.group.Go(f)
	return true
}

// wait lets no more begin and waits for those that did.
func (t *tasks) wait() {
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
	t.group.Wait()
}
