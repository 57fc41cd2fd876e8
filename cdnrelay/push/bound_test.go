package push

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"weir/room/live"
)

// TestFairShare: an app that has all the destinations that one may have leaves some to others. A relay that would begin with more is
// refused with a code of its own, rules and callbacks fail with a reason.
func TestFairShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.MaxPerApp = 2
		source := &named{tasks: []Task{{Origin: OriginCallback, To: "rtmp://cdn.example.com/callback/{stream}"}}}
		o.Sources = []Source{source}
		for i := range 2 {
			o.Rules = append(o.Rules, rule("demo/cam", fmt.Sprintf("rtmp://127.0.0.1/live/%d", i)))
		}
		r := newRig(t, o)
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(time.Second)
		byReason := map[string]int{}
		for _, relay := range r.m.Relays("1") {
			s := relay.Destinations[0]
			byReason[string(s.State)+" "+s.Reason]++
			if relay.Task.Origin == OriginCallback && s.Reason != "app_full" {
				t.Errorf("of a callback: %+v", s)
			}
		}
		if byReason["running "] != 2 || byReason["failed app_full"] != 1 {
			t.Errorf("%v", byReason)
		}
		status, problem := call(t, r.m, "boss", "POST", "/api/v1/relays", `{"room": "demo", "stream": "*", "to": "rtmp://cdn.example.com/live/x"}`)
		if status != http.StatusConflict || problem["code"] != "too_many_destinations" {
			t.Errorf("of the API: %d %v", status, problem)
		}
		later := apiTask("rtmp://cdn.example.com/live/{stream}")
		later.Room = "another"
		if _, err := r.m.Add(t.Context(), later); err != nil {
			t.Errorf("one that begins with nothing: %v", err)
		}

		pub, err := r.hub.Publish(live.Key{App: "2", Room: "free", Stream: "cam"}, live.PublishOptions{})
		if err != nil {
			t.Fatal(err)
		}
		other := &camera{r: r, pub: pub}
		other.film(time.Second)
		task := apiTask("rtmp://cdn.example.com/live/two")
		task.App, task.Room = "2", "free"
		made, err := r.m.Add(t.Context(), task)
		other.film(time.Second)
		if got := r.m.relay(&made.Task, "2"); err != nil || len(r.m.Relays("2")) != 4 {
			t.Errorf("of another app: %+v, %v", got, err)
		}
		for d := range r.m.running {
			if s := d.now(); d.task.App == "2" && s.State != Running {
				t.Errorf("of another app: %+v", s)
			}
		}
		c.pub.End(errTest)
		other.pub.End(errTest)
		synctest.Wait()
		if r.m.count != 0 || len(r.m.ofApp) != 0 {
			t.Errorf("places that nobody has: %d, %v", r.m.count, r.m.ofApp)
		}
	})
}
