package push

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/cdnrelay/rtmp"
	"weir/mux/av"
	"weir/mux/flv"
	wire "weir/mux/rtmp"
	"weir/room/dial"
	"weir/room/live"
	"weir/testdata/samples"
)

// source is a stream with its publisher.
type source struct {
	t         testing.TB
	publisher *live.Publisher
	stream    *live.Stream
}

func newSource(t testing.TB, tracks int) *source {
	t.Helper()
	hub := live.NewRegistry(live.Options{
		RingBytes: 64 << 20, RingTime: time.Minute, Fresh: time.Minute, Grace: time.Minute, TrackWait: time.Minute,
		FeedIdle: time.Second, MaxStreams: 1,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var task sync.WaitGroup
	task.Go(func() { _ = hub.Run(ctx) })
	t.Cleanup(func() { cancel(); task.Wait() })
	p, err := hub.Publish(live.Key{App: "1", Room: "demo", Stream: "cam"}, live.PublishOptions{User: "host", Tracks: tracks})
	if err != nil {
		t.Fatal(err)
	}
	return &source{t: t, publisher: p, stream: p.Stream()}
}

// config announces a track.
func (s *source) config(t av.Track, at time.Duration) {
	s.t.Helper()
	s.write(&av.Frame{Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: at, PTS: at, Config: &t})
}

// over ends a track.
func (s *source) over(t av.Track, at time.Duration) {
	s.t.Helper()
	s.write(&av.Frame{Track: t.ID, Kind: av.KindConfig, Codec: t.Codec, DTS: at, PTS: at})
}

func (s *source) write(frames ...*av.Frame) {
	s.t.Helper()
	for _, f := range frames {
		if err := s.publisher.Write(f); err != nil {
			s.t.Fatal(err)
		}
	}
}

// play writes the frames of a picture and a sound, in the order of their time, from a time on.
func (s *source) play(picture, sound []*av.Frame, at time.Duration) {
	s.t.Helper()
	for len(picture)+len(sound) > 0 {
		next := &picture
		if len(picture) == 0 || len(sound) > 0 && sound[0].DTS < picture[0].DTS {
			next = &sound
		}
		f := *(*next)[0]
		f.DTS, f.PTS = f.DTS+at, f.PTS+at
		s.write(&f)
		*next = (*next)[1:]
	}
}

// target is where the stream goes.
func (s *source) target(address string) Target {
	s.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		s.t.Fatal(err)
	}
	return Target{
		URL: u, Guard: dial.Trusted, Stream: s.stream, Reader: live.ReaderOptions{Name: "push", Start: live.StartOldest},
		WriteTimeout: patient, MaxLags: 3, Log: slog.New(slog.DiscardHandler),
	}
}

// patient is the longest that a test waits for what must come; nothing is measured with it.
const patient = 30 * time.Second

// sending opens a target and sends; the function returned waits for the end of that.
func (s *source) sending(o Output, to Target) (p *Progress, end func() error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	s.t.Cleanup(cancel)
	session, err := o.Open(ctx, to)
	for errors.Is(err, ErrConnect) && ctx.Err() == nil { // a program that was started does not tell when it listens
		time.Sleep(10 * time.Millisecond)
		session, err = o.Open(ctx, to)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	p = NewProgress()
	done := make(chan error, 1)
	go func() {
		err := session.Send(ctx, p)
		session.Close(ctx)
		done <- err
	}()
	return p, func() error { return <-done }
}

var testRTMP = NewRTMP(RTMPOptions{Agent: "weir/test"})

// taker is an RTMP server that takes one push.
type taker struct {
	t    testing.TB
	addr string
	got  chan wire.Message // audio, video and data; closed at the end of the connection. nil: thrown away
	say  chan wire.Message // to be sent to the client
}

func newTaker(t testing.TB) *taker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &taker{t: t, addr: l.Addr().String(), got: make(chan wire.Message, 1<<16), say: make(chan wire.Message)}
	var task sync.WaitGroup
	task.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer close(k.got)
		defer func() { _ = conn.Close() }()
		k.talk(conn)
	})
	t.Cleanup(func() { _ = l.Close(); task.Wait() })
	return k
}

func (k *taker) talk(conn net.Conn) {
	if wire.Accept(conn, new(wire.Random)) != nil {
		return
	}
	in := wire.NewReader(bufio.NewReader(conn), 8<<20)
	answer := func(m wire.Message) { _, _ = conn.Write(wire.AppendMessage(nil, m, wire.DefaultChunk)) }
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case m := <-k.say:
			answer(m)
		case <-stop:
		}
	}()
	for {
		m, err := in.Next()
		if err != nil {
			return
		}
		if m.Type != wire.TypeCommand {
			if m.Type >= wire.TypeAudio && k.got != nil {
				k.got <- m
			}
			continue
		}
		cmd, err := wire.ParseCommand(m)
		if err != nil {
			return
		}
		switch cmd.Name {
		case "connect":
			answer(wire.NewCommand(0, "_result", cmd.Transaction, nil, nil))
		case "createStream":
			answer(wire.NewCommand(0, "_result", cmd.Transaction, nil, 1.0))
		case "publish":
			answer(onStatus("status", "NetStream.Publish.Start"))
		}
	}
}

func onStatus(level, code string) wire.Message {
	return wire.NewCommand(1, "onStatus", 0.0, nil, []wire.Property{wire.Prop("level", level), wire.Prop("code", code)})
}

func (k *taker) url() string { return "rtmp://" + k.addr + "/live/key" }

// next is the next message.
func (k *taker) next() wire.Message {
	k.t.Helper()
	select {
	case m, ok := <-k.got:
		if !ok {
			k.t.Fatal("the connection is over")
		}
		return m
	case <-time.After(patient):
		k.t.Fatal("nothing came")
	}
	return wire.Message{}
}

// meta reads a data message and returns its properties.
func (k *taker) meta() wire.Object {
	k.t.Helper()
	m := k.next()
	values, err := wire.DecodeAMF(m.Body)
	if m.Type != wire.TypeData || err != nil || len(values) != 3 || values[0] != "@setDataFrame" || values[1] != "onMetaData" {
		k.t.Fatalf("no metadata: type %d, %v, %v", m.Type, values, err)
	}
	o, _ := values[2].(wire.Object)
	return o
}

// units reads the access units of so many messages, as flv takes them apart.
func (k *taker) units(b *flv.Bodies, n int) (out []flv.Unit, times []uint32) {
	k.t.Helper()
	for len(out) < n {
		m := k.next()
		if m.Type == wire.TypeData {
			continue
		}
		u, err := b.Read(m.Type, m.Body)
		if err != nil {
			k.t.Fatal(err)
		}
		if len(u.Data) > 0 {
			out, times = append(out, u), append(times, m.Time)
		}
	}
	return out, times
}

// TestRTMPOutput: the server gets metadata, headers and the access units as they are, from time 0 on.
func TestRTMPOutput(t *testing.T) {
	picture, pictures := samples.H264(t)
	sound, sounds := samples.AAC(t)
	s, k := newSource(t, 2), newTaker(t)
	const late = 20 * time.Hour // the clock of the stream is that of nobody else, and its timestamps are extended
	s.config(picture, late)
	s.config(sound, late)
	s.play(pictures[:60], sounds[:60], late)
	p, end := s.sending(testRTMP, s.target(k.url()))
	meta := k.meta()
	if meta["width"] != 640.0 || meta["videocodecid"] != 7.0 || meta["audiocodecid"] != 10.0 || meta["encoder"] != "weir/test" {
		t.Errorf("metadata %v", meta)
	}
	var b flv.Bodies
	units, times := k.units(&b, 120)
	if v, a := b.Track(flv.BodyVideo), b.Track(flv.BodyAudio); !bytes.Equal(v.Config, picture.Config) || !bytes.Equal(a.Config, sound.Config) {
		t.Errorf("announced %+v and %+v", v, a)
	}
	video, audio := pictures, sounds
	for i, u := range units {
		from := &audio
		if u.Codec.IsVideo() {
			from = &video
		}
		want := (*from)[0]
		*from = (*from)[1:]
		if !bytes.Equal(u.Data, want.Data) || u.Key != want.Key || u.Composition != want.PTS-want.DTS {
			t.Fatalf("unit %d is another one: %d bytes of %d, key %v", i, len(u.Data), len(want.Data), u.Key)
		}
		if off := time.Duration(times[i])*time.Millisecond - want.DTS; off.Abs() > 2*time.Millisecond {
			t.Errorf("unit %d stands at %d ms, want %v", i, times[i], want.DTS)
		}
	}
	s.publisher.End(errors.New("over"))
	if err := end(); !errors.Is(err, live.ErrEnded) {
		t.Errorf("ended with %v", err)
	}
	frames, size, lags := p.Totals()
	if frames != 120 || size == 0 || lags != 0 {
		t.Errorf("%d frames, %d bytes, %d lags", frames, size, lags)
	}
}

// TestRTMPOutputChanges: another resolution goes over the connection there is; what servers cannot take in mid-push has
// another one made.
func TestRTMPOutputChanges(t *testing.T) {
	picture, pictures := samples.H264(t)
	other, others := samples.H265(t)
	sound, sounds := samples.AAC(t)
	other.ID = picture.ID
	wide := picture
	wide.Width, wide.Height = 1280, 720
	wide.Config = append(bytes.Clone(picture.Config), 0) // another record: what is in it is not looked at
	at := func(i int) time.Duration { return time.Duration(i) * time.Second }
	begin := func(t *testing.T, tracks ...av.Track) (*source, *taker, func() error) {
		s, k := newSource(t, len(tracks)), newTaker(t)
		for _, track := range tracks {
			s.config(track, 0)
		}
		if len(tracks) > 1 {
			s.play(pictures[:30], sounds[:45], 0)
		} else {
			s.play(pictures[:30], nil, 0)
		}
		_, end := s.sending(testRTMP, s.target(k.url()))
		k.meta()
		k.units(new(flv.Bodies), 20)
		return s, k, end
	}
	t.Run("resolution", func(t *testing.T) {
		s, k, end := begin(t, picture)
		s.config(wide, at(1))
		s.play(pictures[:30], nil, at(1))
		var last *wire.Message
		for {
			m := k.next()
			if m.Type == wire.TypeData {
				break
			}
			if last != nil && bytes.Equal(last.Body, m.Body) {
				t.Error("a picture came twice")
			}
			last = &m
		}
		header := k.next()
		if header.Body[1] != 0 || !bytes.Equal(header.Body[5:], wide.Config) || header.Time <= last.Time {
			t.Errorf("header %x at %d, behind %d", header.Body, header.Time, last.Time)
		}
		if next := k.next(); next.Body[0] != 0x17 || next.Time < header.Time {
			t.Errorf("%x at %d", next.Body[0], next.Time)
		}
		s.publisher.End(errors.New("over"))
		_ = end()
	})
	t.Run("codec", func(t *testing.T) {
		s, _, end := begin(t, picture)
		s.config(other, at(1))
		s.play(others[:30], nil, at(1))
		if err := end(); !errors.Is(err, ErrChanged) {
			t.Errorf("ended with %v", err)
		}
	})
	t.Run("a track comes", func(t *testing.T) {
		s, _, end := begin(t, picture)
		s.config(sound, at(1))
		s.play(pictures[:30], sounds[:30], at(1))
		if err := end(); !errors.Is(err, ErrChanged) {
			t.Errorf("ended with %v", err)
		}
	})
	t.Run("a track goes and comes back", func(t *testing.T) {
		s, k, end := begin(t, picture, sound)
		s.over(picture, at(1))
		s.play(nil, sounds[:30], at(1))
		s.config(picture, at(2))
		s.play(pictures[:30], sounds[:30], at(2))
		for {
			if m := k.next(); m.Type == wire.TypeVideo && m.Time >= 2000 {
				if m.Body[0] != 0x17 || m.Body[1] != 1 {
					t.Errorf("the picture comes back with %x", m.Body[:5])
				}
				break
			}
		}
		s.publisher.End(errors.New("over"))
		if err := end(); !errors.Is(err, live.ErrEnded) {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestRTMPOutputAudio: Opus becomes AAC, unless Opus is asked for.
func TestRTMPOutputAudio(t *testing.T) {
	sound, sounds := samples.Opus(t)
	for codec, want := range map[av.Codec]av.Codec{av.CodecNone: av.CodecAAC, av.CodecAAC: av.CodecAAC, av.CodecOpus: av.CodecOpus} {
		s, k := newSource(t, 1), newTaker(t)
		s.config(sound, 0)
		s.play(nil, sounds[:30], 0)
		to := s.target(k.url())
		to.Audio = codec
		_, end := s.sending(testRTMP, to)
		k.meta()
		if units, _ := k.units(new(flv.Bodies), 10); units[0].Codec != want {
			t.Errorf("%v: got %v", codec, units[0].Codec)
		}
		s.publisher.End(errors.New("over"))
		_ = end()
	}
}

// TestRTMPOutputEnds: why a session ends, in the words of this package.
func TestRTMPOutputEnds(t *testing.T) {
	picture, pictures := samples.H264(t)
	s := newSource(t, 1)
	s.config(picture, 0)
	s.play(pictures[:30], nil, 0)
	t.Run("the server refuses it later on", func(t *testing.T) {
		k := newTaker(t)
		_, end := s.sending(testRTMP, s.target(k.url()))
		k.meta()
		k.say <- onStatus("error", "NetStream.Publish.Rejected")
		if err := end(); !errors.Is(err, ErrRefused) || !strings.HasSuffix(err.Error(), "stream: NetStream.Publish.Rejected") {
			t.Errorf("ended with %v", err)
		}
	})
	t.Run("nobody is there", func(t *testing.T) {
		if _, err := testRTMP.Open(t.Context(), s.target("rtmp://127.0.0.1:1/live/key")); !errors.Is(err, ErrConnect) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the guard", func(t *testing.T) {
		to := s.target("rtmp://127.0.0.1:1/live/key")
		to.Guard = nil
		if _, err := testRTMP.Open(t.Context(), to); !errors.Is(err, ErrAddress) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the task is deleted", func(t *testing.T) {
		k := newTaker(t)
		session, err := testRTMP.Open(t.Context(), s.target(k.url()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("deleted")
		go func() {
			k.meta()
			cancel(why)
		}()
		if err := session.Send(ctx, NewProgress()); !errors.Is(err, why) {
			t.Errorf("ended with %v", err)
		}
		session.Close(t.Context())
	})
}

func TestErrorsOfRTMP(t *testing.T) {
	for of, want := range map[error]error{
		rtmp.ErrAddress: ErrAddress, rtmp.ErrConnect: ErrConnect, rtmp.ErrRefused: ErrRefused,
		rtmp.ErrTimeout: ErrTimeout, rtmp.ErrClosed: ErrClosed, rtmp.ErrProtocol: ErrProtocol,
	} {
		if got := ofRTMP(of); !errors.Is(got, want) {
			t.Errorf("%v became %v", of, got)
		}
	}
}
