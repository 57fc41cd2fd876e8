package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var epoch = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// open is what a process would open that starts at a time.
func open(t *testing.T, path string, now time.Time) *Uses {
	t.Helper()
	u := NewUses(path, func() time.Time { return now })
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	})
	return u
}

func use(t *testing.T, u *Uses, name string, until time.Time, want bool) {
	t.Helper()
	if first, err := u.Use(name, until); first != want || err != nil {
		t.Errorf("%s: first %v, %v; want %v", name, first, err, want)
	}
}

func TestUsesSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "uses")
	u := open(t, path, epoch)
	use(t, u, "a", epoch.Add(time.Hour), true)
	use(t, u, "b", epoch.Add(2*time.Hour), true)
	use(t, u, "a", epoch.Add(time.Hour), false)
	again := open(t, path, epoch.Add(time.Minute))
	use(t, again, "b", epoch.Add(2*time.Hour), false)
	use(t, again, "a", epoch.Add(time.Hour), false)
	later := open(t, path, epoch.Add(90*time.Minute))
	use(t, later, "b", epoch.Add(2*time.Hour), false)
	if text := read(t, path); strings.Contains(text, "a") {
		t.Errorf("what is over is still there:\n%s", text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Nothing is made where no address for one use ever comes.
func TestUsesWithoutAny(t *testing.T) {
	path := filepath.Join(t.TempDir(), "uses")
	if err := NewUses(path, time.Now).Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file")
	}
}

func TestRaceForOneUse(t *testing.T) {
	u := open(t, filepath.Join(t.TempDir(), "uses"), epoch)
	var won atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if first, err := u.Use("n", epoch.Add(time.Hour)); err != nil {
				t.Error(err)
			} else if first {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d were first", won.Load())
	}
}

func TestUsesAreCompacted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "uses")
	now := epoch
	u := NewUses(path, func() time.Time { return now })
	defer func() { _ = u.Close() }()
	u.seen = make(map[string]int64)
	for i := range 2000 { // as if they had been noted long ago
		u.seen[fmt.Sprint("old", i)] = epoch.Unix()
	}
	if err := u.rewriteLocked(); err != nil {
		t.Fatal(err)
	}
	if u.lines != 2000 {
		t.Fatalf("%d lines", u.lines)
	}
	now = epoch.Add(time.Hour)
	u.lines = 2*len(u.seen) + spare
	use(t, u, "new", now.Add(time.Hour), true)
	if text := read(t, path); strings.Count(text, "\n") != 1 || u.lines != 1 {
		t.Errorf("%d lines, the file is\n%.200s", u.lines, text)
	}
}

func TestUsesAreBounded(t *testing.T) {
	u := open(t, filepath.Join(t.TempDir(), "uses"), epoch)
	u.seen = make(map[string]int64, maxUses)
	for i := range maxUses {
		u.seen[fmt.Sprint(i)] = epoch.Add(time.Hour).Unix()
	}
	if err := u.rewriteLocked(); err != nil {
		t.Fatal(err)
	}
	if first, err := u.Use("n", epoch.Add(time.Hour)); first || !errors.Is(err, ErrFull) {
		t.Errorf("first %v, %v", first, err)
	}
	u.now = func() time.Time { return epoch.Add(2 * time.Hour) }
	use(t, u, "n", epoch.Add(3*time.Hour), true)
}

func TestUsesRefusesNames(t *testing.T) {
	u := open(t, filepath.Join(t.TempDir(), "uses"), epoch)
	for _, name := range []string{"", "a b", "a\n9999999999 b", strings.Repeat("a", maxUse+1)} {
		if first, err := u.Use(name, epoch); first || err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestParseUses(t *testing.T) {
	for _, tc := range []struct {
		text string
		n    int
		err  error
	}{
		{"", 0, nil},
		{"1777636800 a\n1777636801 b\n", 2, nil},
		{"1777636800 a\n1777636801 b", 1, nil}, // torn
		{"x a\n1777636801 b\n", 0, ErrDamaged},
		{"1777636800\n", 0, ErrDamaged},
		{"1777636800 " + strings.Repeat("a", maxUse+1) + "\n", 0, ErrDamaged},
	} {
		if got, err := parseUses([]byte(tc.text)); len(got) != tc.n || !errors.Is(err, tc.err) {
			t.Errorf("%q: got %v, %v", tc.text, got, err)
		}
	}
}

// A file that is not ours opens no address, and is left as it is.
func TestDamagedUses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "uses")
	if err := os.WriteFile(path, []byte("what?\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if first, err := open(t, path, epoch).Use("a", epoch); first || !errors.Is(err, ErrDamaged) {
		t.Errorf("first %v, %v", first, err)
	}
	if read(t, path) != "what?\n" {
		t.Error("it was overwritten")
	}
}

func FuzzParseUses(f *testing.F) {
	f.Add([]byte("1777636800 a\n"))
	f.Add([]byte("1 a\n\n2"))
	f.Fuzz(func(t *testing.T, text []byte) {
		seen, err := parseUses(text)
		if err != nil && seen != nil {
			t.Error("a damaged file has uses")
		}
	})
}
