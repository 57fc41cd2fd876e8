package hook

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"weir/room/store"
)

// memory is a queue that forgets everything when the process ends.
type memory struct {
	mu    sync.Mutex // guards the fields below
	last  int64
	lines []*line
	down  bool // the disk is full
	wrote int  // calls of Enqueue that succeeded
}

type line struct {
	store.Delivery
	dead bool
}

var errDown = errors.New("no space")

func (m *memory) Enqueue(_ context.Context, list []store.Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errDown
	}
	m.wrote++
	for _, d := range list {
		m.last++
		d.ID = m.last
		m.lines = append(m.lines, &line{Delivery: d})
	}
	return nil
}

// due are the lines that may be tried, by ID: of a key the first ones.
func (m *memory) due(now time.Time) []*line {
	held := make(map[string]bool)
	var list []*line
	for _, l := range m.lines {
		key := l.Receiver + "\n" + l.Key
		switch {
		case l.dead || held[key]:
		case l.Next.After(now):
			held[key] = true
		default:
			list = append(list, l)
		}
	}
	return list
}

func (m *memory) Receivers(_ context.Context, now time.Time) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for _, l := range m.due(now) {
		if !slices.Contains(names, l.Receiver) {
			names = append(names, l.Receiver)
		}
	}
	return names, nil
}

func (m *memory) DueFor(_ context.Context, receiver string, now time.Time, limit int) ([]store.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []store.Delivery
	for _, l := range m.due(now) {
		if l.Receiver == receiver && len(list) < limit {
			list = append(list, l.Delivery)
		}
	}
	return list, nil
}

func (m *memory) Delivered(_ context.Context, ids []int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = slices.DeleteFunc(m.lines, func(l *line) bool { return slices.Contains(ids, l.ID) })
	return nil
}

func (m *memory) of(id int64) *line {
	i := slices.IndexFunc(m.lines, func(l *line) bool { return l.ID == id })
	if i < 0 {
		return nil
	}
	return m.lines[i]
}

func (m *memory) Retry(_ context.Context, id int64, at time.Time, fault string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.of(id); l != nil {
		l.Tries, l.Next, l.Fault = l.Tries+1, at, fault
	}
	return nil
}

func (m *memory) Bury(_ context.Context, id int64, fault string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.of(id); l != nil {
		l.Tries, l.dead, l.Fault = l.Tries+1, true, fault
	}
	return nil
}

func (m *memory) Dead(_ context.Context, app, limit int, after int64) ([]store.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []store.Delivery
	for _, l := range m.lines {
		if l.dead && l.App == app && l.ID > after && len(list) < limit {
			list = append(list, l.Delivery)
		}
	}
	return list, nil
}

func (m *memory) Replay(_ context.Context, app int, ids []int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, l := range m.lines {
		if l.dead && l.App == app && (len(ids) == 0 || slices.Contains(ids, l.ID)) {
			l.dead, l.Tries, l.Next = false, 0, time.Time{}
			n++
		}
	}
	return n, nil
}

func (m *memory) Backlog(context.Context) (store.Backlog, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b store.Backlog
	for _, l := range m.lines {
		switch {
		case l.dead:
			b.Dead++
		default:
			b.Waiting++
			if b.Oldest.IsZero() || l.Created.Before(b.Oldest) {
				b.Oldest = l.Created
			}
		}
	}
	return b, nil
}

func (m *memory) waiting() int {
	b, _ := m.Backlog(context.Background())
	return b.Waiting
}
