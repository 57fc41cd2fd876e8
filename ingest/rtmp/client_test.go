package rtmp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"testing"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"
	"go.uber.org/goleak"

	"weir/mux/av"
	"weir/mux/codec/aac"
	"weir/mux/codec/h264"
	"weir/mux/rtmp"
	"weir/room/auth"
	"weir/room/live"
	"weir/testdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testApp = 1400000001
	testSDK = "1400000001"
	testKey = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
	// patience is the longest that a test waits for what must come; nothing is measured with it.
	patience = 30 * time.Second
)

// door is a server with a hub behind it.
type door struct {
	t      testing.TB
	hub    *live.Registry
	server *Server
	addr   string
	secure string // address of RTMPS
	stop   func()
}

func newDoor(t testing.TB, change func(o *Options, h *live.Options)) *door {
	t.Helper()
	a, err := auth.New(auth.Options{App: auth.App{ID: testApp, Key: testKey}})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Auth: a, Codecs: []av.Codec{av.CodecH264}, Timeout: patience, Handshake: patience,
		MaxConns: 100, MaxPerAddress: 100,
	}
	h := live.Options{
		RingBytes: 16 << 20, RingTime: 30 * time.Second, Fresh: patience, Grace: patience, TrackWait: time.Millisecond,
		FeedIdle: time.Second, MaxStreams: 10,
	}
	if change != nil {
		change(&o, &h)
	}
	d := &door{t: t, hub: live.NewRegistry(h)}
	o.Hub = d.hub
	d.server = NewServer(o)
	for _, l := range []struct {
		to     *string
		secure *tls.Config
	}{{&d.addr, nil}, {&d.secure, &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}}} {
		addr, err := d.server.Listen("127.0.0.1:0", l.secure)
		if err != nil {
			t.Fatal(err)
		}
		*l.to = addr.String()
	}
	d.stop = run(t, d.server.Run)
	run(t, d.hub.Run)
	return d
}

// run runs f until the test is over or the returned function is called, which waits for it.
func run(t testing.TB, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f(ctx); err != nil {
			t.Errorf("ended with %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// testCertificate is one for 127.0.0.1 that nobody vouches for.
func testCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func sign(t testing.TB, user string) string {
	t.Helper()
	sig, err := tencentyun.GenUserSig(testApp, testKey, user, 3600)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// signLimited makes a token that is bound to a room and to rights.
func signLimited(t testing.TB, user string, rights auth.Rights) string {
	t.Helper()
	sig, err := tencentyun.GenPrivateMapKeyWithStringRoomID(testApp, testKey, user, 3600, "demo", uint32(rights))
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// client is a publisher that speaks just enough RTMP, by code of its own.
type client struct {
	t testing.TB
	net.Conn
	buffered *bufio.Reader
	in       *rtmp.Reader // shares the code of the server, which has tests of its own
	out      []byte
}

func (d *door) dial() *client {
	d.t.Helper()
	nc, err := net.Dial("tcp", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.greet(nc)
}

// greet makes the handshake.
func (d *door) greet(nc net.Conn) *client {
	d.t.Helper()
	d.t.Cleanup(func() { _ = nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		d.t.Fatal(err)
	}
	c := &client{t: d.t, Conn: nc, buffered: bufio.NewReader(nc)}
	c.in = rtmp.NewReader(c.buffered, maxMedia)
	hello := append([]byte{3}, bytes.Repeat([]byte{7}, 1536)...)
	c.raw(hello)
	var s [1 + 2*1536]byte
	if _, err := io.ReadFull(c.buffered, s[:]); err != nil {
		d.t.Fatalf("no handshake: %v", err)
	}
	if s[0] != 3 || !bytes.Equal(s[1537:], hello[1:]) {
		d.t.Fatalf("a wrong handshake: version %d", s[0])
	}
	c.raw(s[1:1537])
	return c
}

func (c *client) raw(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatalf("cannot write: %v", err)
	}
}

// send sends a message in chunks of 128 bytes.
func (c *client) send(typ byte, at uint32, body []byte) {
	c.t.Helper()
	c.out = rtmp.AppendMessage(c.out[:0], rtmp.Message{Type: typ, Stream: publishStream, Time: at, Body: body}, rtmp.DefaultChunk)
	c.raw(c.out)
}

func (c *client) command(values ...any) {
	c.t.Helper()
	c.send(rtmp.TypeCommand, 0, rtmp.AppendAMF(nil, values...))
}

// next is the next message of a type.
func (c *client) next(typ byte) rtmp.Message {
	c.t.Helper()
	for {
		m, err := c.in.Next()
		if err != nil {
			c.t.Fatalf("no message of type %d: %v", typ, err)
		}
		if m.Type == typ {
			return m
		}
	}
}

// status is the code and description of the next onStatus.
func (c *client) status() (code, description string) {
	c.t.Helper()
	for {
		cmd, err := rtmp.ParseCommand(c.next(rtmp.TypeCommand))
		if err != nil {
			c.t.Fatal(err)
		}
		if cmd.Name == "onStatus" {
			info, _ := cmd.Args[0].(rtmp.Object)
			code, _ = info["code"].(string)
			description, _ = info["description"].(string)
			return code, description
		}
	}
}

// ask connects and asks to publish, as OBS does.
func (c *client) ask(app, key string) {
	c.t.Helper()
	c.command("connect", 1.0, []rtmp.Property{
		rtmp.Prop("app", app),
		rtmp.Prop("type", "nonprivate"),
		rtmp.Prop("flashVer", "FMLE/3.0 (compatible; FMSc/1.0)"),
		rtmp.Prop("tcUrl", "rtmp://127.0.0.1/"+app),
	})
	c.command("releaseStream", 2.0, nil, key)
	c.command("FCPublish", 3.0, nil, key)
	c.command("createStream", 4.0, nil)
	c.command("publish", 5.0, nil, key, "live")
}

// publish does so as a user.
func (d *door) publish(user string) *client {
	d.t.Helper()
	c := d.dial()
	c.ask("live", "demo/cam?usersig="+sign(d.t, user))
	c.started()
	return c
}

func (c *client) started() {
	c.t.Helper()
	if code, text := c.status(); code != "NetStream.Publish.Start" {
		c.t.Fatalf("not published: %s: %s", code, text)
	}
}

// ended waits until the server has closed the connection.
func (c *client) ended() {
	c.t.Helper()
	for {
		if _, err := c.in.Next(); err != nil {
			return
		}
	}
}

// stream is the stream that the client publishes.
func (d *door) stream() *live.Stream {
	d.t.Helper()
	s, ok := d.hub.Stream(live.Key{App: testSDK, Room: "demo", Stream: "cam"})
	if !ok {
		d.t.Fatal("there is no stream")
	}
	return s
}

// await waits until the condition holds.
func await(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !is(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (d *door) awaitState(want live.State) {
	d.t.Helper()
	s := d.stream()
	await(d.t, "the stream is "+want.String(), func() bool { return s.Info().State == want })
}

// sample is the bodies of messages made of the sample files.
type sample struct {
	avcC, asc []byte   // sequence headers
	pictures  [][]byte // one a picture, 30 a second, key frames each second
	sounds    [][]byte // of 1024 samples at 48 kHz
	slices    [][]byte // what each picture must become
}

func loadSample(t testing.TB) *sample {
	t.Helper()
	s := new(sample)
	file, err := os.ReadFile(testdata.Path("bars-360p.h264"))
	if err != nil {
		t.Fatal(err)
	}
	var sps []byte
	for part := range bytes.SplitSeq(file, []byte{0, 0, 1}) {
		nal := bytes.TrimRight(part, "\x00")
		if len(nal) == 0 {
			continue
		}
		switch h264.NALType(nal[0]) {
		case h264.NALSPS:
			sps = nal
		case h264.NALPPS:
			s.avcC = append([]byte{0x17, 0, 0, 0, 0}, h264.AppendConfig(nil, [][]byte{sps}, [][]byte{nal})...)
		default:
			b := binary.BigEndian.AppendUint32([]byte{0x27, 1, 0, 0, 0}, uint32(len(nal)))
			if h264.NALType(nal[0]) == h264.NALIDR {
				b[0] = 0x17
			}
			s.pictures = append(s.pictures, append(b, nal...))
			s.slices = append(s.slices, nal)
		}
	}
	s.asc = append([]byte{0xaf, 0}, aac.AppendConfig(nil, 48000, 2)...)
	for i := range 1000 {
		s.sounds = append(s.sounds, append([]byte{0xaf, 1}, fmt.Sprint("sound", i)...))
	}
	return s
}

// headers sends the sequence headers.
func (c *client) headers(s *sample) {
	c.t.Helper()
	c.send(rtmp.TypeVideo, 0, s.avcC)
	c.send(rtmp.TypeAudio, 0, s.asc)
}

// play sends n pictures, with their sound, from the time at on.
func (c *client) play(s *sample, n int, at uint32) {
	c.t.Helper()
	sound := 0
	for i := range n {
		now := at + uint32(i*1000/30)
		c.send(rtmp.TypeVideo, now, s.pictures[i])
		for ; sound*1024/48 <= i*1000/30; sound++ {
			c.send(rtmp.TypeAudio, at+uint32(sound*1024/48), s.sounds[sound])
		}
	}
}

// read returns the next n frames of a stream.
func read(t testing.TB, s *live.Stream, n int) []*av.Frame {
	t.Helper()
	r := s.NewReader(live.ReaderOptions{Name: "test", Start: live.StartOldest})
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out []*av.Frame
	for len(out) < n {
		batch := make([]live.Frame, n-len(out))
		k, err := r.ReadBatch(ctx, batch)
		if err != nil {
			t.Fatalf("read %d frames of %d: %v", len(out), n, err)
		}
		for _, f := range batch[:k] {
			out = append(out, f.Frame)
		}
	}
	return out
}

// head is the header of a message's first chunk on one of the chunk streams below 64.
func head(csid byte, length int, typ byte) []byte {
	return []byte{csid, 0, 0, 0, byte(length >> 16), byte(length >> 8), byte(length), typ, publishStream, 0, 0, 0}
}
