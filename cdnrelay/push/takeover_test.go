package push

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/room/live"
)

// TestTakenOver: when another user takes a stream over, what is pushed to an address that names the user begins anew at that
// user's, with that user's media; what names nobody keeps its connection.
func TestTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		for _, to := range []string{"u/{user}", "i/{streamid}", "plain"} {
			o.Rules = append(o.Rules, rule("demo/cam", "rtmp://127.0.0.1/"+to))
		}
		r := newRig(t, o)
		ann := r.publish("demo", "cam", live.PublishOptions{User: "ann", ID: "1_demo_ann_main"})
		ann.film(time.Second)
		bob := r.publish("demo", "cam", live.PublishOptions{User: "bob", ID: "1_demo_bob_main", Policy: live.PolicyReplace})
		at := bob.pub.Stream().Now()
		synctest.Wait()
		if n := r.far.opened(); n != 3 || r.far.closed != 2 {
			t.Errorf("before there is media: %d connections made, %d closed", n, r.far.closed)
		}
		for i, want := range []State{Ended, Ended, Running} {
			if d := r.m.Relays("1")[i].Destinations; len(d) != 1 || d[0].State != want {
				t.Errorf("before there is media: %+v", d)
			}
		}
		bob.film(time.Second)
		for i, relay := range r.m.Relays("1") {
			if d := relay.Destinations; len(d) != 1 || d[0].State != Running || d[0].Tries != 1 || d[0].Frames < 9 {
				t.Errorf("relay %d: %+v", i+1, d)
			}
		}
		for of, address := range map[string]string{"ann": "rtmp://127.0.0.1/u/", "1_demo_ann_main": "rtmp://127.0.0.1/i/"} {
			before, after := r.far.frames(address+of), r.far.frames(address+strings.Replace(of, "ann", "bob", 1))
			if len(before) == 0 || before[len(before)-1].DTS >= at {
				t.Errorf("%s got %d frames, also of the one who came after", address+of, len(before))
			}
			if len(after) == 0 || after[0].DTS < at {
				t.Errorf("%s: %d frames came, also of the one who was there before", address, len(after))
			}
		}
		bob = r.publish("demo", "cam", live.PublishOptions{User: "bob", ID: "1_demo_bob_main"})
		bob.film(time.Second)
		if n := r.far.opened(); n != 5 {
			t.Errorf("the same user again: %d connections", n)
		}
		bob.pub.End(errTest)
		synctest.Wait()
		if n := strings.Count(r.heard.states(), "ended(user_changed)"); n != 2 {
			t.Errorf("told: %s", r.heard.states())
		}
		for i := range r.heard.events {
			if e := &r.heard.events[i]; e.Reason == "user_changed" && e.User != "ann" || e.Reason == "stream_ended" && e.User != "bob" {
				t.Errorf("told of %s: %s %s", e.User, e.Relay.URL, e.Reason)
			}
		}
		if r.m.count != 0 {
			t.Errorf("%d places are taken by nobody", r.m.count)
		}
	})
}

// TestTakenOverWhileItFails: what had failed for good at the address of one user has another chance at that of another.
func TestTakenOverWhileItFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Rules = []Task{rule("demo/cam", "rtmp://127.0.0.1/u/{user}")}
		r := newRig(t, o)
		r.far.let(nil, func(t Target, _ int) error {
			if strings.HasSuffix(t.URL.Path, "ann") {
				return ErrUnfit
			}
			return nil
		})
		ann := r.publish("demo", "cam", live.PublishOptions{User: "ann"})
		ann.film(time.Second)
		if s := r.one(); s.State != Failed {
			t.Fatalf("%+v", s)
		}
		bob := r.publish("demo", "cam", live.PublishOptions{User: "bob", Policy: live.PolicyReplace})
		bob.film(time.Second)
		if s := r.one(); s.State != Running {
			t.Errorf("%+v", s)
		}
		bob.pub.End(errTest)
	})
}

// TestTakenOverAtTheBound: what still says goodbye makes room for what comes in its place, and one that comes back to the first
// user's address waits for that.
func TestTakenOverAtTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.MaxPerStream, o.MaxPerApp, o.MaxTotal = 1, 1, 1
		o.Rules = []Task{rule("demo/cam", "rtmp://127.0.0.1/u/{user}")}
		r := newRig(t, o)
		r.far.goodbye = 1500 * time.Millisecond
		var last *camera
		for _, user := range []string{"ann", "bob", "ann"} {
			last = r.publish("demo", "cam", live.PublishOptions{User: user, Policy: live.PolicyReplace})
			last.film(500 * time.Millisecond)
		}
		last.film(2 * time.Second)
		if s := r.one(); s.State != Running || r.far.opened() != 3 {
			t.Errorf("%d connections: %+v", r.far.opened(), s)
		}
		last.pub.End(errTest)
	})
}
