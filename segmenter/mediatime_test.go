package segmenter

import (
	"testing"
	"testing/synctest"
	"time"

	"weir/mux/av"
)

// TestMediaTimeIsProgramDateTime: what live.Stream.Wall says when a picture is the newest, which a room's messages carry, is
// the program date time of that picture in HLS, so that a player five seconds behind can show a message with its picture.
func TestMediaTimeIsProgramDateTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runHub(t, Options{})
		p := h.publish(t, nil)
		const fps = 25
		at := make(map[string]time.Duration) // the times of key pictures by what a message sent with them would say
		began := time.Now()
		for _, f := range camera(0, 9*time.Second, fps, 2*fps) {
			time.Sleep(time.Until(began.Add(f.DTS)))
			write(t, p, f)
			if f.Codec != av.CodecH264 {
				continue
			}
			wall, ok := p.Stream().Wall()
			if !ok || !wall.Equal(f.Wall) {
				t.Fatalf("with the picture at %v a message says %v", f.DTS, wall)
			}
			if f.Key {
				at[wall.UTC().Format("2006-01-02T15:04:05.000Z07:00")] = f.DTS
			}
		}
		begins := starts(h.media(t))
		if len(begins) < 3 {
			t.Fatalf("segments begin at %v", begins)
		}
		for _, begin := range begins {
			if _, ok := at[begin]; !ok {
				t.Errorf("a segment begins at %s, and no message says so: %v", begin, at)
			}
		}
	})
}
