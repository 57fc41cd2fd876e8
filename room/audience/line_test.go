package audience

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestLines: each line by which a viewer plays begins and ends once, whatever connections it has.
func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		names := make(map[uint64]string)
		a := New(Options{MaxSeen: 10, Line: func(l Line) {
			what := "left"
			if l.Began {
				what, names[l.Viewer] = "came", l.ID.User()
			}
			got = append(got, fmt.Sprintf("%s %s %s after %v", names[l.Viewer], what, l.Form, time.Since(l.Since)))
		}})
		ann := UserID("ann")
		first := a.Enter(cam, FLV, ann)
		second := a.Enter(cam, FLV, ann)
		a.Saw(cam, HLS, ann, time.Minute)
		a.Saw(cam, HLS, ann, time.Minute)
		time.Sleep(time.Second)
		first()
		a.Enter(cam, WebRTC, ID{})()
		second()
		time.Sleep(2 * time.Minute)
		a.Of(cam)
		want := []string{
			"ann came flv after 0s", "ann came hls after 0s", " came webrtc after 0s", " left webrtc after 0s",
			"ann left flv after 1s", "ann left hls after 2m1s",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
