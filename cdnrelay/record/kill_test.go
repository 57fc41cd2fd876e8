package record

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/room/live"
	"weir/room/store"
)

// childEnv makes the test's own binary a child that records into this folder until it is killed.
const childEnv = "WEIR_RECORD_TEST_CHILD"

// noisy says what was written: FILE and how far it goes.
type noisy struct {
	file
	name string
}

func (f *noisy) WriteAt(b []byte, at int64) (int, error) {
	n, err := f.file.WriteAt(b, at)
	if err == nil {
		fmt.Println(f.name, at+int64(n)) // a line is one system call
	}
	return n, err
}

// child records a stream in both formats and says what was written. It is ended from outside.
func child(dir string) {
	var t testing.T // of pictures and source, which report what cannot be
	kept, err := store.Open(context.Background(), store.Options{Path: filepath.Join(dir, "weir.db")})
	if err != nil {
		panic(err)
	}
	hub := live.NewRegistry(live.Options{
		RingBytes: 16 << 20, RingTime: 60 * time.Second, Fresh: 2500 * time.Millisecond, Grace: 15 * time.Second,
		TrackWait: time.Second, FeedIdle: 10 * time.Second, MaxStreams: 100,
	})
	r, err := New(Options{
		Hub: hub, Index: kept, Dir: filepath.Join(dir, "recordings"), Split: 20 * time.Second,
		Rules: []Rule{{Match: "*/*"}, {Match: "*/*", Spec: Spec{Format: FormatFLV}}},
		wrap:  func(name string, f file) file { return &noisy{f, name} },
	})
	if err != nil {
		panic(err)
	}
	go func() { _ = hub.Run(context.Background()) }()
	go func() { _ = r.Run(context.Background()) }()
	l := &lab{hub: hub}
	p := l.publish(&t)
	for {
		p.play(time.Second)
		time.Sleep(2 * time.Millisecond)
	}
}

// A recorder that is killed at any time leaves files that play, and of which at most the last fragment is missing: all that was
// written whole is there after the next start.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	files, seconds := 0, time.Duration(0)
	for range 20 {
		before := known(t, dir)
		written := spawn(t, dir, rand.IntN(60))
		l := openLab(t, Options{Dir: dir})
		l.repaired(t)
		all, err := l.store.Recordings(t.Context(), 1400000000, store.RecordingQuery{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for i := range all {
			r := &all[i]
			if before[r.ID] {
				continue
			}
			if r.Running || r.State != stateComplete {
				t.Errorf("recording %s is %s", r.ID, r.State)
			}
			for _, f := range r.Files {
				files++
				seconds += f.Duration
				if got := ffprobe(t, l.path(r, f.Name)); !f.Complete || len(got.Streams) != 2 {
					t.Errorf("%s of %s: %+v %+v", f.Name, r.ID, f, got)
				}
				if f.Size < written[f.Name] {
					t.Errorf("%s of %s has %d bytes, and %d were written", f.Name, r.ID, f.Size, written[f.Name])
				}
			}
		}
		l.stop()
	}
	if files < 20 {
		t.Errorf("%d files alone were written", files)
	}
	t.Logf("%d files of %v", files, seconds)
}

// repaired waits until the recorder runs.
func (l *lab) repaired(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(waiting); ; time.Sleep(time.Millisecond) {
		l.Recorder.mu.Lock()
		runs := l.Recorder.ctx != nil
		l.Recorder.mu.Unlock()
		if runs {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the recorder does not run")
		}
	}
}

// known are the recordings that are there.
func known(t *testing.T, dir string) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	found, err := filepath.Glob(filepath.Join(dir, "recordings", "1400000000", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		ids[filepath.Base(path)] = true
	}
	return ids
}

// spawn starts a child, kills it after some lines, and returns how far its files were written. The beginning of a file alone
// is not worth one.
func spawn(t *testing.T, dir string, lines int) map[string]int64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	var faults strings.Builder
	cmd.Stderr = &faults
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	written := map[string]int64{}
	in := bufio.NewScanner(out)
	for n := 0; in.Scan(); n++ {
		var name string
		var to int64
		if _, err := fmt.Sscan(in.Text(), &name, &to); err != nil {
			t.Errorf("%q: %v", in.Text(), err)
		}
		written[name] = max(written[name], to)
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if faults.Len() > 0 {
		t.Fatal(faults.String())
	}
	return written
}
