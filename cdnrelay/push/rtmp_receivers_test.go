package push

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"

	"weir/bench/receive"
	"weir/mux/av"
	"weir/mux/flv"
	"weir/testdata/samples"
)

// recorded are the frames of an FLV file, by kind.
func recorded(t *testing.T, file string) (video, audio []*av.Frame, tracks av.Tracks) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := flv.NewDemuxer(bytes.NewReader(raw))
	for {
		f, err := d.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return video, audio, tracks
		case err != nil:
			t.Fatal(err)
		case f.Kind == av.KindConfig:
			tracks = tracks.With(f.Config)
		case f.Codec.IsVideo():
			video = append(video, f)
		default:
			audio = append(audio, f)
		}
	}
}

// same fails the test unless access units are the same, and as far apart.
func same(t *testing.T, got, want []*av.Frame) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d access units of %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i].Data, want[i].Data) || got[i].Key != want[i].Key {
			t.Fatalf("access unit %d is another one", i)
		}
		off := (got[i].DTS - got[0].DTS) - (want[i].DTS - want[0].DTS)
		if off.Abs() > 2*time.Millisecond {
			t.Fatalf("access unit %d stands %v off", i, off)
		}
	}
}

// all pushes all that the stream has and waits until the server has taken it.
func (s *source) all(t *testing.T, o Output, to Target, frames uint64) {
	t.Helper()
	p, end := s.sending(o, to)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(patient); ; <-tick.C {
		if n, _, _ := p.Totals(); n >= frames {
			break
		}
		if time.Now().After(until) {
			t.Fatal("not all was sent")
		}
	}
	s.publisher.End(errors.New("over"))
	_ = end()
}

// TestRTMPIntoNginx: what a CDN's door records are the access units that the stream has.
func TestRTMPIntoNginx(t *testing.T) {
	nginx, err := receive.StartRTMP(t.Context(), t.TempDir(), receive.RTMPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nginx.Kill()
		if t.Failed() {
			t.Log(nginx.Said())
		}
	})
	ca, err := os.ReadFile(nginx.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	picture, pictures := samples.H264(t)
	sound, sounds := samples.AAC(t)
	o := NewRTMP(RTMPOptions{Agent: "weir/test", TLS: &tls.Config{RootCAs: pool}})
	for name, url := range map[string]string{"plain": nginx.URL, "secure": nginx.TLS} {
		t.Run(name, func(t *testing.T) {
			s := newSource(t, 2)
			s.config(picture, 0)
			s.config(sound, 0)
			s.play(pictures[:120], sounds[:180], 0)
			s.all(t, o, s.target(url+"/"+name), 300)
			files, err := nginx.Recordings(name)
			if err != nil || len(files) != 1 {
				t.Fatalf("recordings %v, %v", files, err)
			}
			video, audio, tracks := recorded(t, files[0])
			for until := time.Now().Add(patient); len(video)+len(audio) < 300 && time.Now().Before(until); { // behind its TLS there is another nginx
				time.Sleep(time.Millisecond)
				video, audio, tracks = recorded(t, files[0])
			}
			same(t, video, pictures[:120])
			same(t, audio, sounds[:180])
			if !bytes.Equal(tracks.Video().Config, picture.Config) || !bytes.Equal(tracks.Audio().Config, sound.Config) {
				t.Errorf("tracks %+v", tracks)
			}
		})
	}
	t.Run("another size in mid-push", func(t *testing.T) {
		wide, wides := samples.H264Wide(t)
		s := newSource(t, 1)
		s.config(picture, 0)
		s.play(pictures[:60], nil, 0)
		s.config(wide, 2*time.Second)
		s.play(wides[:60], nil, 2*time.Second)
		s.all(t, o, s.target(nginx.URL+"/wider"), 120)
		files, err := nginx.Recordings("wider")
		if err != nil || len(files) != 1 {
			t.Fatalf("recordings %v, %v", files, err)
		}
		video, _, tracks := recorded(t, files[0])
		same(t, video[:60], pictures[:60])
		same(t, video[60:], wides[:60])
		if !bytes.Equal(tracks.Video().Config, wide.Config) {
			t.Errorf("tracks %+v", tracks)
		}
	})
	t.Run("denied", func(t *testing.T) {
		s := newSource(t, 1)
		s.config(picture, 0)
		s.play(pictures[:10], nil, 0)
		session, err := o.Open(t.Context(), s.target(nginx.Deny+"/key"))
		if err == nil { // nginx says that publishing has begun, and then closes
			err = session.Send(t.Context(), NewProgress())
			session.Close(t.Context())
		}
		if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

// TestRTMPIntoFFmpeg: ffmpeg's server answers in its own way, with commands of a single value among others.
func TestRTMPIntoFFmpeg(t *testing.T) {
	ffmpeg, err := receive.ListenRTMP(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ffmpeg.Kill)
	picture, pictures := samples.H264(t)
	sound, sounds := samples.AAC(t)
	s := newSource(t, 2)
	s.config(picture, 0)
	s.config(sound, 0)
	s.play(pictures[:120], sounds[:180], 0)
	s.all(t, testRTMP, s.target(ffmpeg.URL), 300)
	<-ffmpeg.Done()
	video, audio, _ := recorded(t, ffmpeg.File)
	same(t, video, pictures[:120])
	same(t, audio, sounds[:180])
}

// TestRTMPEnhanced: a foreign server reads what goes out in the form of Enhanced RTMP.
func TestRTMPEnhanced(t *testing.T) {
	for name, c := range map[string]struct {
		sample func(t testing.TB) (av.Track, []*av.Frame)
		codec  codecs.Codec
	}{
		"H.265": {samples.H265, &codecs.H265{}}, "AV1": {samples.AV1, &codecs.AV1{}}, "VP9": {samples.VP9, &codecs.VP9{}},
	} {
		t.Run(name, func(t *testing.T) {
			picture, pictures := c.sample(t)
			sound, sounds := samples.Opus(t)
			s := newSource(t, 2)
			s.config(picture, 0)
			s.config(sound, 0)
			s.play(pictures, sounds[:100], 0)
			s.play(pictures, sounds[:100], 2*time.Second) // it looks at two seconds before it says what is there
			foreign := newForeign(t)
			to := s.target(foreign.url)
			to.Audio = av.CodecOpus
			s.all(t, testRTMP, to, uint64(2*len(pictures)+200))
			if tracks := <-foreign.got; len(tracks) != 2 {
				t.Fatalf("tracks %v", tracks)
			}
			<-foreign.done
			foreign.mu.Lock()
			defer foreign.mu.Unlock()
			if foreign.video != 2*len(pictures) || foreign.audio != 200 {
				t.Errorf("%d pictures of %d, %d sounds of 200", foreign.video, 2*len(pictures), foreign.audio)
			}
		})
	}
}

// foreign is gortmplib's server.
type foreign struct {
	url  string
	got  chan []*gortmplib.Track
	done chan struct{}

	mu           sync.Mutex // guards the fields below
	video, audio int
}

func newForeign(t *testing.T) *foreign {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &foreign{url: "rtmp://" + l.Addr().String() + "/live/key", got: make(chan []*gortmplib.Track, 1), done: make(chan struct{})}
	go func() {
		defer close(f.done)
		defer close(f.got)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		f.read(t, conn)
	}()
	t.Cleanup(func() { _ = l.Close(); <-f.done })
	return f
}

func (f *foreign) read(t *testing.T, conn net.Conn) {
	server := &gortmplib.ServerConn{RW: conn}
	if err := errors.Join(server.Initialize(), server.Accept()); err != nil {
		t.Error(err)
		return
	}
	r := &gortmplib.Reader{Conn: server}
	if err := r.Initialize(); err != nil {
		t.Error(err)
		return
	}
	count := func(n *int) {
		f.mu.Lock()
		defer f.mu.Unlock()
		*n++
	}
	for _, track := range r.Tracks() {
		switch track.Codec.(type) {
		case *codecs.H265:
			r.OnDataH265(track, func(_, _ time.Duration, _ [][]byte) { count(&f.video) })
		case *codecs.AV1:
			r.OnDataAV1(track, func(time.Duration, [][]byte) { count(&f.video) })
		case *codecs.VP9:
			r.OnDataVP9(track, func(time.Duration, []byte) { count(&f.video) })
		case *codecs.Opus:
			r.OnDataOpus(track, func(time.Duration, []byte) { count(&f.audio) })
		}
	}
	f.got <- r.Tracks()
	for {
		if err := r.Read(); err != nil {
			return
		}
	}
}
