package record

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"weir/room/store"
)

// TestFaultsOverREST: a full disk is told by name, whether it is that of the files or of the store, and other faults are not told.
func TestFaultsOverREST(t *testing.T) {
	var status int
	var code string
	r := Recorder{log: slog.New(slog.DiscardHandler), opts: Options{
		Problem: func(_ http.ResponseWriter, _ *http.Request, s int, c, _ string) { status, code = s, c },
	}}
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{fmt.Errorf("cannot note it: %w", store.ErrNoSpace), http.StatusInsufficientStorage, "no_space"},
		{fmt.Errorf("cannot write it: %w", syscall.ENOSPC), http.StatusInsufficientStorage, "no_space"},
		{errors.New("a fault"), http.StatusInternalServerError, "internal"},
	} {
		r.refuse(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/api/v1/recordings", nil), c.err)
		if status != c.status || code != c.code {
			t.Errorf("%v: %d %s", c.err, status, code)
		}
	}
	if got := reasonOf(errShutdown); got != "shutdown" { // as of streams, pushes and pulls
		t.Errorf("the server stops: %s", got)
	}
}
