package push

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"weir/room/store"
)

// TestFullDiskOverREST: an administrator learns that the disk is full, as the log and the figures of the store say.
func TestFullDiskOverREST(t *testing.T) {
	var status int
	var code, detail string
	h := REST{
		Manager: &Manager{log: slog.New(slog.DiscardHandler)},
		Problem: func(_ http.ResponseWriter, _ *http.Request, s int, c, d string) { status, code, detail = s, c, d },
	}
	r := httptest.NewRequest(http.MethodPost, "/api/v1/relays", nil)
	h.refuse(httptest.NewRecorder(), r, fmt.Errorf("cannot keep the relay: %w", store.ErrNoSpace))
	if status != http.StatusInsufficientStorage || code != "no_space" || detail != store.ErrNoSpace.Error() {
		t.Errorf("got %d %s: %s", status, code, detail)
	}
	h.refuse(httptest.NewRecorder(), r, fmt.Errorf("cannot keep the relay: %w", errTest))
	if status != http.StatusInternalServerError || code != "internal" {
		t.Errorf("another fault: %d %s: %s", status, code, detail)
	}
}

// TestReasonOfShutdown: the word is that of streams and of pulls.
func TestReasonOfShutdown(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := reasonOf(ctx, errTest); got != "shutdown" {
		t.Errorf("got %s", got)
	}
}
