package manage

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/room/store"
)

// TestFaults: a full disk is told by name; other faults are not told.
func TestFaults(t *testing.T) {
	m := Manage{log: slog.New(slog.DiscardHandler)}
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{fmt.Errorf("cannot create a room: %w", store.ErrNoSpace), http.StatusInsufficientStorage, `"no_space"`},
		{errors.New("secret"), http.StatusInternalServerError, `"internal"`},
	} {
		w := httptest.NewRecorder()
		m.refuse(w, httptest.NewRequest(http.MethodPost, "/api/v1/rooms", nil), c.err)
		if body := w.Body.String(); w.Code != c.status || !strings.Contains(body, c.code) || strings.Contains(body, "secret") {
			t.Errorf("%v: %d %s", c.err, w.Code, body)
		}
	}
}
