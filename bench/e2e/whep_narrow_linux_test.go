package e2e

import (
	"testing"
	"time"

	"weir/bench/publish"
	"weir/testdata"
)

// TestNarrowViewer: a viewer whose path carries less than the stream gets fewer pictures, each with all that it depends
// on; when the path is wide again, it gets all of them.
func TestNarrowViewer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	src := l.publishAt(t, l.wire.A, "narrow/cam")
	v := l.watchWHEP(t, "narrow/cam")
	v.until(t, 30)
	l.set(t, "rate=350 queue=1s delay=20ms") // the stream has 560 kbit/s
	narrow, _ := v.newest()
	v.until(t, narrow+10*30)
	l.set(t, "delay=20ms")
	wide, _ := v.newest()
	wide += 4 * 30 // a group, and what waited
	v.until(t, wide+9*30)
	after := len(v.decodable(wide, 6*30))
	for range 5 { // a machine that stands still narrows the path once more
		if after >= 6*30-2 {
			break
		}
		wide += 6 * 30
		v.until(t, wide+9*30)
		after = len(v.decodable(wide, 6*30))
	}
	all := v.decodable(narrow, wide+6*30-narrow)
	came, missing, err := src.follow(all)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d pictures came and %d did not; of %d on the wide path %d came", came, missing, 6*30, after)
	if missing == 0 {
		t.Error("a path that was too narrow carried everything")
	}
	if before := came - after; before < 60 {
		t.Errorf("%d pictures came on the narrow path", before)
	}
	if after < 6*30-2 {
		t.Errorf("%d of %d pictures came on the wide path", after, 6*30)
	}
}

// TestViewerClimbs: of simulcast, a viewer whose path is too narrow for the large layer gets the small one, and the large
// one again when the path is wide.
func TestViewerClimbs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	o := l.optionsAt(l.wire.A, "climb/cam", new(source))
	o.H264, o.RTX = "", false
	o.Layers = []publish.Layer{
		{RID: "q", H264: testdata.Path("bars-360p.h264")}, // 500 kbit/s: 2 kB a picture
		{RID: "f", H264: testdata.Path("bars-720p.h264")}, // 2 Mbit/s: 8 kB
	}
	session, err := publish.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	v := l.watchWHEP(t, "climb/cam")
	v.untilMean(t, "the large layer comes", func(size int) bool { return size > 6000 })
	l.set(t, "rate=1100 queue=500ms delay=20ms")
	v.untilMean(t, "the small layer comes", func(size int) bool { return size < 3000 })
	l.set(t, "delay=20ms")
	v.untilMean(t, "the large layer comes again", func(size int) bool { return size > 6000 })
}

// untilMean waits until the mean size of the last second's pictures is so.
func (v *watcher) untilMean(t *testing.T, what string, is func(size int) bool) {
	t.Helper()
	timer := time.NewTimer(2 * patience)
	defer timer.Stop()
	for {
		_, news := v.newest()
		if size, full := v.mean(); full && is(size) {
			return
		}
		select {
		case <-news:
		case <-timer.C:
			size, _ := v.mean()
			t.Fatalf("%s: a picture has %d bytes in the mean", what, size)
		}
	}
}

// mean is the mean size of the last 30 pictures; full is false while there are fewer.
func (v *watcher) mean() (size int, full bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	pictures, ticks := 0, -1
	for n := v.last; pictures <= 30; n-- {
		p, ok := v.packets[n]
		if !ok && n < v.last-1000 {
			return 0, false
		}
		if ok && p.ticks != ticks {
			pictures, ticks = pictures+1, p.ticks
		}
		size += len(p.payload)
	}
	return size / 30, true
}
