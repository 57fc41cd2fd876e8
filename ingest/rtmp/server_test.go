package rtmp

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"weir/mux/av"
	"weir/mux/rtmp"
	"weir/room/auth"
	"weir/room/live"
	"weir/room/live/timeline"
)

// metric is the sum of a metric's values with the label value.
func (d *door) metric(name, label string) float64 {
	d.t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(d.server.Stats())
	families, err := r.Gather()
	if err != nil {
		d.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			has := label == "" || slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == label })
			if f.GetName() == name && has {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func TestPublish(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	c := d.publish("host")
	c.headers(s)
	c.play(s, 40, 0)
	frames := read(t, d.stream(), 60)
	var last [3]time.Duration
	pictures := 0
	for i, f := range frames {
		switch {
		case f.Kind != av.KindMedia:
			continue // the sound's configuration comes with the first sound
		case f.DTS < last[f.Track] || i > 0 && f.DTS == last[f.Track]:
			t.Errorf("track %d: %v behind %v", f.Track, f.DTS, last[f.Track])
		case f.Track == timeline.VideoID:
			want := binary.BigEndian.AppendUint32(nil, uint32(len(s.slices[pictures])))
			if !bytes.Equal(f.Data, append(want, s.slices[pictures]...)) || f.Key != (pictures%60 == 0) {
				t.Fatalf("picture %d is another one", pictures)
			}
			pictures++
		}
		last[f.Track] = f.DTS
	}
	tracks := d.stream().Tracks()
	if v, a := tracks.Video(), tracks.Audio(); v.ID != timeline.VideoID || v.Width != 640 || a.ID != timeline.AudioID || a.ClockRate != 48000 || pictures < 20 {
		t.Errorf("%d pictures of %+v", pictures, tracks)
	}
	if got := d.metric("weir_rtmp_sessions", ""); got != 1 {
		t.Errorf("%v sessions", got)
	}
}

func TestSameHeadersAgainChangeNothing(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	c := d.publish("host")
	for i := range 3 {
		c.headers(s)
		c.play(s, 5, uint32(i*1000))
	}
	configs := 0
	for _, f := range read(t, d.stream(), 20) {
		if f.Kind == av.KindConfig && f.Track == timeline.VideoID {
			configs++
		}
	}
	if configs > 1 {
		t.Errorf("%d configurations", configs)
	}
}

// TestRefusals: what cannot be published is refused with words before the connection is closed.
func TestRefusals(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	busy := d.publish("somebody")
	busy.headers(s)
	host := sign(t, "host")
	video := signLimited(t, "host", auth.RightSendVideo)
	for _, tc := range []struct {
		name, app, key string
		media          []byte
		typ            byte
		code, text     string
		metric         string
	}{
		{name: "no token", app: "live", key: "demo/other", code: "Denied", text: "a token is needed", metric: "token_missing"},
		{name: "a wrong token", app: "live", key: "demo/other?usersig=x", code: "Denied", text: "not valid", metric: "token_invalid"},
		{name: "a token for another room", app: "live", key: "other/cam?usersig=" + video, code: "Denied", text: "another room", metric: "forbidden"},
		{name: "a stream of another user", app: "live", key: "demo/cam?usersig=" + host, code: "BadName", text: "another user", metric: "stream_busy"},
		{name: "a bad id", app: "live", key: "demo/..?usersig=" + host, code: "BadName", text: "stream", metric: "bad_id"},
		{name: "another app", app: "vod", key: "demo/other?usersig=" + host, code: "BadName", text: "rtmp://HOST/live", metric: "bad_address"},
		{name: "MP3", app: "live", key: "demo/other?usersig=" + host, typ: rtmp.TypeAudio, media: []byte{0x2f, 1, 2}, code: "Rejected", text: "MP3", metric: "codec"},
		{name: "H.263", app: "live", key: "demo/other?usersig=" + host, typ: rtmp.TypeVideo, media: []byte{0x12, 1, 2, 3, 4}, code: "Rejected", text: "H.263", metric: "codec"},
		{name: "H.266", app: "live", key: "demo/other?usersig=" + host, typ: rtmp.TypeVideo, media: []byte("\x90vvc1record"), code: "Rejected", text: "vvc1", metric: "codec"},
		{name: "VP9 where it is not taken", app: "live", key: "demo/other?usersig=" + host, typ: rtmp.TypeVideo, media: []byte("\x90vp09\x01\x00\x00\x00\x00\x0a\x82\x02\x02\x02\x00\x00"), code: "Rejected", text: "vp9", metric: "codec"},
		{name: "sound without the right to it", app: "live", key: "demo/other?usersig=" + video, typ: rtmp.TypeAudio, media: s.asc, code: "Denied", text: "does not allow", metric: "forbidden"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := d.metric("weir_rtmp_refusals_total", tc.metric) + d.metric("weir_rtmp_session_ends_total", tc.metric)
			c := d.dial()
			c.t = t
			c.ask(tc.app, tc.key)
			if tc.media != nil {
				c.started()
				c.send(tc.typ, 0, tc.media)
			}
			if code, text := c.status(); code != "NetStream.Publish."+tc.code || !strings.Contains(text, tc.text) {
				t.Errorf("got %s: %s", code, text)
			}
			c.ended()
			_ = c.Close()
			await(t, "it is counted", func() bool {
				return d.metric("weir_rtmp_refusals_total", tc.metric)+d.metric("weir_rtmp_session_ends_total", tc.metric) > before
			})
			_, there := d.hub.Stream(live.Key{App: testSDK, Room: "demo", Stream: "other"})
			if there {
				t.Error("the stream is there")
			}
		})
	}
}

// TestEnds: how a publisher leaves decides what becomes of its stream.
func TestEnds(t *testing.T) {
	for _, tc := range []struct {
		name   string
		leave  func(c *client)
		ended  bool
		reason string
	}{
		{"FCUnpublish", func(c *client) { c.command("FCUnpublish", 6.0, nil, "demo/cam") }, true, "deleted"},
		{"deleteStream", func(c *client) { c.command("deleteStream", 7.0, nil, 1.0) }, true, "deleted"},
		{"the connection is cut", func(c *client) { _ = c.Close() }, false, "connection_closed"},
		{"the connection is reset", func(c *client) {
			_ = c.Conn.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}, false, "connection_failed"},
		{"no RTMP any more", func(c *client) { c.raw(bytes.Repeat([]byte{0xff}, 100)) }, false, "protocol"},
		{"a message too large", func(c *client) { c.raw(head(9, maxMedia+1, rtmp.TypeVideo)) }, false, "protocol"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, s := newDoor(t, nil), loadSample(t)
			c := d.publish("host")
			c.headers(s)
			c.play(s, 5, 0)
			d.awaitState(live.StateLive)
			stream := d.stream()
			tc.leave(c)
			want := live.StateInterrupted
			if tc.ended {
				want = live.StateEnded
			}
			await(t, "the stream is "+want.String(), func() bool { return stream.Info().State == want })
			if got := live.Reason(stream.Info().Reason); got != tc.reason {
				t.Errorf("because of %s, want %s", got, tc.reason)
			}
			await(t, "it is counted", func() bool { return d.metric("weir_rtmp_session_ends_total", tc.reason) == 1 })
		})
	}
}

// TestSilence: a publisher that falls silent interrupts its stream and goes on in the same connection.
func TestSilence(t *testing.T) {
	d := newDoor(t, func(o *Options, _ *live.Options) { o.Timeout = 300 * time.Millisecond })
	s := loadSample(t)
	c := d.publish("host")
	c.headers(s)
	c.play(s, 5, 0)
	stream := d.stream()
	d.awaitState(live.StateInterrupted)
	before := stream.Info().Interruptions
	c.play(s, 1, 1000)
	await(t, "the stream goes on, and is interrupted again", func() bool { return stream.Info().Interruptions > before })
	d.awaitState(live.StateInterrupted)
	if got := live.Reason(stream.Info().Reason); got != "silence" {
		t.Errorf("because of %s", got)
	}
	_ = c.Close()
}

// TestSilenceEndsWithTheGraceTime: the connection stays for as long as the stream waits for its publisher.
func TestSilenceEndsWithTheGraceTime(t *testing.T) {
	d := newDoor(t, func(o *Options, h *live.Options) {
		o.Timeout, h.Grace = 300*time.Millisecond, 100*time.Millisecond
	})
	s := loadSample(t)
	c := d.publish("host")
	c.headers(s)
	c.send(rtmp.TypeVideo, 0, s.pictures[0]) // from here on it is silent
	c.ended()
	await(t, "it is counted", func() bool { return d.metric("weir_rtmp_session_ends_total", "silence") == 1 })
}

// TestTakeover: the same user takes its stream over at once, whatever door it came through before, and time goes on.
func TestTakeover(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	before, err := d.hub.Publish(live.Key{App: testSDK, Room: "demo", Stream: "cam"}, live.PublishOptions{User: "host", Tracks: 2})
	if err != nil {
		t.Fatal(err)
	}
	ahead := 90 * time.Second // a burst may run ahead of its arrival
	for _, f := range []*av.Frame{
		{Track: timeline.VideoID, Kind: av.KindConfig, Codec: av.CodecH264, Config: &av.Track{ID: timeline.VideoID, Codec: av.CodecH264, Config: []byte{1}}},
		{Track: timeline.VideoID, Codec: av.CodecH264, Key: true, DTS: ahead, PTS: ahead, Data: []byte{0, 0, 0, 1, 0x65}},
	} {
		if err := before.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	stream := d.stream()
	r := stream.NewReader(live.ReaderOptions{Name: "test", Start: live.StartNewest})
	defer r.Close()
	c := d.publish("host")
	<-before.Done()
	if !errors.Is(before.Err(), live.ErrReplaced) {
		t.Errorf("the publisher before ended with %v", before.Err())
	}
	c.headers(s)
	c.play(s, 3, 777_000)
	batch := make([]live.Frame, 8)
	var last time.Duration
	for pictures := 0; pictures < 3; {
		n, err := r.ReadBatch(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range batch[:n] {
			if f.Track == timeline.VideoID && f.Kind == av.KindMedia {
				if f.DTS <= last {
					t.Errorf("%v behind %v", f.DTS, last)
				}
				last = f.DTS
				pictures++
			}
		}
	}
	// And the other way: who takes the stream over ends this connection, and not the stream.
	if _, err := d.hub.Publish(stream.Key(), live.PublishOptions{User: "host", Tracks: 2}); err != nil {
		t.Fatal(err)
	}
	if code, text := c.status(); code != "NetStream.Publish.Rejected" || !strings.Contains(text, "another publisher") {
		t.Errorf("got %s: %s", code, text)
	}
	c.ended()
	if d.stream() != stream {
		t.Error("the stream is another one")
	}
}

// TestPicturesWaitForAKeyFrame: behind the start, and behind a damaged message, nothing comes that depends on what is
// not there.
func TestPicturesWaitForAKeyFrame(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	c := d.publish("host")
	c.headers(s)
	for i := 1; i < 4; i++ {
		c.send(rtmp.TypeVideo, uint32(i*33), s.pictures[i])
	}
	c.send(rtmp.TypeVideo, 200, s.pictures[0])
	c.send(rtmp.TypeVideo, 233, append(slices.Clone(s.pictures[1][:9]), 1)) // cut short
	c.send(rtmp.TypeVideo, 266, s.pictures[2])
	c.send(rtmp.TypeVideo, 300, s.pictures[60])
	frames := read(t, d.stream(), 2)
	if !frames[0].Key || !frames[1].Key || frames[1].DTS-frames[0].DTS != 100*time.Millisecond {
		t.Errorf("got %+v", frames)
	}
	await(t, "all are counted", func() bool {
		return d.metric("weir_rtmp_units_total", "dropped") == 4 && d.metric("weir_rtmp_units_total", "damaged") == 1
	})
}

// TestSecure publishes over TLS.
func TestSecure(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	nc, err := tls.Dial("tcp", d.secure, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // nobody vouches for a test
	if err != nil {
		t.Fatal(err)
	}
	c := d.greet(nc)
	c.ask("live", "demo/cam?usersig="+sign(t, "host"))
	c.started()
	c.headers(s)
	c.play(s, 5, 0)
	d.awaitState(live.StateLive)
}

func TestTooManyConnections(t *testing.T) {
	for _, tc := range []struct {
		name       string
		conns, per int
	}{{"in all", 2, 10}, {"from one address", 10, 2}} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDoor(t, func(o *Options, _ *live.Options) { o.MaxConns, o.MaxPerAddress = tc.conns, tc.per })
			first, second := d.dial(), d.dial()
			third, err := net.Dial("tcp", d.addr)
			if err != nil {
				t.Fatal(err)
			}
			_ = third.SetReadDeadline(time.Now().Add(patience))
			if _, err := third.Read(make([]byte, 1)); err == nil {
				t.Error("a third one is served")
			}
			_ = third.Close()
			_ = first.Close()
			await(t, "one is gone", func() bool { return d.metric("weir_rtmp_connections", "") == 1 })
			d.dial()
			_ = second.Close()
		})
	}
}

// TestHandshakeTime: a connection that does not come to publish is closed, whatever it does meanwhile.
func TestHandshakeTime(t *testing.T) {
	d := newDoor(t, func(o *Options, _ *live.Options) { o.Handshake = time.Second })
	connect := rtmp.AppendAMF(nil, "connect", 1.0, []rtmp.Property{rtmp.Prop("app", "live")})
	for name, said := range map[string][]byte{
		"nothing":               nil,
		"half a handshake":      append([]byte{3}, bytes.Repeat([]byte{1}, 1000)...),
		"all but what it wants": slices.Concat([]byte{3}, bytes.Repeat([]byte{1}, 2*1536), head(3, len(connect), rtmp.TypeCommand), connect),
	} {
		before := d.metric("weir_rtmp_refusals_total", "handshake")
		nc, err := net.Dial("tcp", d.addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(patience))
		if _, err := nc.Write(said); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := io.Copy(io.Discard, nc); err != nil && !errors.Is(err, syscall.ECONNRESET) { // where the server had not read all
			t.Errorf("%s: %v", name, err)
		}
		_ = nc.Close()
		await(t, name+" is counted", func() bool { return d.metric("weir_rtmp_refusals_total", "handshake") > before })
	}
}

// TestHostilePeers: none of them hurts a stream that is live.
func TestHostilePeers(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	c := d.publish("host")
	c.headers(s)
	for name, attack := range map[string]func(c *client){
		"a chunk size of 0":       func(c *client) { c.send(rtmp.TypeChunkSize, 0, []byte{0, 0, 0, 0}) },
		"a chunk size of 2^31":    func(c *client) { c.send(rtmp.TypeChunkSize, 0, []byte{0x80, 0, 0, 0}) },
		"a control message of 1":  func(c *client) { c.send(rtmp.TypeWindow, 0, []byte{1}) },
		"a command of nothing":    func(c *client) { c.send(rtmp.TypeCommand, 0, nil) },
		"a command that is none":  func(c *client) { c.send(rtmp.TypeCommand, 0, bytes.Repeat([]byte{3, 0, 1, 'a'}, 1000)) },
		"a command too long":      func(c *client) { c.raw(head(4, maxCommand+1, rtmp.TypeCommand)) },
		"commands without an end": func(c *client) { flood(c, rtmp.AppendAMF(nil, "_checkbw", 2.0, nil)) },
		"play":                    func(c *client) { c.command("play", 2.0, nil, "demo/cam") },
		"streams without an end":  func(c *client) { floodStreams(c) },
		"HTTP":                    func(c *client) { c.raw([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + strings.Repeat("a", 1000))) },
	} {
		t.Run(name, func(t *testing.T) {
			bad := d.dial()
			bad.t = t
			attack(bad)
			bad.ended()
			_ = bad.Close()
		})
	}
	c.play(s, 30, 0)
	d.awaitState(live.StateLive)
	if n := len(read(t, d.stream(), 30)); n != 30 {
		t.Errorf("%d frames", n)
	}
	await(t, "all are gone", func() bool { return d.metric("weir_rtmp_connections", "") == 1 })
}

// logged is what was logged; it may be written by several goroutines.
type logged struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

// TestNoTokenIsLogged, however it is written into the address and whatever becomes of the publisher.
func TestNoTokenIsLogged(t *testing.T) {
	log := new(logged)
	d := newDoor(t, func(o *Options, h *live.Options) {
		o.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		h.Log = o.Log
	})
	s := loadSample(t)
	secret := sign(t, "host")
	for _, at := range []struct{ app, key string }{
		{"live", "demo/cam?usersig=" + secret},
		{"live/demo/cam?usersig=" + secret, ""},
		{"live/demo?usersig=" + secret, "cam"},
		{"live", "demo/cam%3Fusersig=" + secret},
		{"live", "demo/cam&usersig=" + secret},
		{"live", "demo/cam/usersig=" + secret},
		{"live", "demo/" + secret},
		{"live", "demo/cam?usersig=" + secret + "x"},
		{"live", "demo/cam?policy=" + secret + "&usersig=" + secret},
		{"live", "demo/cam?usersig=" + secret + "%zz"},
	} {
		c := d.dial()
		c.ask(at.app, at.key)
		if code, text := c.status(); code == "NetStream.Publish.Start" {
			c.headers(s)
			c.play(s, 2, 0)
			c.command("FCUnpublish", 6.0, nil, at.key)
			c.status()
		} else if strings.Contains(text, secret) {
			t.Errorf("%s, %s is answered with %s", at.app, at.key, text)
		}
		_ = c.Close()
	}
	d.stop()
	if text := log.all.String(); strings.Contains(text, secret) || strings.Contains(text, secret[:40]) || !strings.Contains(text, "publisher came") {
		t.Errorf("logged: %s", text)
	}
}

// TestPublishTwice: the second one on a connection is refused, and the stream goes on.
func TestPublishTwice(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	c := d.publish("host")
	c.headers(s)
	c.command("publish", 6.0, nil, "demo/other?usersig="+sign(t, "host"), "live")
	if code, _ := c.status(); code != "NetStream.Publish.BadName" {
		t.Errorf("got %s", code)
	}
	c.play(s, 3, 0)
	d.awaitState(live.StateLive)
}

// hanging decides nothing.
type hanging struct{}

func (hanging) Authorize(ctx context.Context, _ auth.Request) (auth.Grant, error) {
	<-ctx.Done()
	return auth.Grant{}, ctx.Err()
}

// TestDecisionThatHangs holds a connection for the handshake time only.
func TestDecisionThatHangs(t *testing.T) {
	d := newDoor(t, func(o *Options, _ *live.Options) { o.Auth, o.Handshake = hanging{}, 2*time.Second })
	c := d.dial()
	c.ask("live", "demo/cam?usersig=x")
	c.ended()
	await(t, "it is counted", func() bool { return d.metric("weir_rtmp_refusals_total", "handshake") == 1 })
}

// flood sends messages until the server has had enough.
func flood(c *client, body []byte) {
	b := head(4, len(body), rtmp.TypeCommand)
	b = append(b, body...)
	for range maxTalk + 10 {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

func floodStreams(c *client) {
	for id := range byte(2 * 16) {
		if _, err := c.Write(append(head(3+id, 1000, rtmp.TypeCommand), make([]byte, rtmp.DefaultChunk)...)); err != nil {
			return
		}
	}
}

// TestAcknowledgements: who asks for them gets them, though never one for every read (FL-15).
func TestAcknowledgements(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	c := d.publish("host")
	c.send(rtmp.TypeWindow, 0, []byte{0, 0, 0, 1})
	c.send(rtmp.TypeControl, 0, []byte{0, rtmp.EventPing, 1, 2, 3, 4})
	if m := c.next(rtmp.TypeControl); !bytes.Equal(m.Body, []byte{0, rtmp.EventPong, 1, 2, 3, 4}) {
		t.Errorf("got %x for a ping", m.Body)
	}
	c.headers(s)
	c.play(s, 120, 0)
	first := binary.BigEndian.Uint32(c.next(rtmp.TypeAck).Body)
	second := binary.BigEndian.Uint32(c.next(rtmp.TypeAck).Body)
	if first < 64<<10 || second-first < 64<<10 {
		t.Errorf("acknowledged %d and %d bytes", first, second)
	}
}

// TestEnhancedConnect: a client that names the FourCCs it knows is told those that are taken.
func TestEnhancedConnect(t *testing.T) {
	d := newDoor(t, func(o *Options, _ *live.Options) { o.Codecs = []av.Codec{av.CodecH264, av.CodecAV1} })
	c := d.dial()
	c.command("connect", 1.0, []rtmp.Property{rtmp.Prop("app", "live"), rtmp.Prop("fourCcList", []any{"av01", "vp09", "hvc1"})})
	cmd, err := rtmp.ParseCommand(c.next(rtmp.TypeCommand))
	if err != nil || cmd.Name != "_result" || cmd.Transaction != 1 {
		t.Fatalf("got %+v, %v", cmd, err)
	}
	info, _ := cmd.Args[0].(rtmp.Object)
	video, _ := info["videoFourCcInfoMap"].(rtmp.Object)
	if len(video) != 2 || video["avc1"] != canForward || video["av01"] != canForward || info["objectEncoding"] != 0.0 {
		t.Errorf("got %+v", info)
	}
	_ = c.Close()
}

// TestChurn: publishers that come and go leave nothing.
func TestChurn(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	files := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err) // not this system
		}
		return len(all)
	}
	before, routines := files(), runtime.NumGoroutine()
	for i := range 200 {
		c := d.publish("host")
		c.headers(s)
		c.play(s, 2, 0)
		if i%2 == 0 {
			c.command("deleteStream", 7.0, nil, 1.0)
		}
		_ = c.Close()
	}
	await(t, "all are gone", func() bool { return d.metric("weir_rtmp_connections", "")+d.metric("weir_rtmp_sessions", "") == 0 })
	await(t, "descriptors and goroutines are as before", func() bool {
		return files() <= before+1 && runtime.NumGoroutine() <= routines+5 // the stream that is left has some
	})
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	if d.server.conns != 0 || len(d.server.each) != 0 {
		t.Errorf("%d connections of %d addresses are left", d.server.conns, len(d.server.each))
	}
}

func TestStopEndsPublishers(t *testing.T) {
	d, s := newDoor(t, nil), loadSample(t)
	c, waiting := d.publish("host"), d.dial()
	c.headers(s)
	c.play(s, 5, 0)
	d.awaitState(live.StateLive)
	stream := d.stream()
	d.stop()
	c.ended()
	waiting.ended()
	if got := live.Reason(stream.Info().Reason); stream.Info().State != live.StateEnded || got != "shutdown" {
		t.Errorf("%v because of %s", stream.Info().State, got)
	}
}
