package hook

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"weir/room/store"
)

// victimEnv makes the test program one that is killed: the path of its store and the address of its receiver.
const victimEnv = "HOOK_TEST_VICTIM"

// victim tells events for ever, one more each time, until it is killed. Each thousand it prints how many it told.
func victim(path, to string) error {
	s, err := store.Open(context.Background(), store.Options{Path: path})
	if err != nil {
		return err
	}
	h, err := New(Options{Queue: s, IM: Receiver{URL: to}, DefaultApp: app})
	if err != nil {
		return err
	}
	go func() { _ = h.Run(context.Background()) }()
	for n := 0; ; n++ {
		say(h, "room", n)
		// Whoever tells is not faster than the disk here, so that nothing is dropped.
		for h.buffer.len() > maxBuffered/2 {
			sleep(context.Background(), time.Millisecond)
		}
		if n%1000 == 999 {
			fmt.Println(n + 1)
		}
	}
}

// TestKilled: a process that is killed while it tells loses nothing that was written down: another goes on with the queue, and the
// receiver gets everything in its order, some of it twice under the same id.
func TestKilled(t *testing.T) {
	if args := os.Getenv(victimEnv); args != "" {
		u, _ := url.Parse(args)
		t.Fatal(victim(u.Query().Get("path"), u.Query().Get("to")))
	}
	var mu sync.Mutex
	byID := make(map[string]int)
	var order []int
	some := make(chan struct{}, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it was killed meanwhile
		}
		_, n := seqOf(t, got{body: body})
		mu.Lock()
		defer mu.Unlock()
		if before, ok := byID[r.Header.Get(idHeader)]; ok {
			if before != n {
				t.Errorf("one id for %d and %d", before, n)
			}
			return
		}
		byID[r.Header.Get(idHeader)] = n
		order = append(order, n)
		if len(order) == 50 {
			some <- struct{}{}
		}
		w.WriteHeader(http.StatusOK)
	}))
	defer receiver.Close()
	path := filepath.Join(t.TempDir(), "weir.db")
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), victimEnv+"=?"+url.Values{"path": {path}, "to": {receiver.URL}}.Encode())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-some
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed

	s, err := store.Open(t.Context(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	left, err := s.Backlog(t.Context())
	if err != nil || left.Waiting == 0 {
		t.Fatalf("%+v, %v: %s", left, err, &out)
	}
	h := newHooks(t, Options{Queue: s, IM: Receiver{URL: receiver.URL}}, nil)
	stop := run(t, h)
	eventually(t, strconv.Itoa(left.Waiting)+" deliveries", func() bool {
		b, err := s.Backlog(t.Context())
		return err == nil && b.Waiting == 0
	})
	stop()
	mu.Lock()
	defer mu.Unlock()
	for i, n := range order {
		if n != i {
			t.Fatalf("the event at %d is %d", i, n)
		}
	}
	t.Logf("%d events, %d of them after the restart", len(order), left.Waiting)
}
