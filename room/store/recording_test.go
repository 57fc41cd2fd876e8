package store

import (
	"testing"
	"time"
)

func testRecordings(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	one := Recording{
		App: 1, ID: "001", Room: "r", Stream: "s", Node: "n", Running: true, State: "recording", Format: "mp4", User: "ann",
		By: "boss", Begun: noon,
	}
	ok(t, s.PutRecording(ctx, &one))
	two := Recording{App: 1, ID: "002", Room: "r2", Stream: "s", Node: "n", State: "complete", Format: "flv", Begun: noon.Add(time.Hour)}
	ok(t, s.PutRecording(ctx, &two))
	ok(t, s.PutRecording(ctx, &Recording{App: 2, ID: "003", Room: "r", Stream: "s", Node: "other", Begun: noon}))

	first := RecordingFile{N: 1, Name: "1.mp4", Begin: noon, Duration: time.Minute, Size: 1 << 40, Init: 700, Segments: []RecordingSegment{{700, 1000, time.Second}}}
	second := RecordingFile{N: 2, Name: "2.mp4"}
	for _, f := range []RecordingFile{second, first} {
		ok(t, s.PutRecordingFile(ctx, 1, "001", &f))
	}
	is(t, s.PutRecordingFile(ctx, 1, "004", &first), ErrNotFound)
	first.Complete, one.Running, one.State, one.Reason, one.Ended, one.Lags = true, false, "failed", "disk_full", noon.Add(time.Hour), 3
	ok(t, s.PutRecordingFile(ctx, 1, "001", &first))
	ok(t, s.PutRecording(ctx, &one))
	ok(t, s.SetRecordingRemote(ctx, 1, "001", 1))
	is(t, s.SetRecordingRemote(ctx, 1, "001", 7), ErrNotFound)

	first.Remote = true
	equal(t, got[[]RecordingFile](t)(s.SegmentsOf(ctx, 1, "001")), []RecordingFile{first, second})
	first.Segments = nil
	one.Files = []RecordingFile{first, second}
	equal(t, got[Recording](t)(s.Recording(ctx, 1, "001")), one)
	equal(t, got[[]Recording](t)(s.Recordings(ctx, 1, RecordingQuery{Limit: 10})), []Recording{two, one})
	equal(t, got[[]Recording](t)(s.Recordings(ctx, 1, RecordingQuery{Limit: 1})), []Recording{two})
	equal(t, got[[]Recording](t)(s.Recordings(ctx, 1, RecordingQuery{Before: "002", Limit: 10})), []Recording{one})
	equal(t, got[[]Recording](t)(s.Recordings(ctx, 1, RecordingQuery{Room: "r", Stream: "s", Limit: 10})), []Recording{one})
	equal(t, got[[]Recording](t)(s.RecordingsOf(ctx, "n")), []Recording{one, two})

	ok(t, s.DeleteRecordingFile(ctx, 1, "001", 2))
	ok(t, s.DeleteRecordingFile(ctx, 1, "001", 2))
	equal(t, len(got[[]RecordingFile](t)(s.SegmentsOf(ctx, 1, "001"))), 1)
	ok(t, s.DeleteRecording(ctx, 1, "001"))
	is(t, s.DeleteRecording(ctx, 1, "001"), ErrNotFound)
	_, err := s.Recording(ctx, 1, "001")
	is(t, err, ErrNotFound)
	equal(t, len(got[[]RecordingFile](t)(s.SegmentsOf(ctx, 1, "001"))), 0)
}

// A deleted app's recordings are nobody's from that moment on, also where an app of its id is made anew, and stay known until
// they are erased. Those of other apps stay.
func testDoomedRecordings(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	for _, app := range []int{7, 8} {
		ok(t, s.CreateApp(ctx, App{ID: app, Key: "k", Created: noon}))
		for _, id := range []string{"001", "002"} {
			ok(t, s.PutRecording(ctx, &Recording{App: app, ID: id, Room: "r", Stream: "s", Node: "n", Running: true, Begun: noon}))
		}
	}
	ok(t, s.PutRecordingFile(ctx, 7, "001", &RecordingFile{N: 1, Name: "1.mp4"}))
	ok(t, s.DeleteApp(ctx, 7))
	ok(t, s.CreateApp(ctx, App{ID: 7, Key: "k", Created: noon}))
	again := Recording{App: 7, ID: "003", Room: "r", Stream: "s", Node: "n", Begun: noon}
	ok(t, s.PutRecording(ctx, &again))
	ended := got[Recording](t)(s.Recording(ctx, 7, "001"))
	if !ended.Doomed || len(ended.Files) != 1 {
		t.Errorf("%+v", ended)
	}
	ended.Running, ended.Doomed = false, false // as who records it knows it
	ok(t, s.PutRecording(ctx, &ended))
	equal(t, got[[]Recording](t)(s.Recordings(ctx, 7, RecordingQuery{Limit: 10})), []Recording{again})
	equal(t, len(got[[]Recording](t)(s.Recordings(ctx, 8, RecordingQuery{Limit: 10}))), 2)
	ids := func(all []Recording) (out []string) {
		for _, r := range all {
			out = append(out, r.ID)
		}
		return out
	}
	equal(t, ids(got[[]Recording](t)(s.DoomedRecordings(ctx, 0, "", 10))), []string{"001", "002"})
	equal(t, ids(got[[]Recording](t)(s.DoomedRecordings(ctx, 0, "", 1))), []string{"001"})
	equal(t, ids(got[[]Recording](t)(s.DoomedRecordings(ctx, 7, "001", 10))), []string{"002"})
	ok(t, s.DeleteRecording(ctx, 7, "001"))
	ok(t, s.DoomRecordings(ctx, 8))
	equal(t, ids(got[[]Recording](t)(s.DoomedRecordings(ctx, 7, "002", 10))), []string{"001", "002"})
}
