package push

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"weir/room/auth"
	"weir/room/store"
)

// newID names a task. It is no secret.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// literal is the pattern that means one name.
func literal(name string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(name)
}

// Add keeps a task and begins with the streams that it means.
//
// Errors: ErrTask, ErrDuplicate, ErrTooMany, ErrAppFull, or that of the store.
func (m *Manager) Add(ctx context.Context, t Task) (Relay, error) {
	t.ID, t.Origin, t.Trusted, t.Created = newID(), OriginAPI, false, m.opts.Now()
	if err := t.Check(&m.opts); err != nil {
		return Relay{}, err
	}
	row, err := t.stored()
	if err != nil {
		return Relay{}, err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	if err := m.admit(&t); err != nil {
		return Relay{}, err
	}
	if err := m.opts.Keeper.CreateRelay(ctx, row); err != nil {
		return Relay{}, fmt.Errorf("cannot keep the relay: %w", err)
	}
	m.insert(&t)
	m.log.Info("relay made", "relay", t.ID, "app", t.App, "room", t.Room, "stream", t.Stream, "by", t.By)
	return m.relay(&t, t.App), nil
}

// admit tells whether there is room for a task, and nobody else at its address.
func (m *Manager) admit(t *Task) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, o := range m.all {
		if o.Origin == OriginAPI && o.App == t.App {
			n++
		}
	}
	if n >= m.opts.MaxTasks {
		return fmt.Errorf("%w: the app has %d", ErrTooMany, n)
	}
	if err := m.freeLocked(t); err != nil {
		return err
	}
	begins := 0
	for _, c := range m.streams {
		if !t.means(c.key) {
			continue
		}
		begins++
		u, err := url.Parse(c.addressLocked(t))
		if err != nil {
			continue // the destination will say so
		}
		if holder := m.claims[identity(u)]; holder != nil && !holder.ending() {
			return fmt.Errorf("%w: %s", ErrDuplicate, holder.task.ID)
		}
	}
	if begins == 0 {
		return nil
	}
	return m.roomLocked(t.App, begins)
}

func (m *Manager) free(t *Task) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.freeLocked(t)
}

// freeLocked returns ErrDuplicate when a task pushes to the address already, whatever the streams are.
func (m *Manager) freeLocked(t *Task) error {
	for _, o := range m.all {
		if t.collides(o) {
			return fmt.Errorf("%w: %s", ErrDuplicate, o.ID)
		}
	}
	return nil
}

// insert takes a task among all and begins with the streams that it means.
func (m *Manager) insert(t *Task) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[t.ID] = t
	if m.ctx == nil {
		return
	}
	for _, c := range m.streams {
		if t.means(c.key) {
			m.startLocked(c, t)
		}
	}
}

// Remove deletes a task that the API has made, and waits until nothing is pushed by it any more, or ctx is done.
//
// Errors: ErrNotFound, ErrFixed, the store's, or the context's.
func (m *Manager) Remove(ctx context.Context, app, id string) error {
	ending, err := m.remove(ctx, app, id)
	if err != nil {
		return err
	}
	for _, d := range ending { // other tasks do not wait for targets that hold this one up
		select {
		case <-d.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// remove deletes a task that the API has made and returns its destinations, which end.
func (m *Manager) remove(ctx context.Context, app, id string) (ending []*destination, err error) {
	m.changing.Lock()
	defer m.changing.Unlock()
	t, err := m.find(app, id)
	if err != nil {
		return nil, err
	}
	if t.Origin != OriginAPI {
		return nil, ErrFixed
	}
	if err := m.opts.Keeper.DeleteRelay(ctx, way, id); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("cannot delete the relay: %w", err)
	}
	m.log.Info("relay deleted", "relay", id)
	return m.drop(t), nil
}

// drop takes a task from all and ends its destinations, which it returns.
func (m *Manager) drop(t *Task) (ending []*destination) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, t.ID)
	delete(m.past, t.ID)
	for d := range m.running {
		if d.task == t {
			d.cancel(errDeleted)
			ending = append(ending, d)
		}
	}
	return ending
}

// AppDeleted is told that there is an app no longer, with which the store has deleted its tasks.
func (m *Manager) AppDeleted(id int) {
	for _, t := range m.made() {
		if t.App == auth.AppName(id) {
			m.drop(t)
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
			m.log.Error("cannot read the relays", "error", err)
		}
		return
	}
	there := make(map[string]bool, len(rows))
	for _, row := range rows {
		there[row.ID] = true
		if m.knows(row.ID) {
			continue
		}
		t, err := kept(row)
		if err == nil {
			err = t.check(&m.opts)
		}
		if err != nil {
			m.log.Error("relay of the store left out", "relay", row.ID, "error", err)
			continue
		}
		m.insert(t)
	}
	for _, t := range m.made() {
		if !there[t.ID] {
			m.drop(t)
		}
	}
}

func (m *Manager) knows(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[id] != nil
}

// made are the tasks of the API.
func (m *Manager) made() (made []*Task) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.all {
		if t.Origin == OriginAPI {
			made = append(made, t)
		}
	}
	return made
}

func (m *Manager) find(app, id string) (*Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.all[id]; t != nil && (t.App == "" || t.App == app) {
		return t, nil
	}
	return nil, ErrNotFound
}

// Relay is a task of an app, and what became of it.
//
// Errors: ErrNotFound.
func (m *Manager) Relay(app, id string) (Relay, error) {
	t, err := m.find(app, id)
	if err != nil {
		return Relay{}, err
	}
	return m.relay(t, app), nil
}

// Relays are the tasks that hold for an app, in the order of their ids.
func (m *Manager) Relays(app string) []Relay {
	m.mu.Lock()
	var tasks []*Task
	for _, id := range slices.Sorted(maps.Keys(m.all)) {
		if t := m.all[id]; t.App == "" || t.App == app {
			tasks = append(tasks, t)
		}
	}
	m.mu.Unlock()
	relays := make([]Relay, len(tasks))
	for i, t := range tasks {
		relays[i] = m.relay(t, app)
	}
	return relays
}

// relay is a task and its destinations for streams of the app.
func (m *Manager) relay(t *Task, app string) Relay {
	m.mu.Lock()
	all := slices.DeleteFunc(slices.Clone(m.past[t.ID]), func(s Status) bool { return s.Key.App != app })
	for d := range m.running {
		if d.task == t && d.carried.key.App == app && !d.replaced {
			all = append(all, d.now())
		}
	}
	m.mu.Unlock()
	slices.SortStableFunc(all, func(a, b Status) int { return strings.Compare(a.Key.String(), b.Key.String()) })
	return Relay{Task: *t, Destinations: all}
}
