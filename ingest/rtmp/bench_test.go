package rtmp

import (
	"bufio"
	"bytes"
	"testing"

	"weir/mux/av"
	"weir/mux/rtmp"
	"weir/room/auth"
	"weir/room/live"
)

// pipeline is a session whose connection is a buffer.
type pipeline struct {
	*session
	in       *bytes.Reader
	buffered *bufio.Reader
	at       uint32
}

func newPipeline(t testing.TB) *pipeline {
	t.Helper()
	hub := live.NewRegistry(live.Options{RingBytes: 1 << 20, RingTime: 1 << 30, MaxStreams: 1})
	p, err := hub.Publish(live.Key{App: "1", Room: "demo", Stream: "cam"}, live.PublishOptions{Tracks: 2})
	if err != nil {
		t.Fatal(err)
	}
	run(t, hub.Run)
	in := bytes.NewReader(nil)
	c := &conn{server: NewServer(Options{Codecs: []av.Codec{av.CodecH264}})}
	c.log = c.server.log
	buffered := bufio.NewReaderSize(in, readBuffer)
	c.in = rtmp.NewReader(buffered, maxMedia)
	s := newSession(c, auth.Grant{Rights: auth.RightsAll})
	s.attach(p)
	return &pipeline{session: s, in: in, buffered: buffered}
}

// push takes one message the whole way into the hub.
func (p *pipeline) push(t testing.TB, raw []byte) {
	p.in.Reset(raw)
	p.buffered.Reset(p.in)
	m, err := p.read()
	if err == nil {
		p.at += 33
		m.Time = p.at
		err = p.media(m)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// pictures are a sequence header, a key frame and another picture as messages in chunks of 4096 bytes.
func pictures(t testing.TB) (header, key, other []byte) {
	t.Helper()
	s := loadSample(t)
	message := func(body []byte) []byte {
		return rtmp.AppendMessage(nil, rtmp.Message{Type: rtmp.TypeVideo, Body: body}, 4096)
	}
	return message(s.avcC), message(s.pictures[0]), message(s.pictures[1])
}

// TestMediaAllocs: a picture costs its buffer, its frame and its entry in the ring, and little that is amortized.
func TestMediaAllocs(t *testing.T) {
	header, key, other := pictures(t)
	p := newPipeline(t)
	p.chunkSize(t, 4096)
	p.push(t, header)
	p.push(t, key)
	for range 100 {
		p.push(t, other)
	}
	if n := testing.AllocsPerRun(500, func() { p.push(t, other) }); n > 3 {
		t.Errorf("%v allocations a picture", n)
	}
}

// chunkSize is said in front of a message that means nothing.
func (p *pipeline) chunkSize(t testing.TB, n uint32) {
	b := rtmp.AppendMessage(nil, rtmp.Number(rtmp.TypeChunkSize, n), rtmp.DefaultChunk)
	p.in.Reset(rtmp.AppendMessage(b, rtmp.NewCommand(0, "nothing"), int(n)))
	p.buffered.Reset(p.in)
	if _, err := p.read(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkMedia(b *testing.B) {
	header, key, other := pictures(b)
	p := newPipeline(b)
	p.chunkSize(b, 4096)
	p.push(b, header)
	p.push(b, key)
	b.ReportAllocs()
	b.SetBytes(int64(len(other)))
	for b.Loop() {
		p.push(b, other)
	}
}
