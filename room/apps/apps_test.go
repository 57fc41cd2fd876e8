package apps

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/room/auth"
	"weir/room/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shelf is a Store of one process.
type shelf struct {
	mu   sync.Mutex
	rows map[int]store.App
	err  error
}

func (s *shelf) CreateApp(_ context.Context, app store.App) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows = make(map[int]store.App)
	}
	s.rows[app.ID] = app
	return s.err
}

func (s *shelf) Apps(context.Context) ([]store.App, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.rows)), s.err
}

func (s *shelf) DeleteApp(_ context.Context, id int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rows, id)
	return s.err
}

// nodes are Nodes in one process.
type nodes struct {
	mu       sync.Mutex
	handlers []func(context.Context, []byte) ([]byte, error)
}

func (n *nodes) Handle(_ string, h func(context.Context, []byte) ([]byte, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handlers = append(n.handlers, h)
}

func (n *nodes) Announce(_ string, data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range n.handlers {
		_, _ = h(context.Background(), data)
	}
}

const (
	ownID = 1400000000
	key   = "0123456789abcdef0123456789abcdef"
)

func newApps(t *testing.T, alter func(*Options)) *Apps {
	t.Helper()
	o := Options{
		Default:    auth.App{ID: ownID, Key: key, Admins: []string{"administrator"}},
		Configured: []auth.App{{ID: 5, Key: key + key, Name: "shop"}},
		Now:        func() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) },
	}
	if alter != nil {
		alter(&o)
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestB12 is "operator creates an app (name) → SDKAppID, status, creation time visible; ≥100 apps per account refused".
func TestB12(t *testing.T) {
	kept := &shelf{}
	a := newApps(t, func(o *Options) { o.Store = kept })
	ids := map[int]bool{}
	for i := range usualMost - 2 {
		info, secret, err := a.Create(t.Context(), Draft{Name: fmt.Sprint("app ", i), Admins: []string{"boss"}})
		if err != nil {
			t.Fatal(err)
		}
		if info.ID < firstID || info.ID >= firstID+idSpan || ids[info.ID] || info.Origin != Stored || info.Created.IsZero() || len(string(secret)) != 64 {
			t.Fatalf("made %+v with a key of %d characters", info, len(string(secret)))
		}
		ids[info.ID] = true
		app, ok := a.App(info.ID)
		if !ok || app.Key != secret || app.Keys.Play.Primary == "" || !app.Administers(auth.User{ID: "boss"}) {
			t.Fatalf("%d is not there as it was made", info.ID)
		}
	}
	if _, _, err := a.Create(t.Context(), Draft{Name: "one too many"}); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	again := newApps(t, func(o *Options) { o.Store = kept })
	if err := again.Load(t.Context()); err != nil || len(again.List()) != usualMost {
		t.Errorf("after a restart there are %d, %v", len(again.List()), err)
	}
	if list := again.List(); !slices.IsSortedFunc(list, func(x, y Info) int { return x.ID - y.ID }) || list[0].ID != 5 || list[0].Origin != Configured {
		t.Errorf("listed as %+v", list[:2])
	}
}

func TestB13(t *testing.T) {
	kept, gone := &shelf{}, []int{}
	a := newApps(t, func(o *Options) { o.Store, o.Deleted = kept, func(id int) { gone = append(gone, id) } })
	if _, _, err := a.Create(t.Context(), Draft{ID: 7, Name: "shop"}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[int]error{ownID: ErrConfigured, 5: ErrConfigured, 8: ErrNotFound} {
		if err := a.Delete(t.Context(), id); !errors.Is(err, want) {
			t.Errorf("app %d: got %v, want %v", id, err, want)
		}
	}
	if err := a.Delete(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.App(7); ok || !slices.Equal(gone, []int{7}) || len(kept.rows) != 0 {
		t.Errorf("it is still there: %v, told of %v, %d kept", ok, gone, len(kept.rows))
	}
}

func TestCreateRefuses(t *testing.T) {
	a := newApps(t, func(o *Options) { o.Store = &shelf{} })
	for name, tc := range map[string]struct {
		m    Draft
		want error
	}{
		"no name":         {Draft{}, ErrBadApp},
		"spaces":          {Draft{Name: "  "}, ErrBadApp},
		"a long name":     {Draft{Name: strings.Repeat("a", maxName+1)}, ErrBadApp},
		"no text":         {Draft{Name: "\xff"}, ErrBadApp},
		"a line end":      {Draft{Name: "a\nb"}, ErrBadApp},
		"a negative id":   {Draft{ID: -1, Name: "a"}, ErrBadApp},
		"a large id":      {Draft{ID: 1 << 32, Name: "a"}, ErrBadApp},
		"a bad admin":     {Draft{Name: "a", Admins: []string{"a b"}}, ErrBadApp},
		"too many admins": {Draft{Name: "a", Admins: make([]string, maxAdmins+1)}, ErrBadApp},
		"the default id":  {Draft{ID: ownID, Name: "a"}, ErrTaken},
		"a configured id": {Draft{ID: 5, Name: "a"}, ErrTaken},
	} {
		if _, _, err := a.Create(t.Context(), tc.m); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, _, err := newApps(t, nil).Create(t.Context(), Draft{Name: "a"}); err == nil {
		t.Error("an app is made that nothing keeps")
	}
}

// TestNodes: an app that one node makes or deletes is known, or gone, on the others as soon as they hear of it.
func TestNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, all, gone := &shelf{}, &nodes{}, make(chan int, 1)
		one := newApps(t, func(o *Options) { o.Store = kept })
		two := newApps(t, func(o *Options) { o.Store, o.Deleted = kept, func(id int) { gone <- id } })
		one.Attach(all)
		two.Attach(all)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- two.Run(ctx) }()
		if _, _, err := one.Create(t.Context(), Draft{ID: 7, Name: "shop"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, ok := two.App(7); !ok {
			t.Error("the other node has not heard of it")
		}
		if err := one.Delete(t.Context(), 7); err != nil {
			t.Fatal(err)
		}
		if id := <-gone; id != 7 {
			t.Errorf("the other node heard of %d", id)
		}
		kept.mu.Lock()
		kept.rows[9] = store.App{ID: 9, Key: key} // by a node that nobody hears
		kept.mu.Unlock()
		time.Sleep(reloadEvery + time.Second)
		synctest.Wait()
		if _, ok := two.App(9); !ok {
			t.Error("what nobody told of is not found in time")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestStoreFails: what cannot be read takes nothing away, and rows that cannot be used do no harm.
func TestStoreFails(t *testing.T) {
	kept := &shelf{rows: map[int]store.App{7: {ID: 7, Key: key}, 8: {ID: 8}, ownID: {ID: ownID, Key: "x"}}}
	a := newApps(t, func(o *Options) { o.Store = kept })
	if err := a.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept.err = errors.New("the disk is gone")
	if err := a.Load(t.Context()); !errors.Is(err, kept.err) {
		t.Errorf("got %v", err)
	}
	if _, ok := a.App(7); !ok {
		t.Error("a known app is gone")
	}
	if _, ok := a.App(8); ok {
		t.Error("an app without a key is there")
	}
	if own, _ := a.App(ownID); own.Key != key {
		t.Error("a row stands for the configured app")
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"no key": {Default: auth.App{ID: 1}},
		"no id":  {Default: auth.App{Key: key}},
		"twice":  {Default: auth.App{ID: 1, Key: key}, Configured: []auth.App{{ID: 1, Key: key}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLookUpAllocatesNothing(t *testing.T) {
	a := newApps(t, nil)
	if n := testing.AllocsPerRun(100, func() { a.App(5) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
