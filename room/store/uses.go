package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// maxUses bounds what is remembered: about 10 MB in memory and in the file.
	maxUses = 100_000
	// maxUse is the longest name of a use, in bytes.
	maxUse = 64
	// spare is how many lines of the file may be for nothing before it is written anew.
	spare = 1000
)

// Uses remembers which addresses for one use were used, in a file of one line for each: until when it matters, in
// Unix seconds, and the use's name. Lines are appended and synced, and now and then the file is written anew without
// what is over. One process at a time may have the file. It is safe for concurrent use.
type Uses struct {
	path string
	now  func() time.Time

	mu    sync.Mutex       // guards the fields below
	file  *os.File         // nil before the first use
	seen  map[string]int64 // until when each matters
	lines int              // in the file
}

// NewUses remembers uses in the file called path. It is read or made when the first use is noted, with its folder.
func NewUses(path string, now func() time.Time) *Uses { return &Uses{path: path, now: now} }

// Use notes a use, to be remembered until a time at least, and tells whether it is the first of that name. It returns
// when the note is on the disk.
func (u *Uses) Use(name string, until time.Time) (first bool, err error) {
	if name == "" || len(name) > maxUse || strings.ContainsAny(name, " \r\n") {
		return false, fmt.Errorf("cannot note a use: %q is no name of one", name)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.openLocked(); err != nil {
		return false, fmt.Errorf("cannot read the uses of addresses: %w", err)
	}
	if _, there := u.seen[name]; there {
		return false, nil
	}
	if err := u.noteLocked(name, until.Unix()); err != nil {
		return false, fmt.Errorf("cannot note a use: %w", err)
	}
	return true, nil
}

// Close gives the file back.
func (u *Uses) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.closeLocked()
}

func (u *Uses) closeLocked() error {
	if u.file == nil {
		return nil
	}
	err := u.file.Close()
	u.file = nil
	return err
}

// openLocked reads the file that a process before left, and begins it anew.
func (u *Uses) openLocked() error {
	if u.file != nil {
		return nil
	}
	text, err := os.ReadFile(u.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	seen, err := parseUses(text)
	if err != nil {
		return err
	}
	maps.Copy(seen, u.seen) // of before a fault
	u.seen = seen
	return u.rewriteLocked()
}

// parseUses reads a file of uses. A last line without its end was not synced, so that nobody was let in for it.
func parseUses(text []byte) (map[string]int64, error) {
	seen := make(map[string]int64)
	in := bufio.NewReader(bytes.NewReader(text))
	for n := 1; ; n++ {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return seen, nil
		}
		at, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		until, err := strconv.ParseInt(at, 10, 64)
		if err != nil || name == "" || len(name) > maxUse {
			return nil, fmt.Errorf("%w: line %d", ErrDamaged, n)
		}
		seen[name] = until
	}
}

// noteLocked appends a line. What cannot be written whole is not counted on: the file is written anew without it.
func (u *Uses) noteLocked(name string, until int64) error {
	if u.lines >= 2*len(u.seen)+spare || len(u.seen) >= maxUses {
		if err := u.rewriteLocked(); err != nil {
			return err
		}
	}
	if len(u.seen) >= maxUses {
		return ErrFull
	}
	_, err := u.file.WriteString(strconv.FormatInt(until, 10) + " " + name + "\n")
	if err == nil {
		err = u.file.Sync()
	}
	if err != nil {
		return errors.Join(err, u.rewriteLocked())
	}
	u.seen[name] = until
	u.lines++
	return nil
}

// rewriteLocked forgets what is over and puts the rest into a new file. After a fault nobody knows which file is there,
// so that it is read anew next time.
func (u *Uses) rewriteLocked() error {
	err := u.replaceLocked()
	if err != nil {
		err = errors.Join(err, u.closeLocked())
	}
	return err
}

// replaceLocked puts a new file in the place of the old one, whole or not at all.
func (u *Uses) replaceLocked() error {
	now := u.now().Unix()
	var text bytes.Buffer
	for name, until := range u.seen {
		if until < now {
			delete(u.seen, name)
			continue
		}
		fmt.Fprintf(&text, "%d %s\n", until, name)
	}
	dir := filepath.Dir(u.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, filepath.Base(u.path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(text.Bytes())
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(file.Name(), u.path)
	}
	if err == nil {
		err = syncFolder(dir)
	}
	if err != nil {
		return errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	_ = u.closeLocked() // nothing in it counts any more
	u.file, u.lines = file, len(u.seen)
	return nil
}

// syncFolder makes a change of names last.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
