package pull

import (
	"context"
	"time"
)

// Of several nodes that share a store each reads what the others have made and deleted, and what is pulled always one of them
// pulls. On demand each pulls for its own viewers.
const (
	// rereadEvery is how often the store is read.
	rereadEvery = 10 * time.Second
	// assignEvery is how often is looked which node pulls what.
	assignEvery = time.Second
	// settleTime is how long after the start nodes have heard of each other: before that each would take all for its own.
	settleTime = 3 * time.Second
)

// follow keeps to what the store and the nodes that are alive say, until ctx is done.
func (m *Manager) follow(ctx context.Context) {
	reread, assign, settle := time.NewTicker(rereadEvery), time.NewTicker(assignEvery), time.NewTimer(settleTime)
	defer reread.Stop()
	defer assign.Stop()
	defer settle.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-reread.C:
			m.reread(ctx)
		case <-settle.C:
			m.settle()
		case <-assign.C:
			m.assign()
		}
	}
}

// reread takes from the store the tasks of the API as they are now.
func (m *Manager) reread(ctx context.Context) {
	m.changing.Lock()
	defer m.changing.Unlock()
	rows, err := m.opts.Keeper.Relays(ctx, way)
	if err != nil {
		if ctx.Err() == nil {
			m.opts.Log.Error("cannot read the pulls", "error", err)
		}
		return
	}
	gone := m.made()
	for i := range rows {
		row := &rows[i]
		if _, known := gone[row.ID]; known {
			delete(gone, row.ID)
			continue
		}
		if _, known := m.broken[row.ID]; known {
			continue
		}
		t, err := kept(row)
		if err != nil {
			m.broken[row.ID] = struct{}{}
			m.opts.Log.Error("pull is left out", "pull", row.ID, "error", err)
			continue
		}
		m.insert(t)
	}
	for id := range gone {
		m.forget(id)
	}
}

// made are the ids of the tasks that the API has made.
func (m *Manager) made() map[string]struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	made := make(map[string]struct{})
	for id, e := range m.known {
		if e.task.Origin == OriginAPI {
			made[id] = struct{}{}
		}
	}
	return made
}

func (m *Manager) settle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settled = true
}

// mineLocked tells whether this node is the one to pull a task's stream always. Those of its configuration no other node may know.
// The name is the stream's, since two nodes may have made a task for it at the same time.
func (m *Manager) mineLocked(t *Task) bool {
	if t.Origin == OriginConfig || m.opts.Mine == nil {
		return true
	}
	return m.settled && m.opts.Mine(way+" "+t.key().String())
}

// assign pulls always what is this node's to pull, and leaves the rest to others.
func (m *Manager) assign() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.known {
		if e.task.Mode != Always {
			continue
		}
		k := e.task.key()
		if m.mineLocked(&e.task) {
			m.startLocked(e, k)
		} else if p := m.pullers[k]; p != nil && p.task.ID == e.task.ID {
			p.cancel(errMoved)
		}
	}
}
