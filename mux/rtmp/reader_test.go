package rtmp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

const (
	testLimit = 1 << 16
	testMedia = 4 << 20
)

// head appends a chunk's headers of a form; the length and type count for forms 0 and 1 only.
func head(dst []byte, form, csid byte, field uint32, length int, typ byte, extended ...uint32) []byte {
	dst = append(dst, form<<6|csid)
	if form < 3 {
		dst = append(dst, byte(field>>16), byte(field>>8), byte(field))
	}
	if form < 2 {
		dst = append(dst, byte(length>>16), byte(length>>8), byte(length), typ)
	}
	if form == 0 {
		dst = append(dst, 1, 0, 0, 0)
	}
	for _, e := range extended {
		dst = binary.BigEndian.AppendUint32(dst, e)
	}
	return dst
}

func fill(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

// one is what a message became.
type one struct {
	typ  byte
	time uint32
	body string
}

var casesChunks = []struct {
	name  string // with the clause of Adobe's RTMP specification
	bytes []byte
	want  []one
}{
	{"5.3.1 one chunk", cat(head(nil, 0, 3, 7, 3, 20), []byte("abc")), []one{{20, 7, "abc"}}},
	{
		"5.3.1.1 stream ids of 2 and 3 bytes", cat(
			[]byte{0, 5}, head(nil, 0, 0, 1, 1, 8)[1:], []byte("a"),
			[]byte{1, 5, 1}, head(nil, 0, 0, 2, 1, 8)[1:], []byte("b")),
		[]one{{8, 1, "a"}, {8, 2, "b"}},
	},
	{
		"5.3.2.2 a message of two chunks", cat(head(nil, 0, 4, 0, 130, 9), fill(128, 'x'), head(nil, 3, 4, 0, 0, 0), fill(2, 'y')),
		[]one{{9, 0, strings.Repeat("x", 128) + "yy"}},
	},
	{
		"5.3.2.1 deltas of forms 1, 2 and 3", cat(
			head(nil, 0, 4, 1000, 1, 8), []byte("a"), head(nil, 1, 4, 20, 2, 8), []byte("bb"),
			head(nil, 2, 4, 21, 0, 0), []byte("cc"), head(nil, 3, 4, 0, 0, 0), []byte("dd")),
		[]one{{8, 1000, "a"}, {8, 1020, "bb"}, {8, 1041, "cc"}, {8, 1062, "dd"}},
	},
	{
		"5.3.1.2.4 form 3 behind form 0 repeats the timestamp as a step", cat(
			head(nil, 0, 4, 20, 1, 8), []byte("a"), head(nil, 3, 4, 0, 0, 0), []byte("b")),
		[]one{{8, 20, "a"}, {8, 40, "b"}},
	},
	{
		"form 3 behind form 0 as librtmp means it", cat(
			head(nil, 0, 4, 5000, 1, 8), []byte("a"), head(nil, 3, 4, 0, 0, 0), []byte("b")),
		[]one{{8, 5000, "a"}, {8, 5000, "b"}},
	},
	{
		"5.3.2.2 interleaved streams", cat(
			head(nil, 0, 4, 0, 130, 9), fill(128, 'v'), head(nil, 0, 6, 3, 1, 8), []byte("a"), head(nil, 3, 4, 0, 0, 0), fill(2, 'v')),
		[]one{{8, 3, "a"}, {9, 0, strings.Repeat("v", 130)}},
	},
	{
		"5.3.1.3 extended timestamp, repeated", cat(
			head(nil, 0, 4, noTime, 130, 9, 0x01020304), fill(128, 'v'), head(nil, 3, 4, 0, 0, 0, 0x01020304), fill(2, 'v')),
		[]one{{9, 0x01020304, strings.Repeat("v", 130)}},
	},
	{
		"5.3.1.3 extended timestamp, not repeated", cat(
			head(nil, 0, 4, noTime, 133, 9, 0x01020304), fill(128, 'v'), head(nil, 3, 4, 0, 0, 0), fill(5, 'v')),
		[]one{{9, 0x01020304, strings.Repeat("v", 133)}},
	},
	{"5.3.1.3 timestamp of exactly 16777215", cat(head(nil, 0, 4, noTime, 1, 9, noTime), []byte("v")), []one{{9, noTime, "v"}}},
	{
		"wraps at 2^32", cat(head(nil, 0, 4, noTime, 1, 8, 1<<32-10), []byte("a"), head(nil, 2, 4, 20, 0, 0), []byte("b")),
		[]one{{8, 1<<32 - 10, "a"}, {8, 10, "b"}},
	},
	{"empty message", cat(head(nil, 0, 4, 1, 0, 8), head(nil, 0, 4, 2, 1, 8), []byte("a")), []one{{8, 1, ""}, {8, 2, "a"}}},
}

func readChunks(b []byte) (*Reader, []one, error) {
	c := NewReader(bufio.NewReader(bytes.NewReader(b)), testLimit)
	var got []one
	for {
		m, err := c.Next()
		if err != nil {
			return c, got, err
		}
		got = append(got, one{m.Type, m.Time, string(m.Body)})
	}
}

func TestChunks(t *testing.T) {
	for _, tc := range casesChunks {
		t.Run(tc.name, func(t *testing.T) {
			_, got, err := readChunks(tc.bytes)
			if !slices.Equal(got, tc.want) || !errors.Is(err, io.EOF) {
				t.Errorf("got %v, %v, want %v", got, err, tc.want)
			}
		})
	}
}

func TestHostileChunks(t *testing.T) {
	var many, unfinished []byte
	for id := range byte(maxStreams + 1) {
		many = append(head(many, 0, 3+id, 0, 1, 8), 'a')
		unfinished = append(head(unfinished, 0, 3+id, 0, 10*DefaultChunk, 8), fill(DefaultChunk, 'a')...)
	}
	for _, tc := range []struct {
		name  string
		bytes []byte
		want  error
	}{
		{"first chunk without a header", head(nil, 3, 4, 0, 0, 0), ErrProtocol},
		{"first chunk with a step", head(nil, 1, 4, 0, 1, 8), ErrProtocol},
		{"too many streams", many, ErrTooMuch},
		{"too long a message", head(nil, 0, 4, 0, testLimit+1, 9), ErrTooMuch},
		{"a message within another one", cat(head(nil, 0, 4, 0, 200, 9), fill(128, 'v'), head(nil, 0, 4, 0, 1, 9)), ErrProtocol},
		{"5.4.1 a chunk size of 0", cat(head(nil, 0, 2, 0, 4, TypeChunkSize), []byte{0, 0, 0, 0}), ErrProtocol},
		{"5.4.1 a chunk size of 2^31", cat(head(nil, 0, 2, 0, 4, TypeChunkSize), []byte{0x80, 0, 0, 0}), ErrProtocol},
		{"5.4.1 a chunk size of one byte", cat(head(nil, 0, 2, 0, 1, TypeChunkSize), []byte{9}), ErrProtocol},
		{"cut short", cat(head(nil, 0, 4, 0, 200, 9), fill(128, 'v')), io.EOF},
		{"cut within a chunk", cat(head(nil, 0, 4, 0, 200, 9), fill(12, 'v')), io.ErrUnexpectedEOF},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, _, err := readChunks(tc.bytes); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
	t.Run("all that is unfinished counts", func(t *testing.T) {
		// Each of the messages may be under way, but not all of them together.
		c := NewReader(bufio.NewReader(bytes.NewReader(unfinished)), 10*DefaultChunk)
		if _, err := c.Next(); !errors.Is(err, ErrTooMuch) {
			t.Errorf("got %v, want %v", err, ErrTooMuch)
		}
		held := 0
		for _, s := range c.streams {
			held += cap(s.body)
		}
		if held > 10*DefaultChunk {
			t.Errorf("buffers of %d bytes are held", held)
		}
	})
}

func TestAbortedMessageIsDropped(t *testing.T) {
	c := NewReader(bufio.NewReader(bytes.NewReader(cat(
		head(nil, 0, 4, 0, 200, 9), fill(128, 'v'),
		head(nil, 0, 2, 0, 4, TypeAbort), []byte{0, 0, 0, 99}, head(nil, 0, 2, 0, 4, TypeAbort), []byte{0, 0, 0, 4},
		head(nil, 0, 4, 5, 1, 9), []byte("n")))), testLimit)
	m, err := c.Next()
	if err != nil || string(m.Body) != "n" || m.Time != 5 || c.pending != 0 {
		t.Errorf("got %+v, %v, %d bytes pending", m, err, c.pending)
	}
}

func TestChunkSize(t *testing.T) {
	c := NewReader(bufio.NewReader(bytes.NewReader(cat(
		head(nil, 0, 2, 0, 4, TypeChunkSize), []byte{0, 0, 0, 200}, head(nil, 0, 4, 0, 200, 9), fill(200, 'v')))), testLimit)
	if m, err := c.Next(); err != nil || len(m.Body) != 200 {
		t.Errorf("got %+v, %v", m, err)
	}
}

// TestAnnouncingCostsNothing: a peer that announces large messages and sends little of them makes us hold little.
func TestAnnouncingCostsNothing(t *testing.T) {
	c := NewReader(bufio.NewReader(bytes.NewReader(cat(head(nil, 0, 4, 0, testMedia, 9), fill(100, 'v')))), testMedia)
	if _, err := c.Next(); err == nil {
		t.Fatal("no error")
	}
	if n := cap(c.streams[4].body); n > eagerSize {
		t.Errorf("a buffer of %d bytes was made for 100", n)
	}
}

func TestReadingAllocatesTheBodyOnly(t *testing.T) {
	picture := cat(head(nil, 0, 4, 0, 6000, 9), fill(6000, 'v'))
	in := bytes.NewReader(nil)
	buffered := bufio.NewReader(in)
	c := NewReader(buffered, testMedia)
	c.size = maxChunk
	got := testing.AllocsPerRun(100, func() {
		in.Reset(picture)
		buffered.Reset(in)
		if m, err := c.Next(); err != nil || len(m.Body) != 6000 {
			t.Fatal(err)
		}
	})
	if got > 1 {
		t.Errorf("%v allocations a message", got)
	}
}

func FuzzChunks(f *testing.F) {
	for _, tc := range casesChunks {
		f.Add(tc.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, got, _ := readChunks(b)
		held := 0
		for _, s := range c.streams {
			held += cap(s.body)
		}
		if len(c.streams) > maxStreams || held > testLimit {
			t.Errorf("%d streams hold %d bytes", len(c.streams), held)
		}
		total := 0
		for _, m := range got {
			total += len(m.body)
		}
		if total > len(b) {
			t.Errorf("%d bytes became messages of %d", len(b), total)
		}
	})
}
