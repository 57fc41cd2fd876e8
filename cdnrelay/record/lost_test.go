package record

import (
	"os"
	"testing"
	"time"
)

// Somebody deletes the folder of a recording that goes on: it is told, what is gone is not listed, and another file begins.
func TestFolderDeletedWhileRecording(t *testing.T) {
	for _, format := range []string{FormatMP4, FormatFLV} {
		t.Run(format, func(t *testing.T) {
			l := openLab(t, Options{Rules: all(Spec{Format: format}), Sync: time.Nanosecond})
			p := l.publish(t)
			p.play(5 * time.Second)
			l.heard(t, "begun")
			r := l.recorded(t)
			l.awaitFile(t, r.ID)
			if err := os.RemoveAll(l.path(&r, "")); err != nil {
				t.Fatal(err)
			}
			p.play(5 * time.Second)
			l.heard(t, "begun", "paused")
			if r, err := l.Get(t.Context(), r.App, r.ID); err != nil || r.Reason != "file_lost" || len(r.Files) != 0 {
				t.Errorf("%+v, %v", r, err)
			}
			l.pass(time.Minute)
			p.play(5 * time.Second)
			l.heard(t, "begun", "paused", "resumed")
			l.end(t, p)
			r = l.ended(t)
			if r.State != stateComplete || len(r.Files) != 1 || !r.Files[0].Complete {
				t.Fatalf("%+v", r)
			}
			ffprobe(t, l.path(&r, r.Files[0].Name))
		})
	}
}
