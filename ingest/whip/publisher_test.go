package whip

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/thesyncim/gopus/container/ogg"

	"weir/bench/publish"
	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/room/live"
	"weir/testdata"
)

// videoFile is a file of the sample's first n pictures, a key frame every 60.
func videoFile(t testing.TB, n int) string {
	t.Helper()
	units := publish.SplitAccessUnits(must(os.ReadFile(testdata.Path("bars-360p.h264"))))
	var stream []byte
	for _, u := range units[:n] {
		for _, nal := range u.NALs {
			stream = append(append(stream, 0, 0, 0, 1), nal...)
		}
	}
	name := filepath.Join(t.TempDir(), "video.h264")
	if err := os.WriteFile(name, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// opusPackets are the first n packets of the sample, which are stereo.
func opusPackets(t testing.TB, n int) [][]byte {
	t.Helper()
	f := must(os.Open(testdata.Path("tone.ogg")))
	defer f.Close()
	r := must(ogg.NewReader(f))
	var out [][]byte
	for len(out) < n {
		packet, _, err := r.ReadPacket()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, packet)
	}
	return out
}

// audioFile is a file of the packets, of 20 ms each.
func audioFile(t testing.TB, packets [][]byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "audio.ogg")
	f := must(os.Create(name))
	defer f.Close()
	w := must(ogg.NewWriter(f, 48000, 2))
	for _, p := range packets {
		if err := w.WritePacket(p, 960); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// start publishes at /whip/room/cam as the user host, unless the options say otherwise.
func (s *server) start(t testing.TB, o publish.Options) *publish.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if o.URL == "" {
		o.URL = s.http.URL + "/whip/room/cam"
	}
	if o.Token == "" {
		o.Token = token(t, "host")
	}
	p, err := publish.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// stream is the stream of the key, which must be there.
func (s *server) stream(t testing.TB, name string) *live.Stream {
	t.Helper()
	stream, ok := s.hub.Stream(key(name))
	if !ok {
		t.Fatalf("there is no stream %q", name)
	}
	return stream
}

// picture is the NAL units of one access unit without parameter sets.
type picture [][]byte

func samePicture(a, b picture) bool { return slices.EqualFunc(a, b, slices.Equal[[]byte]) }

func (p picture) isKey() bool { return h264.NALType(p[0][0]) == h264.NALIDR }

// sent is what a publisher says that it sends.
type sent struct {
	mu       sync.Mutex
	pictures []picture
	last     time.Duration
	audio    [][]byte
}

func (s *sent) onNAL(nal []byte, pts time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := h264.NALType(nal[0]); t == h264.NALSPS || t == h264.NALPPS {
		return
	}
	if len(s.pictures) == 0 || pts != s.last {
		s.pictures = append(s.pictures, nil)
	}
	s.last = pts
	at := &s.pictures[len(s.pictures)-1]
	*at = append(*at, nal)
}

func (s *sent) onOpus(packet []byte, _ time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audio = append(s.audio, packet)
}

// viewer reads a stream until the test is over.
type viewer struct {
	mu     sync.Mutex
	frames []*av.Frame
	err    error // the reader's end; valid after done is closed
	done   chan struct{}
}

func watch(t testing.TB, stream *live.Stream, start live.Start) *viewer {
	v := &viewer{done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	r := stream.NewReader(live.ReaderOptions{Name: "test", Start: start})
	go func() {
		defer close(v.done)
		defer r.Close()
		for {
			var batch [16]live.Frame
			n, err := r.ReadBatch(ctx, batch[:])
			v.mu.Lock()
			for _, f := range batch[:n] {
				v.frames = append(v.frames, f.Frame)
			}
			v.mu.Unlock()
			if err != nil {
				v.err = err
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-v.done
	})
	return v
}

// media are the frames of a track that came so far, configuration left out.
func (v *viewer) media(id av.TrackID) []*av.Frame {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []*av.Frame
	for _, f := range v.frames {
		if f.Track == id && f.Kind == av.KindMedia {
			out = append(out, f)
		}
	}
	return out
}

func (v *viewer) pictures() []picture {
	var out []picture
	for _, f := range v.media(videoID) {
		var p picture
		for b := f.Data; len(b) >= 4; {
			n := int(binary.BigEndian.Uint32(b))
			p = append(p, b[4:4+n])
			b = b[4+n:]
		}
		out = append(out, p)
	}
	return out
}

func (v *viewer) packets() [][]byte {
	var out [][]byte
	for _, f := range v.media(audioID) {
		out = append(out, f.Data)
	}
	return out
}

// checkTimes checks that decoding times rise strictly in each track and that nothing is shown before it is decoded.
func (v *viewer) checkTimes(t *testing.T) {
	t.Helper()
	for _, id := range []av.TrackID{videoID, audioID} {
		last := time.Duration(-1)
		for i, f := range v.media(id) {
			if f.DTS <= last || f.PTS < f.DTS {
				t.Fatalf("track %d, frame %d: DTS %v after %v, PTS %v", id, i, f.DTS, last, f.PTS)
			}
			last = f.DTS
		}
	}
}

// sequenceSet numbers the packets that were seen on their way, each kind by itself.
type sequenceSet struct {
	mu   sync.Mutex
	seen map[bool]map[uint16]int
}

// add notes a packet. It returns the packet's place among its kind, and whether it was there before.
func (s *sequenceSet) add(seq uint16, video bool) (n int, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[bool]map[uint16]int{false: {}, true: {}}
	}
	kind := s.seen[video]
	if n, again = kind[seq]; !again {
		n = len(kind)
		kind[seq] = n
	}
	return n, again
}
