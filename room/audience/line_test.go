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
			got = append(got, fmt.Sprintf("%s %s %s", names[l.Viewer], what, l.Form))
		}})
		ann := UserID("ann")
		first := a.Enter(cam, FLV, ann)
		second := a.Enter(cam, FLV, ann)
		a.Saw(cam, HLS, ann, time.Minute)
		a.Saw(cam, HLS, ann, time.Minute)
		first()
		a.Enter(cam, WebRTC, ID{})()
		second()
		time.Sleep(2 * time.Minute)
		a.Of(cam)
		want := []string{"ann came flv", "ann came hls", " came webrtc", " left webrtc", "ann left flv", "ann left hls"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
