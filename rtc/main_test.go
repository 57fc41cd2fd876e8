package rtc

import (
	"log/slog"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/pion/logging"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is the longest that a test waits for what must come; nothing is measured with it.
const patience = 30 * time.Second

func newEngine(t testing.TB, listen string, publicIPs ...string) *Engine {
	t.Helper()
	e, err := NewEngine(Options{Listen: listen, PublicIPs: publicIPs, Logs: discard()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("cannot close the engine: %v", err)
		}
	})
	return e
}

func discard() logging.LoggerFactory { return LogTo(slog.New(slog.DiscardHandler)) }

// must is the value of a call that cannot fail in a test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// eventually waits until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-tick.C
	}
}

// descriptors is the number of open files of this process.
func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("descriptors cannot be counted on %s: %v", runtime.GOOS, err)
	}
	return len(list)
}

// leavesNothing runs f and checks that it left no goroutine and no descriptor.
func leavesNothing(t *testing.T, f func()) {
	t.Helper()
	before, files := goleak.IgnoreCurrent(), descriptors(t)
	f()
	if err := goleak.Find(before); err != nil {
		t.Errorf("goroutines are left: %v", err)
	}
	if n := descriptors(t); n > files {
		t.Errorf("%d descriptors are open, %d were before", n, files)
	}
}
