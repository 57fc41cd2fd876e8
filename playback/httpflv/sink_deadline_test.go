package httpflv

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// deadlined is a ResponseWriter that keeps the deadline under which it is written to.
type deadlined struct {
	*httptest.ResponseRecorder
	deadline, used time.Time
}

func (w *deadlined) SetWriteDeadline(t time.Time) error {
	w.deadline = t
	return nil
}

func (w *deadlined) Write(b []byte) (int, error) {
	w.used = w.deadline
	return w.ResponseRecorder.Write(b)
}

// A viewer over HTTP/2 who takes nothing must not be waited for without end either.
func TestEveryWriteHasADeadline(t *testing.T) {
	w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
	s := &responseSink{w: w, control: http.NewResponseController(w), timeout: time.Hour}
	for range 2 {
		before := time.Now()
		if err := s.write([][]byte{{1}, {2}}); err != nil {
			t.Fatal(err)
		}
		if w.used.Before(before.Add(s.timeout)) || w.used.After(time.Now().Add(s.timeout)) {
			t.Errorf("the deadline is %v", w.used)
		}
		if !w.deadline.IsZero() { // HTTP/2 resets the stream at the deadline, also where nothing is written
			t.Errorf("the deadline %v goes on behind the write", w.deadline)
		}
	}
}
