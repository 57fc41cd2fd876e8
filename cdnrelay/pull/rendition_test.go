package pull

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/hls"
	"weir/mux/mpegts"
	"weir/room/dial"
	"weir/testdata/samples"
)

// channel is a server of playlists, each until its last segment was asked for, the last one for ever, and of segments.
type channel struct {
	t       *testing.T
	url     string
	segment []byte
	not     func(path string) bool // what it does not have
	seal    func(path string, segment []byte) []byte
	other   http.HandlerFunc // everything but /list and segments; nil: it has nothing else

	mu     sync.Mutex
	lists  []string
	served bool     // the first of them
	asked  []string // paths of segments
}

func newChannel(t *testing.T, lists ...string) *channel {
	t.Helper()
	track, frames := samples.AAC(t)
	var units []*mpegts.Unit
	e := mpegts.NewEncoder(av.Tracks{track})
	for _, f := range frames[:4] {
		var err error
		if units, err = e.Encode(units, f); err != nil {
			t.Fatal(err)
		}
	}
	c := &channel{t: t, lists: lists, not: func(string) bool { return false }}
	c.seal = func(_ string, segment []byte) []byte { return segment }
	for _, u := range units {
		c.segment = append(c.segment, u.Data...)
	}
	c.url = serve(t, c.answer)
	return c
}

func (c *channel) answer(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.URL.Path == "/list":
		if c.served && len(c.lists) > 1 && slices.Contains(c.asked, lastOf(c.lists[0])) { // however slow the machine is
			c.lists, c.served = c.lists[1:], false
		}
		c.served = true
		_, _ = w.Write([]byte(c.lists[0]))
	case c.other != nil && !strings.HasSuffix(r.URL.Path, ".ts"):
		c.other(w, r)
	default:
		c.asked = append(c.asked, strings.TrimSuffix(r.URL.Path[1:], ".ts"))
		if c.not(r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(c.seal(r.URL.Path, c.segment))
	}
}

// lastOf is the last segment of a playlist.
func lastOf(list string) string {
	lines := strings.Fields(list)
	return strings.TrimSuffix(lines[len(lines)-1], ".ts")
}

// paths are the segments that were asked for.
func (c *channel) paths() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.asked, " ")
}

// read reads the playlist until there are n segments of media, or it fails.
func (c *channel) read(p *place, n int) (all []batch, err error) {
	c.t.Helper()
	u, err := url.Parse(c.url + "/list")
	if err != nil {
		c.t.Fatal(err)
	}
	f := newFetcher(u.Hostname(), guards{source: dial.Trusted}, patience)
	defer f.transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	r := newRendition(f, u, p)
	var running sync.WaitGroup
	running.Go(func() {
		defer close(r.batches)
		r.err = r.run(ctx)
	})
	for b := range r.batches {
		if all = append(all, b); len(all) == n {
			break
		}
	}
	cancel()
	running.Wait()
	return all, r.err
}

// listOf is a playlist of segments of a second from a number on.
func listOf(sequence int, names ...string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n", sequence)
	for _, n := range names {
		if strings.HasPrefix(n, "#") {
			out.WriteString(n + "\n")
		} else {
			out.WriteString("#EXTINF:1,\n" + n + ".ts\n")
		}
	}
	return out.String()
}

const (
	breaks = "#EXT-X-DISCONTINUITY"
	gap    = "#EXT-X-GAP"
	ends   = "#EXT-X-ENDLIST"
)

// TestPlaylistsThatMove: which segments are asked for, as playlists come.
func TestPlaylistsThatMove(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lists []string
		not   string // what is missing
		n     int    // segments that come
		want  string // what is asked for
	}{
		{"it goes on", []string{listOf(0, "0", "1", "2", "3"), listOf(1, "1", "2", "3", "4")}, "", 4, "1 2 3 4"},
		{"a cache that is not up to date", []string{
			listOf(0, "0", "1", "2", "3"), listOf(0, "0", "1", "2"), listOf(0, "0", "1", "2", "3"), listOf(1, "1", "2", "3", "4"),
		}, "", 4, "1 2 3 4"},
		{"RFC 8216 6.2.2: the source began anew", []string{listOf(90, "90", "91", "92", "93"), listOf(0, "a", "b")}, "", 5, "91 92 93 a b"},
		{"the source began anew after some segments", []string{listOf(2, "2", "3", "4"), listOf(0, "a", "b", "c")}, "", 6, "2 3 4 a b c"},
		{"4.4.4.7: more gaps than may be missing", []string{listOf(0, "0", gap, "1", gap, "2", gap, "3", gap, "4", gap, "5", "6", ends)}, "", 2, "0 6"},
		{"a segment is missing behind gaps", []string{listOf(0, "0", gap, "1", gap, "2", gap, "3", gap, "4", "5", "6", ends)}, "5", 2, "0 5 6"},
		{"names with a colon", []string{listOf(0, "12:30:00", "cam_12:31", ends)}, "", 2, "12:30:00 cam_12:31"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ch := newChannel(t, c.lists...)
			ch.not = func(path string) bool { return c.not != "" && path == "/"+c.not+".ts" }
			got, err := ch.read(new(place), c.n)
			if asked := ch.paths(); !strings.HasPrefix(asked+" ", c.want+" ") || len(got) < c.n {
				t.Errorf("asked for %q, want %q; %d came, %v", asked, c.want, len(got), err)
			}
		})
	}
}

// TestWhatCannotBeHad: the next connection does not begin with segments that were not there, or that were no media: behind a hole
// of a minute the stream would be away for as long as the playlist names it.
func TestWhatCannotBeHad(t *testing.T) {
	t.Parallel()
	long := listOf(0, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		c := newChannel(t, long)
		c.not = func(path string) bool { return path > "/2.ts" && path < "/8.ts" }
		at := place{next: 1, last: "0.ts"}
		got, err := c.read(&at, 10)
		if len(got) != 2 || !errors.Is(err, errMissing) || !errors.Is(err, ErrRefused) {
			t.Errorf("%d came, %v", len(got), err)
		}
		if got, err := c.read(&at, 2); len(got) != 2 || c.paths() != "1 2 3 4 5 6 7 8 9" {
			t.Errorf("asked for %q, %d came, %v", c.paths(), len(got), err)
		}
	})
	t.Run("no media", func(t *testing.T) {
		t.Parallel()
		c := newChannel(t, long)
		c.segment = []byte("nothing")
		at := place{next: 1, last: "0.ts"}
		for range 2 {
			if _, err := c.read(&at, 1); !errors.Is(err, ErrFormat) {
				t.Error(err)
			}
		}
		if c.paths() != "1 2" {
			t.Errorf("asked for %q", c.paths())
		}
	})
}

// TestEndedIsNotCaughtUpWith: what has ended is played in its time, however much of it there is.
func TestEndedIsNotCaughtUpWith(t *testing.T) {
	t.Parallel()
	names := []string{"0", "1", "2", "3", "4", "5", "6", "7"}
	got, err := newChannel(t, listOf(0, append(slices.Clone(names), ends)...)).read(new(place), 8)
	for i, b := range got {
		if b.ahead != 0 {
			t.Errorf("segment %d has %d ahead", i, b.ahead)
		}
	}
	if len(got) != 8 {
		t.Errorf("%d came, %v", len(got), err)
	}
	if got, err = newChannel(t, listOf(0, names...)).read(&place{next: 1, last: "0.ts"}, 1); len(got) != 1 || got[0].ahead != 6 {
		t.Errorf("of a live playlist: %+v, %v", got, err)
	}
}

// TestTurns: RFC 8216 4.3.3.3: time lines are told apart also where a playlist does not say how many are gone from it.
func TestTurns(t *testing.T) {
	t.Parallel()
	for name, lists := range map[string][]string{
		"not numbered": {listOf(0, "0", "1", breaks, "2", "3"), listOf(3, "3", "4", breaks, "5")},
		"numbered": {
			listOf(0, "0", "1", breaks, "2", "3"), listOf(3, "#EXT-X-DISCONTINUITY-SEQUENCE:1", "3", "4", breaks, "5"),
		},
	} {
		got, err := newChannel(t, lists...).read(new(place), 5)
		var turns []int64
		for _, b := range got {
			turns = append(turns, b.turn)
		}
		if want := []int64{0, 1, 1, 1, 2}; !slices.Equal(turns, want) {
			t.Errorf("%s: %v, want %v; %v", name, turns, want, err)
		}
	}
}

// TestRenditionsApart: playlists that differ in their queries alone have places of their own.
func TestRenditionsApart(t *testing.T) {
	seen := make(places)
	base, err := url.Parse("http://origin.example.com/all")
	if err != nil {
		t.Fatal(err)
	}
	list, err := hls.Read("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"s\",DEFAULT=YES,URI=\"list?of=sound\"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"s\"\nlist?of=pictures\n")
	if err != nil {
		t.Fatal(err)
	}
	all, err := choose(nil, base, base, list, seen, func(av.Codec) bool { return true })
	if err != nil || len(all) != 2 || all[0].place == all[1].place {
		t.Errorf("%v, %v", all, err)
	}
}

// TestSoundAlone: packagers write sound alone as a variant whose sound is apart, in the same playlist.
func TestSoundAlone(t *testing.T) {
	base, err := url.Parse("http://me:secret@origin.example.com/all")
	if err != nil {
		t.Fatal(err)
	}
	list, err := hls.Read("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"s\",DEFAULT=YES,URI=\"list\"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"s\"\nlist\n")
	if err != nil {
		t.Fatal(err)
	}
	all, err := choose(nil, base, base, list, make(places), func(av.Codec) bool { return true })
	if err != nil || len(all) != 1 || all[0].dec.noAudio {
		t.Errorf("%v, %v", all, err)
	}
}

// TestBefore: frames of two renditions come in the order of their time lines, then of their times; how playlists count them may differ.
func TestBefore(t *testing.T) {
	at := func(turn int64, dts time.Duration) *head {
		return &head{batch: batch{turn: turn, frames: []*av.Frame{{DTS: dts}}}}
	}
	for _, c := range []struct {
		name string
		a, b *head
		want bool
	}{
		{"by time", at(1, time.Second), at(1, 2*time.Second), true},
		{"an older time line", at(0, time.Minute), at(1, 0), true},
		{"a newer time line", at(1, 0), at(0, time.Minute), false},
		{"one counts what the other does not", at(1, 60*time.Second), at(0, 60500*time.Millisecond), true},
	} {
		if got := c.a.before(c.b); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestVariants: the best one that can be carried is taken.
func TestVariants(t *testing.T) {
	of := func(bandwidth int, codecs string) hls.VariantRef {
		return hls.VariantRef{Bandwidth: bandwidth, Codecs: codecs}
	}
	for _, c := range []struct {
		name string
		all  []hls.VariantRef
		want int
	}{
		{"nothing is said", []hls.VariantRef{of(1, ""), of(3, ""), of(2, "")}, 3},
		{"a codec that is not taken", []hls.VariantRef{of(1, "avc1.64001f,mp4a.40.2"), of(2, "hvc1.2.4.L123.B0,mp4a.40.2")}, 1},
		{"Dolby Vision", []hls.VariantRef{of(1, "avc1.64001f"), of(2, "dvh1.05.01")}, 1},
		{"Dolby Digital", []hls.VariantRef{of(1, "avc1.64001f,mp4a.40.2"), of(2, "avc1.64001f, ec-3")}, 1},
		{"subtitles", []hls.VariantRef{of(1, "avc1.64001f,mp4a.40.2"), of(2, "avc1.64001f,mp4a.40.5,wvtt")}, 2},
		{"none", []hls.VariantRef{of(1, "hvc1.2"), of(2, "hvc1.2")}, 2},
	} {
		if got := bestOf(c.all, func(c av.Codec) bool { return c == av.CodecH264 }).Bandwidth; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// heard is a sink that keeps what it gets.
type heard struct {
	frames  []*av.Frame
	damages int
	leaves  int
}

func (h *heard) takes(av.Codec) bool              { return true }
func (h *heard) expect(bool, bool, time.Duration) {}
func (h *heard) configure(*av.Track) error        { return nil }
func (h *heard) damaged()                         { h.damages++ }
func (h *heard) left(error)                       { h.leaves++ }
func (h *heard) write(f *av.Frame) error          { h.frames = append(h.frames, f); return nil }

// TestSoundBeginsLater: sound apart may begin a segment later than the pictures. The stream does not begin before both, and with a key
// frame; damage to its sound is none to the pictures.
func TestSoundBeginsLater(t *testing.T) {
	picture := func(at time.Duration, key bool) *av.Frame {
		return &av.Frame{Codec: av.CodecH264, Key: key, DTS: at, PTS: at, Data: []byte{1}}
	}
	main, other := &rendition{batches: make(chan batch, 3)}, &rendition{batches: make(chan batch, 2), err: ErrOver}
	main.err, other.dec.noVideo = ErrOver, true
	for i := range 2 {
		at := time.Duration(i) * time.Second
		main.batches <- batch{frames: []*av.Frame{picture(at, true), picture(at+100*time.Millisecond, false), picture(at+400*time.Millisecond, false)}}
	}
	other.batches <- batch{missed: true, frames: []*av.Frame{{Codec: av.CodecAAC, DTS: 1100 * time.Millisecond, Data: []byte{1}}}}
	close(main.batches)
	close(other.batches)
	var to heard
	p := player{renditions: []*rendition{main, other}, heads: make([]head, 2), to: &to}
	if err := p.play(t.Context()); !errors.Is(err, ErrOver) {
		t.Fatal(err)
	}
	if len(to.frames) != 4 || to.frames[0].DTS != time.Second || !to.frames[0].Key || to.damages != 0 {
		t.Errorf("%d frames, %d times damaged: %+v", len(to.frames), to.damages, to.frames)
	}
}

// TestPackedPlaylist: some stores have playlists packed only, and say so. What unpacks to more than is taken is not.
func TestPackedPlaylist(t *testing.T) {
	t.Parallel()
	of := func(text, coding string) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", coding)
			if coding != "gzip" {
				_, _ = w.Write([]byte(text))
				return
			}
			z := gzip.NewWriter(w)
			_, _ = z.Write([]byte(text))
			_ = z.Close()
		})
	}
	playlist := listOf(0, ends)
	for _, c := range []struct {
		name, from string
		want       error
	}{
		{"gzip", of(playlist, "gzip"), ErrOver},
		{"as it is", of(playlist, "identity"), ErrOver},
		{"one that is not known", of(playlist, "br"), ErrFormat},
		{"a thousand times its size", of(playlist+strings.Repeat("\n", 4*maxPlaylist), "gzip"), ErrTooLarge},
	} {
		if err := open(t.Context(), c.from, guards{source: dial.Trusted}, patience, make(places), &heard{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestSectionOfARestart: encoders that were restarted write another initialization section to the same address.
func TestSectionOfARestart(t *testing.T) {
	r := rendition{section: []byte("old"), begun: true}
	r.turned(&hls.SegmentRef{})
	if r.section == nil {
		t.Error("it is asked for anew without need")
	}
	r.turned(&hls.SegmentRef{Breaks: true, Discontinuity: 1})
	if r.section != nil {
		t.Error("the old one is in force")
	}
}
