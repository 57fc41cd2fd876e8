package live

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestBeat: who joins what comes is woken by pictures; by sound alone only when no picture comes for a while.
func TestBeat(t *testing.T) {
	for _, c := range []struct {
		name  string
		join  time.Duration
		write map[time.Duration]bool // when, in ms, and whether it is a picture
		wakes []time.Duration        // in ms
	}{
		{"every picture", 0, map[time.Duration]bool{10: false, 30: true, 40: false, 63: true}, []time.Duration{30, 63}},
		{"sound alone", 0, map[time.Duration]bool{10: false, 30: false, 50: false}, []time.Duration{55}},
		{
			"the first picture behind the interval", 100 * time.Millisecond,
			map[time.Duration]bool{0: true, 33: true, 67: true, 99: true, 120: false, 133: true, 166: true},
			[]time.Duration{0, 133, 278}, // nothing follows the one at 166
		},
		{"at once when nothing came for longer", 100 * time.Millisecond, map[time.Duration]bool{0: true, 250: true}, []time.Duration{0, 250}},
		{
			"no picture behind the interval", 100 * time.Millisecond,
			map[time.Duration]bool{0: true, 33: true, 110: false},
			[]time.Duration{0, 145},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				done := make(chan struct{})
				ws := wakers{tasks: new(tasks), done: done}
				w := ws.acquire(pace{join: c.join, beat: true})
				var wakes []time.Duration
				begin := time.Now()
				for at := range time.Duration(300) {
					synctest.Wait()
					gate := w.Gate()
					if beat, ok := c.write[at]; ok {
						ws.kick(beat)
					}
					time.Sleep(time.Millisecond)
					synctest.Wait()
					select {
					case <-gate.Open():
						wakes = append(wakes, gate.OpenedAt().Sub(begin)/time.Millisecond)
					default:
					}
				}
				if !equalTimes(wakes, c.wakes) {
					t.Errorf("woken at %v ms, want %v", wakes, c.wakes)
				}
				gate := w.Gate()
				close(done)
				<-gate.Open() // the end wakes
				<-w.Gate().Open()
				ws.release(w)
				ws.tasks.wait()
			})
		})
	}
}

func equalTimes(a, b []time.Duration) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if d := a[i] - b[i]; d < 0 || d > 1 {
			return false
		}
	}
	return true
}

// TestLead: readers pass what their lead took, whether they stood beside it or ahead, and one further behind does not.
func TestLead(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 1})
	mustWrite(t, p, config(videoTrack, 0), video(0, true))
	read := func(n int) *Reader[Frame] {
		r := p.Stream().NewReader(ReaderOptions{Join: time.Hour})
		t.Cleanup(r.Close)
		if _, err := r.ReadBatch(t.Context(), make([]Frame, n)); err != nil {
			t.Fatal(err)
		}
		return r
	}
	behind := p.Stream().NewReader(ReaderOptions{Join: time.Hour})
	t.Cleanup(behind.Close)
	if _, err := behind.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	beside := read(1)
	lead := beside.Lead()
	mustWrite(t, p, video(1, false))
	ahead := read(2)
	mustWrite(t, p, video(2, false), video(3, false))
	var got [8]Frame
	if n, err := lead.Take(got[:]); n != 3 || err != nil || got[0].DTS != 1 {
		t.Fatalf("Take = %d, %v, from %v", n, err, got[0].DTS)
	}
	if beside.Idle() {
		t.Error("a reader with values before it is idle")
	}
	for _, c := range []struct {
		name string
		r    *Reader[Frame]
		had  int
		ok   bool
	}{{"beside", beside, 0, true}, {"ahead", ahead, 1, true}, {"behind", behind, 0, false}} {
		if had, ok := c.r.Follow(lead); had != c.had || ok != c.ok || ok != c.r.Idle() {
			t.Errorf("%s: Follow = %d, %v, idle %v", c.name, had, ok, c.r.Idle())
		}
	}
	if beside.Waker() != ahead.Waker() {
		t.Error("readers of one pace have two wakers")
	}
	if n, err := lead.Take(got[:]); n != 0 || err != nil {
		t.Errorf("Take = %d, %v with nothing new", n, err)
	}
	p.End(errTest)
	if _, err := lead.Take(got[:]); !errors.Is(err, ErrEnded) {
		t.Errorf("Take = %v at the end", err)
	}
}

// TestLeadLags: a lead that fell out of the ring says so, and counts nothing: its readers find out by themselves.
func TestLeadLags(t *testing.T) {
	o := testOptions()
	o.RingTime = time.Second
	reg := runRegistry(t, o)
	p := mustPublish(t, reg, PublishOptions{Tracks: 1})
	mustWrite(t, p, config(videoTrack, 0), video(0, true))
	r := p.Stream().NewReader(ReaderOptions{Name: "test"})
	defer r.Close()
	var got [8]Frame
	if _, err := r.ReadBatch(t.Context(), got[:]); err != nil {
		t.Fatal(err)
	}
	lead := r.Lead()
	writeGroups(t, p, 40*time.Millisecond, 4)
	for range 2 {
		if n, err := lead.Take(got[:]); n != 0 || !errors.Is(err, ErrLagged) {
			t.Errorf("Take = %d, %v", n, err)
		}
	}
	if n := testutil.ToFloat64(reg.stats.lagged.WithLabelValues("test")); n != 0 {
		t.Errorf("%v lags counted", n)
	}
	if _, err := r.ReadBatch(t.Context(), got[:]); !errors.Is(err, ErrLagged) || testutil.ToFloat64(reg.stats.lagged.WithLabelValues("test")) != 1 {
		t.Errorf("the reader: %v, %v lags", err, testutil.ToFloat64(reg.stats.lagged.WithLabelValues("test")))
	}
}

// TestMaxAge: a reader that stands further behind than it may lags, if there is a later place to begin.
func TestMaxAge(t *testing.T) {
	reg := runRegistry(t, testOptions())
	p := mustPublish(t, reg, PublishOptions{Tracks: 1})
	mustWrite(t, p, config(videoTrack, 0), video(0, true))
	r := p.Stream().NewReader(ReaderOptions{Name: "test", MaxAge: 2 * time.Second})
	defer r.Close()
	var got [200]Frame
	if _, err := r.ReadBatch(t.Context(), got[:1]); err != nil {
		t.Fatal(err)
	}
	at := 40 * time.Millisecond
	for ; at < 3*time.Second; at += 40 * time.Millisecond {
		mustWrite(t, p, video(at, false))
	}
	if n, err := r.ReadBatch(t.Context(), got[:10]); n != 10 || err != nil {
		t.Fatalf("without a later key frame: %d, %v", n, err)
	}
	mustWrite(t, p, video(at, true), video(at+1, false))
	if _, err := r.ReadBatch(t.Context(), got[:]); !errors.Is(err, ErrLagged) {
		t.Fatalf("with one: %v", err)
	}
	if n, err := r.ReadBatch(t.Context(), got[:]); n != 2 || err != nil || got[0].DTS != at {
		t.Errorf("behind the lag: %d, %v, from %v", n, err, got[0].DTS)
	}
	if n := testutil.ToFloat64(reg.stats.lagged.WithLabelValues("test")); n != 1 {
		t.Errorf("%v lags counted", n)
	}
}
