package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/flv"
)

// FLV tag types (Adobe FLV 10.1, E.4.1).
const (
	audioTag  = 8
	videoTag  = 9
	scriptTag = 18
)

// tag is one FLV tag as it came.
type tag struct {
	kind  byte
	dts   time.Duration
	body  []byte
	after time.Duration // since the request
}

// media tells whether the tag is coded media, not a header. Enhanced FLV has its packet type in the first byte.
func (t tag) media() bool {
	switch {
	case len(t.body) < 2:
		return false
	case t.kind == videoTag && t.body[0]&0x80 != 0, t.kind == audioTag && t.body[0]>>4 == 9:
		return t.body[0]&0x0f != 0
	default:
		return t.kind != scriptTag && t.body[1] == 1
	}
}

func (t tag) key() bool { return t.kind == videoTag && t.body[0]&0x70 == 0x10 }

// viewer takes an HTTP-FLV response and keeps it, whole tag by whole tag.
type viewer struct {
	header http.Header
	chunks bool // the response is chunked
	length int64
	cancel context.CancelFunc
	begin  time.Time
	done   chan struct{} // closed at the response's end; err is then valid

	mu    sync.Mutex // guards the fields below
	raw   []byte
	tags  []tag
	grown chan struct{} // closed and replaced with each tag
	err   error         // io.EOF after a proper end
}

// watch opens an HTTP-FLV response, which is closed with the test.
func watch(t *testing.T, url string) *viewer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	v := &viewer{cancel: cancel, begin: time.Now(), done: make(chan struct{}), grown: make(chan struct{})}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		cancel()
		t.Fatalf("%s: %s %s", url, res.Status, body)
	}
	v.header, v.length = res.Header, res.ContentLength
	v.chunks = len(res.TransferEncoding) == 1 && res.TransferEncoding[0] == "chunked"
	go v.read(res.Body)
	t.Cleanup(v.leave)
	return v
}

func (v *viewer) read(body io.ReadCloser) {
	defer close(v.done)
	r := bufio.NewReader(body)
	err := v.readAll(r)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = errors.Join(err, body.Close())
	close(v.grown)
	v.grown = nil
}

// readAll returns nil at a proper end of the response behind a whole tag.
func (v *viewer) readAll(r io.Reader) error {
	head := make([]byte, 13)
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	v.mu.Lock()
	v.raw = append(v.raw, head...)
	v.mu.Unlock()
	for {
		head := make([]byte, 11)
		if _, err := io.ReadFull(r, head); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		rest := make([]byte, int(head[1])<<16|int(head[2])<<8|int(head[3])+4)
		if _, err := io.ReadFull(r, rest); err != nil {
			return fmt.Errorf("within a tag: %w", err)
		}
		body := rest[:len(rest)-4]
		// FL-02: PreviousTagSize is 11 and the size of the data.
		if size := binary.BigEndian.Uint32(rest[len(body):]); int(size) != 11+len(body) {
			return fmt.Errorf("PreviousTagSize %d behind a tag of %d", size, 11+len(body))
		}
		ms := uint32(head[7])<<24 | uint32(head[4])<<16 | uint32(head[5])<<8 | uint32(head[6])
		v.add(tag{head[0], time.Duration(ms) * time.Millisecond, body, time.Since(v.begin)}, head, rest)
	}
}

func (v *viewer) add(t tag, parts ...[]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range parts {
		v.raw = append(v.raw, p...)
	}
	v.tags = append(v.tags, t)
	close(v.grown)
	v.grown = make(chan struct{})
}

// snapshot is what has come so far.
func (v *viewer) snapshot() (raw []byte, tags []tag) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.raw[:len(v.raw):len(v.raw)], v.tags[:len(v.tags):len(v.tags)]
}

// until waits until what has come is enough.
func (v *viewer) until(t *testing.T, what string, enough func(tags []tag) bool) {
	t.Helper()
	deadline := time.After(2 * patience)
	for {
		v.mu.Lock()
		tags, grown, err := v.tags, v.grown, v.err
		v.mu.Unlock()
		if enough(tags) {
			return
		}
		if grown == nil {
			t.Fatalf("waiting for %s: the response ended after %d tags: %v", what, len(tags), err)
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("waiting for %s: only %d tags came", what, len(tags))
		}
	}
}

// untilLength waits for media of a duration, from the first media tag on.
func (v *viewer) untilLength(t *testing.T, d time.Duration) {
	t.Helper()
	v.until(t, d.String()+" of media", func(tags []tag) bool { return span(tags) >= d })
}

// span is the time between the first and the last media tag.
func span(tags []tag) time.Duration {
	for _, first := range tags {
		if first.media() {
			return tags[len(tags)-1].dts - first.dts
		}
	}
	return 0
}

// ended waits for the end of the response and returns nil if it was a proper one: the last chunk came.
func (v *viewer) ended(t *testing.T) error {
	t.Helper()
	select {
	case <-v.done:
		return v.err
	case <-time.After(patience):
		t.Fatal("the response does not end")
		return nil
	}
}

// leave closes the connection and waits for the reader.
func (v *viewer) leave() {
	v.cancel()
	<-v.done
}

// file writes what has come so far to a file.
func (v *viewer) file(t *testing.T) string {
	t.Helper()
	raw, _ := v.snapshot()
	path := filepath.Join(t.TempDir(), "capture.flv")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// frames is what has come so far, demuxed.
func (v *viewer) frames(t *testing.T) (video, audio []*av.Frame) {
	t.Helper()
	raw, _ := v.snapshot()
	d := flv.NewDemuxer(bytes.NewReader(raw))
	for {
		f, err := d.Next()
		if errors.Is(err, io.EOF) {
			return video, audio
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case f.Kind != av.KindMedia:
		case f.Codec.IsVideo():
			video = append(video, f)
		default:
			audio = append(audio, f)
		}
	}
}

// slicesOf are the slice NAL units of access units with NAL units behind their length in 4 bytes.
func slicesOf(t *testing.T, units ...[]byte) [][]byte {
	t.Helper()
	var out [][]byte
	for _, unit := range units {
		for len(unit) > 0 {
			if len(unit) < 5 || binary.BigEndian.Uint32(unit) > uint32(len(unit)-4) {
				t.Fatalf("a NAL unit is longer than the %d bytes of the access unit that are left", len(unit))
			}
			n := 4 + binary.BigEndian.Uint32(unit)
			nal := unit[4:n]
			if kind := nal[0] & 0x1f; kind >= 1 && kind <= 5 {
				out = append(out, nal)
			}
			unit = unit[n:]
		}
	}
	return out
}

func dataOf(frames []*av.Frame) [][]byte {
	out := make([][]byte, len(frames))
	for i, f := range frames {
		out[i] = f.Data
	}
	return out
}

// checkRising fails unless the tags' DTS rise strictly in each track.
func checkRising(t *testing.T, tags []tag) {
	t.Helper()
	last := map[byte]time.Duration{}
	for i, g := range tags {
		if !g.media() {
			continue
		}
		if before, ok := last[g.kind]; ok && g.dts <= before {
			t.Errorf("tag %d of type %d: DTS %v behind %v", i, g.kind, g.dts, before)
		}
		last[g.kind] = g.dts
	}
}
