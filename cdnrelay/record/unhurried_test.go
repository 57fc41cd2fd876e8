package record

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// timed is an answer that notes the deadlines which are set for it.
type timed struct {
	*httptest.ResponseRecorder
	at []time.Time
}

func (w *timed) SetWriteDeadline(at time.Time) error {
	w.at = append(w.at, at)
	return nil
}

// A file takes as long as it takes: each piece of it has its own time.
func TestLongDownload(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{})})
	r, _ := l.finished(t)
	w := &timed{ResponseRecorder: httptest.NewRecorder()}
	before := time.Now()
	l.front().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/recordings/r/s/"+r.ID+"/1.mp4", nil))
	size := w.Body.Len()
	if w.Code != http.StatusOK || int64(size) != r.Files[0].Size {
		t.Fatalf("%d, %d bytes", w.Code, size)
	}
	if pieces := size / (1 << 20); pieces == 0 || len(w.at) < pieces {
		t.Errorf("%d deadlines for %d bytes", len(w.at), size)
	}
	for _, at := range w.at {
		if at.Before(before.Add(pieceTime)) {
			t.Errorf("a piece has %v", at.Sub(before))
		}
	}
}
