package httpflv

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"weir/room/live"
)

// patience is what a test grants a busy machine.
const patience = 30 * time.Second

// waitingRig is a rig whose viewers wait for their publisher.
func waitingRig(t *testing.T, wait time.Duration) *rig {
	t.Helper()
	o := hubOptions()
	o.Wait, o.MaxWaiting = wait, 1
	return newRigOn(t, live.NewRegistry(o), testOptions(), nil)
}

// untilWaiting waits until n viewers wait.
func (r *rig) untilWaiting(n int) {
	r.t.Helper()
	deadline := time.After(patience)
	for r.hub.Waiting() != n {
		select {
		case <-deadline:
			r.t.Fatalf("%d viewers wait, want %d", r.hub.Waiting(), n)
		case <-time.After(time.Millisecond):
		}
	}
}

func TestViewerComesBeforeThePublisher(t *testing.T) {
	r := waitingRig(t, patience)
	type answer struct {
		resp *http.Response
		err  error
	}
	came := make(chan answer, 1)
	go func() {
		resp, err := http.Get(r.url)
		came <- answer{resp, err}
	}()
	r.untilWaiting(1)
	if resp := r.get(""); resp.StatusCode != 404 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one viewer too many waits: %d %v", resp.StatusCode, resp.Header)
	}
	r.publish(true, false)
	r.pictures(1)
	a := <-came
	if a.err != nil {
		t.Fatal(a.err)
	}
	defer func() { _ = a.resp.Body.Close() }()
	if f := play(t, a.resp.Body).media(1); !f.Key {
		t.Error("the first picture is no key frame")
	}
}

func TestViewerWaitsInVain(t *testing.T) {
	r := waitingRig(t, 10*time.Millisecond)
	resp := r.get("")
	if resp.StatusCode != 404 || resp.Header.Get("X-Code") != "stream_not_found" || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

func TestWaitEndsWhenTheViewerLeaves(t *testing.T) {
	r := waitingRig(t, time.Hour)
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		done <- err
	}()
	r.untilWaiting(1)
	leave()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r.untilWaiting(0)
}

// TestHead: the answer is that of GET, without its body and without a wait.
func TestHead(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(*rig)
		query   string
		status  int
	}{
		{"live", func(r *rig) {
			r.publish(true, false)
			r.pictures(1)
		}, "", 200},
		{"no layer of that name", func(r *rig) {
			r.publish(true, false)
			r.pictures(1)
		}, "?layer=q", 404},
		{"a value that is none", func(*rig) {}, "?start=now", 400},
		{"not live", func(*rig) {}, "", 404},
		{"no media yet", func(r *rig) { // of two tracks none has come
			if _, err := r.hub.Publish(testKey, live.PublishOptions{Tracks: 2}); err != nil {
				r.t.Fatal(err)
			}
		}, "", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := waitingRig(t, time.Hour)
			c.prepare(r)
			resp, err := http.Head(r.url + c.query)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != c.status || r.door.Total() != 0 {
				t.Errorf("%d, %d viewers", resp.StatusCode, r.door.Total())
			}
			if c.status != 200 {
				return
			}
			get := r.get(c.query)
			for _, name := range []string{"Content-Type", "Cache-Control", "X-Accel-Buffering"} {
				if v := resp.Header.Get(name); v == "" || v != get.Header.Get(name) {
					t.Errorf("%s is %q, by GET %q", name, v, get.Header.Get(name))
				}
			}
		})
	}
}

// TestStart: gop begins with what is held, whatever its age; live with the next key frame.
func TestStart(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(59) // one group, the last but one picture of it newest
	old := play(t, r.get("?start=gop").Body)
	if f := old.media(1); !f.Key || f.DTS != 0 {
		t.Errorf("gop begins at %v", f.DTS)
	}
	first := make(chan time.Duration, 1)
	go func() {
		defer close(first)
		resp, err := http.Get(r.url + "?start=live")
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		first <- play(t, resp.Body).media(1).DTS
	}()
	r.untilViewers(2)
	for { // the reader may stand anywhere in the group when the viewer is counted
		r.pictures(60)
		select {
		case at := <-first:
			if at < 59*picture {
				t.Errorf("live begins at %v", at)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// untilViewers waits until the door has n viewers.
func (r *rig) untilViewers(n int) {
	r.t.Helper()
	deadline := time.After(patience)
	for r.door.Total() != n {
		select {
		case <-deadline:
			r.t.Fatalf("%d viewers, want %d", r.door.Total(), n)
		case <-time.After(time.Millisecond):
		}
	}
}
