package live

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/mux/av"
)

// The layers of the tests: the names that browsers are mostly given, with the largest last.
var testLayers = []av.Track{
	{ID: 3, Codec: av.CodecH264, ClockRate: 90000, Config: []byte("q"), Width: 320, Height: 180, Layer: "q"},
	{ID: 4, Codec: av.CodecH264, ClockRate: 90000, Config: []byte("h"), Width: 640, Height: 360, Layer: "h"},
	{ID: 5, Codec: av.CodecH264, ClockRate: 90000, Config: []byte("f"), Width: 1280, Height: 720, Layer: "f"},
}

// span is what comes of some layers for a time: one picture of each name, 25 times a second.
type span struct {
	names string
	lasts time.Duration
	keys  bool // each picture is a key frame; else none is, unless one was asked for
}

// play gives a switcher the pictures of the spans and returns what was shown, a word for each change, such as
// "h f@0.52s", and the number of requests. Key frames come on all layers 120 ms after a request.
func play(w *switcher, spans ...span) (shown string, asked int) {
	const step = 40 * time.Millisecond
	var out []string
	var at, due time.Duration
	for _, s := range spans {
		for end := at + s.lasts; at < end; at += step {
			key := s.keys || at == 0 || due > 0 && at >= due
			if key {
				due = 0
			}
			for _, name := range s.names {
				t := testLayers[strings.IndexRune("qhf", name)]
				v := w.picture(&av.Frame{Track: t.ID, Codec: t.Codec, Key: key, DTS: at})
				if v.turn {
					out = append(out, fmt.Sprintf("%c@%v", name, at))
				}
				if v.turn && !key {
					out = append(out, "without a key frame")
				}
				if v.show != (w.shown == t.ID) {
					out = append(out, "shown in part")
				}
				if v.ask {
					asked++
					due = at + 120*time.Millisecond
				}
			}
		}
	}
	return strings.Join(out, " "), asked
}

func TestSwitcher(t *testing.T) {
	for _, c := range []struct {
		name, prefer string
		await        []string
		spans        []span
		shown        string
		asked        int
	}{
		{"the largest, whatever comes first", "", []string{"q", "h", "f"}, []span{{names: "qhf", lasts: time.Second}}, "f@0s", 0},
		{
			"the order does not matter, but for a request", "",
			[]string{"q", "h", "f"},
			[]span{{names: "fhq", lasts: time.Second}},
			"f@160ms", 1,
		},
		{"a layer alone", "", []string{"q"}, []span{{names: "q", lasts: time.Second}}, "q@0s", 0},
		{
			"a layer that does not come is not awaited for long", "",
			[]string{"q", "h", "f"},
			[]span{{names: "qh", lasts: 2 * time.Second}},
			"h@440ms", 1,
		},
		{
			"a layer that comes later is taken at once", "",
			[]string{"q", "h", "f"},
			[]span{{names: "qh", lasts: 2 * time.Second}, {names: "qhf", lasts: 2 * time.Second}},
			"h@440ms f@2.12s", 2,
		},
		{
			"down when the largest is silent", "",
			[]string{"q", "h", "f"},
			[]span{{names: "qhf", lasts: 2 * time.Second}, {names: "qh", lasts: 4 * time.Second}},
			"f@0s h@3.12s", 1,
		},
		{
			"up again when it has come for a while", "",
			[]string{"q", "h", "f"},
			[]span{{names: "qhf", lasts: 2 * time.Second}, {names: "qh", lasts: 4 * time.Second}, {names: "qhf", lasts: 8 * time.Second}},
			"f@0s h@3.12s f@11.12s", 2,
		},
		{
			"not up for a layer that flaps", "",
			[]string{"q", "f"},
			[]span{
				{names: "qf", lasts: 2 * time.Second},
				{names: "q", lasts: 2 * time.Second},
				{names: "qf", lasts: 4 * time.Second},
				{names: "q", lasts: 2 * time.Second},
				{names: "qf", lasts: 4 * time.Second},
			},
			"f@0s q@3.12s", 1,
		},
		{
			"key frames of themselves need no request", "",
			[]string{"q", "f"},
			[]span{{names: "qf", lasts: 2 * time.Second, keys: true}, {names: "q", lasts: 2 * time.Second, keys: true}},
			"f@0s q@3s", 0,
		},
		{
			"two steps down", "",
			[]string{"q", "h", "f"},
			[]span{{names: "qhf", lasts: time.Second}, {names: "q", lasts: 3 * time.Second}},
			"f@0s q@2.12s", 1,
		},
		{
			"silence of all is none", "",
			[]string{"q", "f"},
			[]span{{names: "qf", lasts: time.Second}, {lasts: 10 * time.Second}, {names: "qf", lasts: 2 * time.Second}},
			"f@0s", 0,
		},
		{"the preferred one", "q", []string{"q"}, []span{{names: "qhf", lasts: time.Second}}, "q@0s", 0},
		{"the preferred one comes last", "f", []string{"f"}, []span{{names: "qhf", lasts: time.Second}}, "f@0s", 0},
		{
			"below the preferred one before above", "h",
			[]string{"h"},
			[]span{{names: "qhf", lasts: time.Second}, {names: "qf", lasts: 3 * time.Second}},
			"h@0s q@2.12s", 1,
		},
		{
			"above when nothing is below", "q",
			[]string{"q"},
			[]span{{names: "qhf", lasts: time.Second}, {names: "hf", lasts: 3 * time.Second}},
			"q@0s h@2.12s", 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newSwitcher(c.prefer, c.await)
			for i := range testLayers {
				w.configure(&testLayers[i])
			}
			if shown, asked := play(w, c.spans...); shown != c.shown || asked != c.asked {
				t.Errorf("shown %q with %d requests, want %q with %d", shown, asked, c.shown, c.asked)
			}
		})
	}
}

func TestSwitcherShowsNothingUnknown(t *testing.T) {
	w := newSwitcher("", nil)
	if v := w.picture(&av.Frame{Track: 9, Key: true}); v != (verdict{}) {
		t.Errorf("a picture of no layer: %+v", v)
	}
}

// At a picture a second, a layer is not silent just because the others' pictures are earlier by a moment.
func TestSwitcherKnowsSlowLayers(t *testing.T) {
	w := newSwitcher("", nil)
	w.configure(&testLayers[0])
	w.configure(&testLayers[2])
	for n := range 20 {
		at := time.Duration(n) * 1500 * time.Millisecond
		w.picture(&av.Frame{Track: 3, Key: true, DTS: at})
		w.picture(&av.Frame{Track: 5, Key: true, DTS: at + time.Millisecond})
	}
	if w.shown != 5 {
		t.Errorf("track %d is shown", w.shown)
	}
}
