package rtmp

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/mux/rtmp"
)

// dripping is a connection to a server that takes one byte of each write, when that has waited for as long as it may.
type dripping struct {
	net.Conn
	mu sync.Mutex // guards by
	by time.Time
}

func (d *dripping) SetWriteDeadline(by time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.by = by
	return nil
}

func (d *dripping) late() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !time.Now().Before(d.by)
}

func (d *dripping) Write([]byte) (int, error) {
	if d.late() {
		return 0, os.ErrDeadlineExceeded
	}
	for !d.late() {
		time.Sleep(10 * time.Millisecond)
	}
	return 1, os.ErrDeadlineExceeded
}

// TestDrippingServer: a server that takes a byte now and then holds nobody for ever (BAD-07), and whoever is to end is held
// no longer than he says.
func TestDrippingServer(t *testing.T) {
	write := func(t *testing.T, during func(c *Conn)) time.Duration {
		t.Helper()
		c := newConn(new(dripping), Options{WriteTimeout: 10 * time.Second}, target{})
		c.handOn(publishing)
		began := time.Now()
		go during(c)
		_, err := c.Write(rtmp.Message{Type: rtmp.TypeVideo, Body: bytes.Repeat([]byte("picture"), 1000)})
		if !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v, want %v", err, ErrTimeout)
		}
		return time.Since(began)
	}
	t.Run("a write", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			if took := write(t, func(*Conn) {}); took < 29*time.Second || took > 31*time.Second {
				t.Errorf("it took %v of the clock in the test", took)
			}
		})
	})
	t.Run("a write in a hurry", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			took := write(t, func(c *Conn) {
				time.Sleep(time.Second)
				c.Hurry(time.Now().Add(2 * time.Second))
			})
			if took < 2*time.Second || took > 4*time.Second {
				t.Errorf("it took %v of the clock in the test", took)
			}
		})
	})
}
