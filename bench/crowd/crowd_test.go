//go:build linux

package crowd

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for an event.
const patience = 30 * time.Second

// eventually waits until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for begin := time.Now(); !ok(); runtime.Gosched() {
		if time.Since(begin) > patience {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func nal(kind byte, text string) []byte { return append([]byte{kind}, text...) }

func TestPictures(t *testing.T) {
	p := NewPictures()
	begin := time.Now()
	p.Send(nal(7, "parameters"))
	p.Send(nal(5, "one"))
	p.Send(nal(1, "two"))
	if p.Count() != 2 {
		t.Errorf("%d pictures, want 2", p.Count())
	}
	one, ok := p.Find(nal(5, "one"))
	if !ok || one.N != 1 || !one.Key || one.Sent.Before(begin) {
		t.Errorf("the first is %+v, %v", one, ok)
	}
	for _, other := range [][]byte{nal(5, "two"), nal(7, "parameters"), nil} {
		if _, ok := p.Find(other); ok {
			t.Errorf("found %q", other)
		}
	}
}

func TestRounds(t *testing.T) {
	once := NewPictures()
	begin := time.Now().Add(-25 * time.Hour)
	once.SendAt(nal(5, "one"), begin)
	once.SendAt(nal(1, "two"), begin.Add(time.Hour))
	r := NewRounds(once, 10*time.Hour)
	if p, ok := r.Find(nal(1, "two")); !ok || p.N != 2*2+2 || !p.Sent.Equal(begin.Add(21*time.Hour)) {
		t.Errorf("found %+v, %v", p, ok)
	}
	if _, ok := r.Find(nal(1, "three")); ok {
		t.Error("found what was never sent")
	}
}

func TestRecord(t *testing.T) {
	p := NewPictures()
	for _, text := range []string{"one", "two", "three", "four"} {
		p.Send(nal(5, text))
	}
	r := newRecord(p)
	r.saw(nal(5, "unknown"))
	r.saw(nal(5, "one"))
	r.Reset()
	r.saw(nal(5, "four"))
	if came, missed := r.Count(); came != 2 || missed != 2 {
		t.Errorf("%d came and %d did not", came, missed)
	}
	if len(r.Delays()) != 1 || r.First() <= 0 || r.Last().N != 4 {
		t.Errorf("delays %v, the first after %v, the last %+v", r.Delays(), r.First(), r.Last())
	}
}

func TestFLV(t *testing.T) {
	const viewers, size = 5, 100_000
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/live" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(strings.Repeat("x", size)))
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-gone
	}))
	defer server.Close()
	addr := server.Listener.Addr().(*net.TCPAddr).String()
	c, err := NewFLV()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	for range viewers {
		if err := c.Join(addr, "/live"); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.JoinAsleep(addr, "/live"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all bytes came", func() bool { return c.Joined() == viewers && c.Bytes() >= viewers*size })
	if err := c.Join(addr, "/nowhere"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one is refused", func() bool { return c.Refused() == 1 })
	close(gone)
	server.CloseClientConnections()
	eventually(t, "all are let down", func() bool { return c.Closed() >= viewers })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestFLVProbeRefused(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	probe := NewFLVProbe(server.Listener.Addr().String(), "/", NewPictures())
	if err := probe.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v", err)
	}
}
