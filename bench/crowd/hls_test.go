package crowd

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const plainList = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-23T04:00:00.000Z
#EXTINF:2.00000,
7.m4s
#EXTINF:1.5,
8.m4s
#EXTINF:2,
9.m4s
#EXTINF:2,
10.m4s
`

const partsList = `#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6,HOLD-BACK=6
#EXT-X-PART-INF:PART-TARGET=0.2
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-MAP:URI="init.mp4"
#EXTINF:0.4,
1.m4s
#EXT-X-PART:DURATION=0.2,URI="2.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.2,URI="2.1.m4s"
#EXTINF:0.4,
2.m4s
#EXT-X-PART:DURATION=0.2,URI="3.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="3.1.m4s"
`

func TestParsePlaylist(t *testing.T) {
	p := parsePlaylist([]byte(plainList), false)
	if p.target != 2*time.Second || p.hold != 6*time.Second || p.block || p.ended || p.init != "init.mp4" || p.nextSequence != 11 {
		t.Errorf("got %+v", p)
	}
	if i, in := p.start(); i != 0 || in != 1500*time.Millisecond {
		t.Errorf("playback begins %v into piece %d", in, i)
	}
	last := p.pieces[3]
	want := piece{
		uri: "10.m4s", duration: 2 * time.Second, wall: time.Date(2026, 11, 23, 4, 0, 5, 5e8, time.UTC), sequence: 10, part: -1, last: true,
	}
	if !reflect.DeepEqual(last, want) {
		t.Errorf("the last is %+v, want %+v", last, want)
	}
	if i := p.after(p.pieces[1]); i != 2 {
		t.Errorf("behind the second comes %d", i)
	}
	if i := p.after(piece{sequence: 2, part: -1, last: true}); i != 0 {
		t.Errorf("behind one that is gone comes %d", i)
	}
}

func TestParsePlaylistLowLatency(t *testing.T) {
	p := parsePlaylist([]byte(partsList), true)
	var got []string
	for _, x := range p.pieces {
		got = append(got, x.uri)
	}
	if want := []string{"1.m4s", "2.0.m4s", "2.1.m4s", "3.0.m4s"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !p.block || p.hold != 600*time.Millisecond || p.nextSequence != 3 || p.nextPart != 1 {
		t.Errorf("got %+v", p)
	}
	if i := p.after(p.pieces[2]); i != 3 {
		t.Errorf("behind the last part of a segment comes %d", i)
	}
	if i := p.after(p.pieces[3]); i != 4 {
		t.Errorf("behind the last part comes %d", i)
	}
	if p := parsePlaylist([]byte(partsList), false); len(p.pieces) != 2 || p.block || p.hold != 6*time.Second {
		t.Errorf("without low latency: %+v", p)
	}
}

func TestFirstVariant(t *testing.T) {
	if got := firstVariant([]byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n\n#x\na/main.m3u8\nb\n")); got != "a/main.m3u8" {
		t.Errorf("got %q", got)
	}
}

func FuzzParsePlaylist(f *testing.F) {
	f.Add([]byte(plainList))
	f.Add([]byte(partsList))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, lowLatency := range []bool{false, true} {
			p := parsePlaylist(text, lowLatency)
			if i, _ := p.start(); i > 0 && i >= len(p.pieces) {
				t.Errorf("playback begins at %d of %d", i, len(p.pieces))
			}
		}
	})
}

// lowLatency is a server of parts: a reload that waits brings one more.
type lowLatency struct {
	mu    sync.Mutex // guards parts
	parts int
	got   []string
}

func (s *lowLatency) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, r.URL.RequestURI())
	var text strings.Builder
	switch {
	case r.URL.Path == "/s.m3u8":
		text.WriteString("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ns/main.m3u8?id=/x\n")
	case strings.HasSuffix(r.URL.Path, ".m3u8"):
		if r.URL.Query().Has("_HLS_msn") {
			s.parts++
		}
		fmt.Fprintf(&text, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6\n#EXT-X-MAP:URI=\"i.mp4\"\n")
		for i := range s.parts {
			fmt.Fprintf(&text, "#EXT-X-PART:DURATION=0.2,URI=\"%d.m4s\"\n", i)
		}
		if s.parts > 5 {
			text.WriteString("#EXT-X-ENDLIST\n")
		}
	default:
		text.WriteString("data")
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(text.String()))
	_ = z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Length", strconv.Itoa(zipped.Len()))
	_, _ = w.Write(zipped.Bytes())
}

func TestHLSPlayerLowLatency(t *testing.T) {
	server := &lowLatency{parts: 4}
	h := httptest.NewServer(server)
	defer h.Close()
	var crowd HLS
	if err := crowd.NewPlayer(h.Listener.Addr().String(), "/s.m3u8", "x", true, nil).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"/s.m3u8", "/s/main.m3u8?id=/x", "/s/i.mp4", "/s/1.m4s", "/s/2.m4s", "/s/3.m4s",
		"/s/main.m3u8?id=/x&_HLS_msn=0&_HLS_part=4", "/s/4.m4s", "/s/main.m3u8?id=/x&_HLS_msn=0&_HLS_part=5", "/s/5.m4s",
	}
	if !reflect.DeepEqual(server.got, want) {
		t.Errorf("asked for %v, want %v", server.got, want)
	}
	if crowd.Requests.Load() != uint64(len(want)) || crowd.Playing.Load() != 1 || crowd.Bytes.Load() == 0 || crowd.Failures.Load() != 0 {
		t.Errorf("counted %d requests, %d playing", crowd.Requests.Load(), crowd.Playing.Load())
	}
}

func TestHLSPlayerWithoutParts(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/s.m3u8" {
			_, _ = w.Write([]byte("#EXT-X-STREAM-INF:BANDWIDTH=1\nmain.m3u8\n"))
			return
		}
		_, _ = w.Write([]byte(plainList))
	}))
	defer server.Close()
	var crowd HLS
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := crowd.NewPlayer(server.Listener.Addr().String(), "/s.m3u8", "x", true, nil).Run(ctx)
	if !errors.Is(err, ErrNoParts) {
		t.Errorf("got %v, want ErrNoParts", err)
	}
}

func TestAdvance(t *testing.T) {
	p := new(HLS).NewPlayer("", "", "", false, nil)
	begin := time.Now()
	p.from = time.Second
	p.advance(piece{duration: 2 * time.Second, wall: begin.Add(-10 * time.Second)})
	// It plays from one second in: nine behind.
	if got := p.Behind().Round(time.Second); got != 9*time.Second {
		t.Errorf("%v behind, want 9s", got)
	}
	p.began = p.began.Add(-5 * time.Second) // as if that had gone by since
	p.advance(piece{duration: 2 * time.Second, wall: begin.Add(-8 * time.Second)})
	if got := p.Behind().Round(time.Second); got != 8*time.Second || p.crowd.Stalls.Load() != 1 {
		t.Errorf("%v behind after %d stalls", got, p.crowd.Stalls.Load())
	}
}
