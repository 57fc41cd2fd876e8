package rooms

import (
	"context"
	"errors"
	"maps"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/room/im"
)

// CountMode is how counters are updated.
type CountMode string

// How.
const (
	CountSet      CountMode = "Set"
	CountIncrease CountMode = "Increase"
	CountDecrease CountMode = "Decrease"
)

// LikesKey is the counter of likes, which every member may raise from the start. Others are there when they were set.
const LikesKey = "likes"

const (
	maxCounters = 20
	// maxCounterName is in bytes.
	maxCounterName = 128
	// maxLikes is how much one call of Like adds.
	maxLikes = 1000
	// flushEvery is how often likes are written, and what changed is told.
	flushEvery = time.Second
	// flushers is how many rooms are written at a time, so that they share commits.
	flushers = 16
	// lastFlush is how long the last write may take.
	lastFlush = 5 * time.Second
)

// counts are likes that are not written yet, and what is to be told.
type counts struct {
	kept cache[map[string]int64] // what is in the store, at most as old as likes wait

	mu     sync.Mutex // guards the fields below
	likes  map[key]map[string]int64
	told   map[key]map[string]int64 // new values of those that changed
	last   map[key]map[string]int64 // what was told last
	closed bool                     // Run is over: likes are written as they come
}

// like adds to what is to be written; false: nobody writes it any more.
func (c *counts) like(k key, name string, n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.addLocked(k, map[string]int64{name: n})
	return true
}

func (c *counts) addLocked(k key, add map[string]int64) {
	if c.likes == nil {
		c.likes = make(map[key]map[string]int64)
	}
	sum := c.likes[k]
	if sum == nil {
		sum = make(map[string]int64, len(add))
		c.likes[k] = sum
	}
	for name, n := range add {
		sum[name] = saturate(sum[name], n)
	}
}

// again puts back what could not be written.
func (c *counts) again(k key, add map[string]int64) {
	if len(add) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addLocked(k, add)
}

// tell notes new values. They may be overtaken by newer ones that another node wrote: see Rooms.tellAgain.
func (c *counts) tell(k key, values map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told == nil {
		c.told = make(map[key]map[string]int64)
	}
	if c.told[k] == nil {
		c.told[k] = make(map[string]int64, len(values))
	}
	maps.Copy(c.told[k], values)
}

// forget drops what waits of a room.
func (c *counts) forget(k key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.likes, k)
	delete(c.told, k)
}

// take takes what waits of those of a room's counters that are named.
func (c *counts) take(k key, named map[string]int64) map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := make(map[string]int64)
	for name := range named {
		if n, ok := c.likes[k][name]; ok {
			taken[name] = n
			delete(c.likes[k], name)
		}
	}
	return taken
}

func (c *counts) takeLikes() map[key]map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	likes := c.likes
	c.likes = nil
	return likes
}

// takeTold takes what is to be told, and gives what was taken the last time.
func (c *counts) takeTold() (told, last map[key]map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	told, last = c.told, c.last
	c.told, c.last = nil, maps.Clone(told)
	return told, last
}

// addTo adds what waits to the values of a room's counters.
func (c *counts) addTo(k key, values map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, n := range c.likes[k] {
		values[name] = saturate(values[name], n)
	}
}

// saturate is a sum that stays at the ends of what a counter can hold.
func saturate(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	default:
		return a + b
	}
}

// Count updates counters of a room at once and gives their new values: its owner and admins may. A room has at most 20,
// with names of 128 bytes. They stay at the ends of what 64 bits hold.
func (r *Rooms) Count(ctx context.Context, a im.Actor, id string, mode CountMode, values map[string]int64) (map[string]int64, error) {
	if _, err := r.allowed(ctx, a, id, Admin); err != nil {
		return nil, err
	}
	if err := checkCounters(values); err != nil {
		return nil, err
	}
	update, err := mode.update()
	if err != nil {
		return nil, err
	}
	k := key{a.App, id}
	var before map[string]int64
	if mode == CountSet { // what was counted before does not come on top
		before = r.counts.take(k, values)
	}
	updated, err := r.count(ctx, k, values, update)
	if err != nil {
		r.counts.again(k, before)
	}
	return updated, err
}

// update is how a value becomes another.
func (m CountMode) update() (func(old, value int64) int64, error) {
	switch m {
	case CountSet:
		return func(_, value int64) int64 { return value }, nil
	case CountIncrease:
		return saturate, nil
	case CountDecrease:
		return func(old, value int64) int64 {
			if value == math.MinInt64 { // it has no opposite
				return saturate(saturate(old, math.MaxInt64), 1)
			}
			return saturate(old, -value)
		}, nil
	default:
		return nil, im.ErrBadParameter.With("a mode is one of Set, Increase, Decrease")
	}
}

func checkCounters(values map[string]int64) error {
	if len(values) == 0 || len(values) > maxCounters {
		return im.ErrBadParameter.With("1 to %d counters are updated at once", maxCounters)
	}
	for name := range values {
		if err := checkCounter(name); err != nil {
			return err
		}
	}
	return nil
}

func checkCounter(name string) error {
	if name == "" {
		return im.ErrBadParameter.With("a counter has a name")
	}
	return checkText("the name of a counter", name, maxCounterName)
}

// count writes and notes what to tell.
func (r *Rooms) count(ctx context.Context, k key, values map[string]int64, update func(old, value int64) int64) (map[string]int64, error) {
	updated := make(map[string]int64, len(values))
	_, err := r.o.Store.ModifyCounters(ctx, k.app, k.id, func(counters map[string]int64) error {
		for name, value := range values {
			counters[name] = update(counters[name], value)
			updated[name] = counters[name]
		}
		if len(counters) > maxCounters {
			return im.ErrBadParameter.With("a room has at most %d counters", maxCounters)
		}
		return nil
	})
	if err != nil {
		return nil, failed("count", err)
	}
	r.counts.kept.drop(k)
	r.counts.tell(k, updated)
	return updated, nil
}

// Like raises a counter by n, 1 to 1000, for a member: its effect is seen within a second, together with that of
// others. The counter has to be there, or be LikesKey.
func (r *Rooms) Like(ctx context.Context, a im.Actor, id, name string, n int64) error {
	f, err := r.Get(ctx, a.App, id)
	if err != nil {
		return err
	}
	_, member := f.Member(a.User)
	switch {
	case a.Anonymous():
		return im.ErrNotLoggedIn
	case f.Banned(a.User, r.o.Now()):
		return im.ErrBanned
	case !member && !a.Admin:
		return im.ErrNotMember
	case n < 1 || n > maxLikes:
		return im.ErrBadParameter.With("a counter is raised by 1 to %d at once", maxLikes)
	}
	k := key{a.App, id}
	counters, err := r.counts.kept.get(ctx, k)
	if err != nil {
		return err
	}
	if _, there := counters[name]; !there && (name != LikesKey || len(counters) >= maxCounters) {
		return im.ErrBadParameter.With("there is no such counter")
	}
	if r.counts.like(k, name, n) {
		return nil
	}
	_, err = r.count(ctx, k, map[string]int64{name: n}, saturate)
	return err
}

// Counters are the counters of a room.
func (r *Rooms) Counters(ctx context.Context, a im.Actor, id string) (map[string]int64, error) {
	if _, err := r.readable(ctx, a, id); err != nil {
		return nil, err
	}
	k := key{a.App, id}
	kept, err := r.counts.kept.get(ctx, k)
	if err != nil {
		return nil, err
	}
	values := maps.Clone(kept)
	r.counts.addTo(k, values)
	return values, nil
}

func (r *Rooms) loadCounters(ctx context.Context, k key) (map[string]int64, error) {
	counters, err := r.o.Store.Counters(ctx, k.app, k.id)
	if err != nil {
		return nil, failed("read counters", err)
	}
	return counters, nil
}

func countersCost(counters map[string]int64) int {
	cost := 0
	for name := range counters {
		cost += len(name) + 64
	}
	return cost
}

// flush writes the likes of all rooms and tells what changed. What cannot be written waits for the next time, but for
// rooms that are no more.
func (r *Rooms) flush(ctx context.Context) {
	var rooms errgroup.Group
	rooms.SetLimit(flushers)
	for k, likes := range r.counts.takeLikes() {
		rooms.Go(func() error {
			r.writeLikes(ctx, k, likes)
			return nil
		})
	}
	_ = rooms.Wait() // none fails
	told, last := r.counts.takeTold()
	for k, values := range told {
		r.teller.Tip(k.app, k.id, im.Tip{Op: im.TipCounter, Counters: values})
	}
	for k := range told {
		delete(last, k)
	}
	r.tellAgain(ctx, last)
}

// tellAgain tells of counters that are otherwise than this node told last: of what two nodes wrote at once, the older may
// have been told after the newer.
func (r *Rooms) tellAgain(ctx context.Context, told map[key]map[string]int64) {
	var rooms errgroup.Group
	rooms.SetLimit(flushers)
	for k, values := range told {
		rooms.Go(func() error {
			r.correct(ctx, k, values)
			return nil
		})
	}
	_ = rooms.Wait() // none fails
}

// correct tells of those of a room's counters that are not what was told.
func (r *Rooms) correct(ctx context.Context, k key, told map[string]int64) {
	now, err := r.loadCounters(ctx, k)
	if err != nil { // most often since the room is no more
		return
	}
	maps.DeleteFunc(now, func(name string, n int64) bool {
		before, ok := told[name]
		return !ok || n == before
	})
	if len(now) > 0 {
		r.teller.Tip(k.app, k.id, im.Tip{Op: im.TipCounter, Counters: now})
	}
}

func (r *Rooms) writeLikes(ctx context.Context, k key, likes map[string]int64) {
	_, err := r.count(ctx, k, likes, saturate)
	switch refused := (*im.Error)(nil); {
	case err == nil:
	case errors.As(err, &refused): // the room is gone, or its counters were replaced by others
		r.o.Log.Info("likes are lost", "app", k.app, "room", k.id, "why", refused.Info)
	default:
		r.o.Log.Warn("cannot write likes, which wait", "app", k.app, "room", k.id, "err", err)
		r.counts.again(k, likes)
	}
}

// stop writes what is left. Likes that come later are written at once.
func (r *Rooms) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastFlush)
	defer cancel()
	r.counts.mu.Lock()
	r.counts.closed = true
	r.counts.mu.Unlock()
	r.flush(ctx)
}
