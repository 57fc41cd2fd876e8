package store

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/room/im"
)

// A file that is not ours, or not whole, is refused and left as it is.
func TestDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weir.db")
	g := &ground{opts: Options{Path: path}}
	s := g.open(t)
	fill(t, s, 1)
	for range 50 { // some pages
		got[uint64](t)(s.KeepMessage(t.Context(), im.Message{App: 1, To: "ann", Cloud: strings.Repeat("c", 1000)}, time.Now().Add(time.Hour)))
	}
	ok(t, s.Close())
	whole := contentOf(t, path)

	noise := func(from, n int) []byte {
		damaged := bytes.Clone(whole)
		copy(damaged[from:], bytes.Repeat([]byte{0xa5}, n))
		return damaged
	}
	for name, content := range map[string][]byte{
		"another file":      []byte("what is this, and where does it come from?\n"),
		"a page is noise":   noise(len(whole)/4096/2*4096, 4096),
		"the end is gone":   whole[:len(whole)/2],
		"the header is bad": noise(0, 100),
		"the schema is bad": noise(100, 3996),
	} {
		t.Run(name, func(t *testing.T) {
			ok(t, os.WriteFile(path, content, 0o600))
			s, err := Open(t.Context(), g.opts)
			if err == nil {
				ok(t, s.Close())
			}
			is(t, err, ErrDamaged)
			if !bytes.Equal(contentOf(t, path), content) {
				t.Error("the file was changed")
			}
		})
	}
}

func contentOf(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	ok(t, err)
	return content
}

func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "weir.db")
	g := &ground{opts: Options{Path: path}}
	fill(t, g.open(t), 1)
	for _, name := range []string{"weir.db", "weir.db-wal", "weir.db-shm"} {
		info, err := os.Stat(filepath.Join(filepath.Dir(path), name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := Open(t.Context(), Options{}); err == nil {
		t.Error("opened nothing")
	}
	if _, err := Open(t.Context(), Options{Path: t.TempDir()}); err == nil {
		t.Error("opened a folder")
	}
	if _, err := Open(t.Context(), Options{URL: "postgres://u:secret@:bad"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a bad address: %v", err)
	}
}

// What does not fit is refused, what fitted stays, and it goes on once there is room.
func TestFullDisk(t *testing.T) {
	g := &ground{opts: Options{Path: filepath.Join(t.TempDir(), "weir.db"), MaxKept: 1 << 20}, now: noon}
	g.opts.Now = g.clock
	s, ctx := g.open(t), t.Context()
	got[bool](t)(s.PutAccount(ctx, 1, "ann", nil))
	full := s.writes.database.writes // the one connection
	_, err := full.ExecContext(ctx, "PRAGMA max_page_count = 200")
	ok(t, err)
	var all sync.WaitGroup
	var mu sync.Mutex
	kept := map[uint64]bool{}
	for range 8 {
		all.Go(func() {
			for {
				seq, err := s.KeepMessage(ctx, im.Message{App: 1, To: "ann", Cloud: strings.Repeat("c", 2000)}, noon.Add(time.Hour))
				if err != nil {
					is(t, err, ErrNoSpace)
					return
				}
				mu.Lock()
				kept[seq] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(kept) < 50 {
		t.Fatalf("only %d fitted", len(kept))
	}
	_, err = full.ExecContext(ctx, "PRAGMA max_page_count = 100000")
	ok(t, err)
	kept[got[uint64](t)(s.KeepMessage(ctx, im.Message{App: 1, To: "ann"}, noon.Add(time.Hour)))] = true
	ok(t, s.Close())
	for _, m := range got[[]im.Message](t)(g.open(t).KeptFor(ctx, 1, "ann", 0, 1<<20)) {
		delete(kept, m.Seq)
	}
	if len(kept) > 0 {
		t.Errorf("%d were acknowledged and are gone", len(kept))
	}
}
