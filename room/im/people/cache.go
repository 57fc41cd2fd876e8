package people

import (
	"container/list"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"weir/room/im"
	"weir/room/store"
)

// key names an account.
type key struct {
	App int    `json:"app"`
	ID  string `json:"id"`
}

// cache is the accounts that were read lately. It is safe for concurrent use.
type cache struct {
	most int

	mu   sync.Mutex // guards the fields below
	at   map[key]*list.Element
	used list.List // of entries, the one used last in front
	// round grows with each account that is dropped: what was read before then may be old, and is not kept.
	round uint64
}

type entry struct {
	key     key
	account store.Account
	until   time.Time
}

// keepAccount is how long an account is not read again. It is dropped when it changes; this is for words between nodes
// that get lost.
const keepAccount = 30 * time.Second

func newCache(most int) *cache { return &cache{most: most, at: make(map[key]*list.Element)} }

// get is an account, if it is there. When it is not, round is for put.
func (c *cache) get(k key, now time.Time) (account store.Account, round uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.at[k]
	if e == nil || now.After(e.Value.(*entry).until) {
		return store.Account{}, c.round, false
	}
	c.used.MoveToFront(e)
	return e.Value.(*entry).account, 0, true
}

// put keeps an account that was read since a round began.
func (c *cache) put(k key, account store.Account, round uint64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if round != c.round {
		return
	}
	c.dropLocked(c.at[k])
	if len(c.at) >= c.most {
		c.dropLocked(c.used.Back())
	}
	c.at[k] = c.used.PushFront(&entry{k, account, now.Add(keepAccount)})
}

// drop forgets an account.
func (c *cache) drop(k key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.round++
	c.dropLocked(c.at[k])
}

func (c *cache) dropLocked(e *list.Element) {
	if e != nil {
		delete(c.at, e.Value.(*entry).key)
		c.used.Remove(e)
	}
}

// Account is an account, from memory where it can be. im.ErrUnknownAccount: there is none. Its profile is shared, and is
// not to be changed.
func (p *People) Account(ctx context.Context, app int, id string) (store.Account, error) {
	k := key{app, id}
	now := p.o.Now()
	account, round, ok := p.cache.get(k, now)
	if ok {
		return account, nil
	}
	account, err := p.o.Store.Account(ctx, app, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Account{}, im.ErrUnknownAccount
	}
	if err != nil {
		return store.Account{}, fmt.Errorf("cannot read an account: %w", err)
	}
	p.cache.put(k, account, round, now)
	return account, nil
}

// changed is what nodes tell each other when an account changed.
const changed = "people.changed"

// change drops an account that was changed, here before it returns and on the other nodes soon after.
func (p *People) change(k key) {
	p.cache.drop(k)
	data, err := json.Marshal(k)
	if err != nil {
		panic(err) // a number and a string always marshal
	}
	p.o.Bus.Announce(changed, data)
}

// forget drops an account that another node changed.
func (p *People) forget(_ context.Context, data []byte) ([]byte, error) {
	var k key
	if err := json.Unmarshal(data, &k); err != nil {
		return nil, fmt.Errorf("cannot read which account changed: %w", err)
	}
	p.cache.drop(k)
	return nil, nil
}
