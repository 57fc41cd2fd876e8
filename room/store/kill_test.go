package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/room/im"
)

const (
	// childEnv makes the test's own binary a child that writes into this database; fileLimitEnv lets no file of its
	// grow beyond a size.
	childEnv     = "WEIR_STORE_TEST_CHILD"
	fileLimitEnv = "WEIR_STORE_TEST_FILE_LIMIT"
)

// child keeps messages, history and deliveries until it is killed, or until nothing can be written any more, and says
// what was acknowledged: "kept N TOKEN", "history N TOKEN", "queued TOKEN".
func child(where string) error {
	ctx := context.Background()
	var limit uint64
	if _, err := fmt.Sscan(os.Getenv(fileLimitEnv), &limit); err == nil {
		signal.Ignore(syscall.SIGXFSZ) // a write beyond it fails as one on a full disk does
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return err
		}
	}
	s, err := Open(ctx, childOptions(where))
	if err != nil {
		return err
	}
	if _, err := s.PutAccount(ctx, 1, "ann", nil); err != nil {
		return err
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for err := error(nil); err == nil; {
				err = s.childWrites(ctx)
			}
		})
	}
	all.Wait()
	_, err = fmt.Println("full")
	return err
}

func childOptions(where string) Options {
	opts := Options{Path: where, MaxKept: 1 << 20, MaxHistory: 1 << 20}
	if strings.HasPrefix(where, "postgres:") {
		opts.URL = where
	}
	return opts
}

// childWrites writes one of each. What is printed was acknowledged; a line is one system call.
func (s *Store) childWrites(ctx context.Context) error {
	token := rand.Uint32()
	until := time.Now().Add(time.Hour)
	padding := strings.Repeat("c", rand.IntN(2000))
	seq, err := s.KeepMessage(ctx, im.Message{App: 1, To: "ann", Random: token, Cloud: padding}, until)
	if err != nil {
		return err
	}
	fmt.Println("kept", seq, token)
	if seq, err = s.ReserveSeq(ctx, 1, "r", 1); err != nil {
		return err
	}
	if err := s.KeepRoomMessage(ctx, im.Message{App: 1, Room: "r", Seq: seq, Random: token}, until); err != nil {
		return err
	}
	fmt.Println("history", seq, token)
	if err := s.Enqueue(ctx, []Delivery{{App: 1, Receiver: "im", Key: "r", Kind: fmt.Sprint(token)}}); err != nil {
		return err
	}
	fmt.Println("queued", 0, token)
	return nil
}

// acknowledged is what children said.
type acknowledged struct {
	kept, history map[uint64]uint32 // by number
	queued        map[uint32]bool
}

// read takes a child's lines until its end, and stops it after some of them.
func (a *acknowledged) read(t *testing.T, lines io.Reader, most int, stop func()) (full bool) {
	t.Helper()
	in := bufio.NewScanner(lines)
	for n := 0; in.Scan(); n++ {
		var what string
		var seq uint64
		var token uint32
		if in.Text() == "full" {
			return true
		}
		if _, err := fmt.Sscan(in.Text(), &what, &seq, &token); err != nil {
			t.Errorf("%q: %v", in.Text(), err) // a line is written at once
		}
		switch of := map[string]map[uint64]uint32{"kept": a.kept, "history": a.history}[what]; {
		case of == nil:
			a.queued[token] = true
		case of[seq] != 0:
			t.Errorf("%s: number %d was given twice", what, seq)
		default:
			of[seq] = token
		}
		if n == most {
			stop()
		}
	}
	return false
}

// check looks for everything that was acknowledged.
func (a *acknowledged) check(t *testing.T, opts Options) {
	t.Helper()
	s, err := Open(t.Context(), opts)
	ok(t, err)
	defer func() { ok(t, s.Close()) }()
	find := func(what string, want map[uint64]uint32, have []im.Message) {
		t.Helper()
		found := map[uint64]uint32{}
		for _, m := range have {
			found[m.Seq] = m.Random
		}
		if len(found) != len(have) {
			t.Errorf("%s: a number is there twice", what)
		}
		for seq, token := range want {
			if found[seq] != token {
				t.Errorf("%s: message %d was acknowledged and is lost", what, seq)
			}
		}
	}
	ctx := t.Context()
	find("kept", a.kept, got[[]im.Message](t)(s.KeptFor(ctx, 1, "ann", 0, 1<<20)))
	find("history", a.history, got[[]im.Message](t)(s.RoomMessages(ctx, 1, "r", 0, 1<<20)))
	queue := map[string]int{}
	for _, d := range got[[]Delivery](t)(s.DueFor(ctx, "im", time.Now(), 1<<20)) {
		queue[d.Kind]++
	}
	for token := range a.queued {
		if queue[fmt.Sprint(token)] != 1 {
			t.Errorf("queue: %d was acknowledged and is there %d times", token, queue[fmt.Sprint(token)])
		}
	}
	var next uint64
	for seq := range a.kept {
		next = max(next, seq)
	}
	if seq := got[uint64](t)(s.KeepMessage(ctx, im.Message{App: 1, To: "ann"}, time.Now().Add(time.Hour))); seq <= next {
		t.Errorf("number %d is given again after %d", seq, next)
	} else {
		a.kept[seq] = 0
	}
}

// spawn starts a child and reads what it acknowledges; it is killed after some lines.
func (a *acknowledged) spawn(t *testing.T, where string, most int, env ...string) (full bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), childEnv+"="+where), env...)
	var faults strings.Builder
	cmd.Stderr = &faults
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	full = a.read(t, out, most, func() { ok(t, cmd.Process.Kill()) })
	_ = cmd.Wait() // it was killed
	if faults.Len() > 0 {
		t.Fatal(faults.String())
	}
	return full
}

// prepareFor makes what children write into.
func (a *acknowledged) prepareFor(t *testing.T, opts Options) {
	t.Helper()
	*a = acknowledged{map[uint64]uint32{}, map[uint64]uint32{}, map[uint32]bool{}}
	s, err := Open(t.Context(), opts)
	ok(t, err)
	ok(t, s.CreateRoom(t.Context(), 1, Room{ID: "r"}, nil))
	ok(t, s.Close())
}

// TestKilled: a process that is killed at any time has lost nothing that it acknowledged.
func TestKilled(t *testing.T) {
	for name, where := range grounds {
		t.Run(name, func(t *testing.T) {
			opts := where(t)
			at := opts.Path + opts.URL
			opts = childOptions(at)
			var a acknowledged
			a.prepareFor(t, opts)
			for range 20 {
				a.spawn(t, at, rand.IntN(60))
				a.check(t, opts)
			}
			t.Logf("acknowledged: %d kept, %d of the room, %d deliveries", len(a.kept), len(a.history), len(a.queued))
		})
	}
}

// TestFileLimit: where the disk has no more room, what was acknowledged is there, and it goes on once there is room.
func TestFileLimit(t *testing.T) {
	opts := childOptions(grounds["sqlite"](t).Path)
	var a acknowledged
	a.prepareFor(t, opts)
	for _, limit := range []int{300_000, 330_000, 600_000} {
		if !a.spawn(t, opts.Path, -1, fmt.Sprint(fileLimitEnv, "=", limit)) {
			t.Fatal("the child did not come to the limit")
		}
		a.check(t, opts)
	}
	t.Logf("acknowledged: %d kept, %d of the room, %d deliveries", len(a.kept), len(a.history), len(a.queued))
}
