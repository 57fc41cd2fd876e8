package e2e

import "testing"

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
	all := v.decodable(narrow, wide+6*30-narrow)
	came, missing, err := src.follow(all)
	if err != nil {
		t.Fatal(err)
	}
	after := len(v.decodable(wide, 6*30))
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
