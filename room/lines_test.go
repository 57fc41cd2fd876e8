package room

import (
	"testing"

	"weir/room/audience"
	"weir/room/hook"
	"weir/room/live"
)

// events is a receiver that keeps what it is told.
type events struct{ list []hook.Event }

func (e *events) Stream(list ...hook.Event) { e.list = append(e.list, list...) }

// TestLineChanged: a viewer's beginning and its end are told under the same session.
func TestLineChanged(t *testing.T) {
	told := new(events)
	b := NewBridge(nil, nil)
	b.Attach(Parts{Hooks: told})
	a := audience.New(audience.Options{MaxSeen: 10, Line: b.LineChanged})
	leave := a.Enter(live.Key{App: "1400000000", Room: "r", Stream: "s"}, audience.WebRTC, audience.UserID("anna"))
	leave()
	if len(told.list) != 2 {
		t.Fatalf("%+v", told.list)
	}
	came, left := told.list[0], told.list[1]
	if came.Kind != hook.Played || came.App != 1400000000 || came.Room != "r" || came.Stream != "s" || came.User != "anna" || came.Form != "webrtc" {
		t.Errorf("%+v", came)
	}
	if left.Kind != hook.Stopped || left.Session != came.Session || came.Session == "" || left.Form != "webrtc" || came.Since.IsZero() || !left.Since.Equal(came.Since) {
		t.Errorf("%+v", left)
	}
}

// TestSiteOf: viewers do not come by the publisher's port.
func TestSiteOf(t *testing.T) {
	b, at := NewBridge(nil, nil), place{1, "r"}
	for site, want := range map[string]string{
		"rtmp://live.example.com:1935": "rtmp://live.example.com", "http://live.example.com": "http://live.example.com",
		"http://[::1]:8080": "http://[::1]",
	} {
		b.air = map[place]map[string]*onAir{at: {"s": {event: hook.Event{Site: site}}}}
		if got := b.siteOf(at, "s"); got != want {
			t.Errorf("%s: %s", site, got)
		}
	}
}
