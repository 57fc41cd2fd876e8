package segmenter

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafov/m3u8"
	"pgregory.net/rapid"
)

// fakeSegments are n segments of the given length, 100 bytes each.
func fakeSegments(n int, d time.Duration) (all []*Segment) {
	init := &Init{Name: "x_init0.mp4", Data: []byte("init")}
	for i := range n {
		all = append(all, &Segment{
			Name: fmt.Sprintf("x_%d.m4s", i), Sequence: uint64(100 + i), Init: init, Start: time.Duration(i) * d, Duration: d,
			ProgramDateTime: wall0.Add(time.Duration(i) * d), Independent: true, Data: make([]byte, 100),
		})
	}
	return all
}

func testBounds() bounds { return bounds{segments: 6, target: 2, bytes: 1 << 20} }

func parse(t rapid.TB, text []byte) *m3u8.MediaPlaylist {
	t.Helper()
	pl, kind, err := m3u8.Decode(*bytes.NewBuffer(text), true)
	if err != nil || kind != m3u8.MEDIA {
		t.Fatalf("cannot read playlist: kind %v, error %v\n%s", kind, err, text)
	}
	return pl.(*m3u8.MediaPlaylist)
}

func TestWindowSlides(t *testing.T) {
	w := newWindow(testBounds(), 7)
	segs := fakeSegments(30, 2*time.Second)
	segs[3].Discontinuity, segs[20].Discontinuity = true, true
	for i, s := range segs {
		before := string(w.Playlist)
		n := w.with(s)
		if string(w.Playlist) != before {
			t.Fatal("a published window changed")
		}
		w = n
		p := parse(t, w.Playlist)
		if got, want := int(p.Count()), min(i+1, 6); got != want {
			t.Errorf("after %d: %d segments, want %d", i+1, got, want)
		}
		if got, want := p.SeqNo, uint64(100+max(0, i-5)); got != want {
			t.Errorf("HL-03: after %d: media sequence %d, want %d", i+1, got, want)
		}
		discontinuities := uint64(7)
		if i-6 >= 3 {
			discontinuities++
		}
		if i-6 >= 20 {
			discontinuities++
		}
		if p.DiscontinuitySeq != discontinuities {
			t.Errorf("HL-05: after %d: discontinuity sequence %d, want %d", i+1, p.DiscontinuitySeq, discontinuities)
		}
	}
}

// HL-04: a segment that left the playlist can be fetched for its duration and the playlist's, here 2 s + 14 s.
func TestWindowKeepsWhatLeft(t *testing.T) {
	w := newWindow(testBounds(), 0)
	segs := fakeSegments(30, 2*time.Second)
	left := make(map[string]time.Duration)
	for i, s := range segs {
		w = w.with(s)
		now := s.Start + s.Duration
		if i >= 6 {
			left[segs[i-6].Name] = now
		}
		for name, at := range left {
			if _, ok := w.file(name); ok != (now-at < 16*time.Second) {
				t.Errorf("HL-04: %s left %v ago: fetchable %v", name, now-at, ok)
			}
		}
	}
}

// HL-04: short segments do not push others out before three target durations are left.
func TestWindowOfShortSegments(t *testing.T) {
	w := newWindow(testBounds(), 0)
	for _, s := range fakeSegments(50, 200*time.Millisecond) {
		w = w.with(s)
	}
	if d := duration(w.Segments); d < 6*time.Second || d > 6400*time.Millisecond {
		t.Errorf("HL-04: playlist of %v", d)
	}
}

func TestWindowIsBounded(t *testing.T) {
	b := testBounds()
	b.bytes = 450
	w := newWindow(b, 0)
	for _, s := range fakeSegments(20, 2*time.Second) {
		w = w.with(s)
	}
	held := 0
	for name, data := range w.files {
		if strings.HasSuffix(name, ".m4s") {
			held += len(data)
		}
	}
	if held > 450 || len(w.Segments) != 4 || parse(t, w.Playlist).SeqNo != 116 {
		t.Errorf("%d bytes held, %d segments in the playlist", held, len(w.Segments))
	}
}

// HL-07: what begins without a key frame takes the claim away, for good.
func TestWindowClaimsIndependence(t *testing.T) {
	w := newWindow(testBounds(), 0)
	segs := fakeSegments(20, 2*time.Second)
	segs[3].Independent = false
	for i, s := range segs {
		w = w.with(s)
		if got, want := bytes.Contains(w.Playlist, []byte("#EXT-X-INDEPENDENT-SEGMENTS\n")), i < 3; got != want {
			t.Errorf("HL-07: after %d: claimed %v", i+1, got)
		}
	}
}

func TestWindowEnds(t *testing.T) {
	w := newWindow(testBounds(), 0)
	for _, s := range fakeSegments(3, 2*time.Second) {
		w = w.with(s)
	}
	if w.end(); parse(t, w.Playlist).Closed {
		t.Error("a published window changed")
	}
	if e := w.end(); !parse(t, e.Playlist).Closed || e.Playlist == nil {
		t.Error("HL-09: no ENDLIST")
	}
}

// HL-08: BANDWIDTH is the peak, AVERAGE-BANDWIDTH the mean; a short segment is no peak.
func TestWindowBitrates(t *testing.T) {
	segs := fakeSegments(4, 2*time.Second)
	segs[1].Data = make([]byte, 300)
	segs[2].Duration, segs[3].Start = 100*time.Millisecond, 4100*time.Millisecond
	w := newWindow(testBounds(), 0)
	for _, s := range segs {
		w = w.with(s)
	}
	if w.Peak != 1200 || bandwidth(w.average()) != 787 {
		t.Errorf("peak %v, average %v", w.Peak, w.average())
	}
}

func TestWindowProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWindow(testBounds(), 0)
		var sequence, discontinuities uint64
		at := time.Duration(0)
		for i := range rapid.IntRange(1, 60).Draw(t, "segments") {
			s := fakeSegments(1, 0)[0]
			s.Name, s.Sequence, s.Start = fmt.Sprintf("x_%d.m4s", i), uint64(i), at
			s.Duration = time.Duration(rapid.IntRange(1, 2499).Draw(t, "duration")) * time.Millisecond
			s.Discontinuity = rapid.Bool().Draw(t, "discontinuity")
			at += s.Duration
			w = w.with(s)
			p := parse(t, w.Playlist)
			if p.SeqNo < sequence || p.DiscontinuitySeq < discontinuities {
				t.Fatal("HL-03: a number went back")
			}
			sequence, discontinuities = p.SeqNo, p.DiscontinuitySeq
			if sequence > 0 && duration(w.Segments) < 6*time.Second {
				t.Fatalf("HL-04: a playlist of %v after one was removed", duration(w.Segments))
			}
			for _, listed := range p.GetAllSegments() {
				if _, ok := w.file(listed.URI); !ok {
					t.Fatalf("%s stands in the playlist and cannot be fetched", listed.URI)
				}
			}
			if _, ok := w.file(p.Map.URI); !ok {
				t.Fatal("the init section cannot be fetched")
			}
		}
	})
}
