package whip

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	pion "github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"weir/cdnrelay/push"
	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/room/live"
)

// sending is a session whose Send is under way.
type sending struct {
	push.Session
	progress *push.Progress
	over     chan error
	stop     context.CancelFunc
}

func send(t *testing.T, s push.Session) *sending {
	t.Helper()
	out := &sending{Session: s, progress: push.NewProgress(), over: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	out.stop = stop
	done := make(chan struct{})
	go func() {
		defer close(done)
		out.over <- s.Send(ctx, out.progress)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.Close(ctx)
	})
	return out
}

// wait waits for the end of Send.
func (s *sending) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.over:
		if err != nil {
			harmless(t, err)
		}
		s.over <- err
		return err
	case <-time.After(patience):
		t.Fatal("it does not end")
		return nil
	}
}

// annexB is a picture as depacketizers give it: start codes, and the parameter sets before key pictures.
func annexB(t *testing.T, track *av.Track, f *av.Frame) []byte {
	t.Helper()
	var out []byte
	add := func(nal []byte) { out = append(append(out, 0, 0, 0, 1), nal...) }
	if f.Key {
		sps, pps, err := h264.ParseConfig(track.Config)
		if err != nil {
			t.Fatal(err)
		}
		for _, nal := range append(sps, pps...) {
			add(nal)
		}
	}
	for data := f.Data; len(data) > 0; {
		n := binary.BigEndian.Uint32(data)
		add(data[4 : 4+n])
		data = data[4+n:]
	}
	return out
}

// pictures takes n pictures out of packets, which come in order on this machine.
func (r *receiver) pictures(n int) (out [][]byte) {
	r.t.Helper()
	var d codecs.H264Packet
	var one []byte
	for len(out) < n {
		select {
		case p := <-r.packets:
			nals, err := d.Unmarshal(p.Payload)
			if err != nil {
				r.t.Fatal(err)
			}
			if one = append(one, nals...); p.Marker {
				out, one = append(out, one), nil
			}
		case <-time.After(patience):
			r.t.Fatalf("%d of %d pictures came", len(out), n)
		}
	}
	return out
}

// TestArrivesAsItWas compares the pictures and the sound that a server gets, byte for byte, with those of the source.
func TestArrivesAsItWas(t *testing.T) {
	src, r := publish(t, options{}), newReceiver(t, nil)
	s, err := open(t, newOutput(t), r.target(src, "/whip"))
	if err != nil {
		t.Fatal(err)
	}
	sending := send(t, s)
	got := r.pictures(90)
	at := -1
	for i, f := range src.sent {
		if bytes.Equal(got[0], annexB(t, &src.video, f)) {
			at = i
			break
		}
	}
	if at < 0 || !src.sent[at].Key {
		t.Fatalf("the first picture is the source's %d", at)
	}
	for i, picture := range got {
		if !bytes.Equal(picture, annexB(t, &src.video, src.sent[at+i])) {
			t.Fatalf("picture %d behind the first is another than the source's", i)
		}
	}
	var first *pion.Packet
	for range 50 {
		select {
		case p := <-r.sounds:
			if first == nil {
				first = p
			}
		case <-time.After(patience):
			t.Fatal("no sound came")
		}
	}
	if frames, size, _ := sending.progress.Totals(); frames < 90 || size == 0 {
		t.Errorf("%d access units and %d bytes were counted", frames, size)
	}
	sending.stop()
	if err := sending.wait(t); !errors.Is(err, context.Canceled) {
		t.Errorf("the end is %v", err)
	}
}

// TestRequests looks at what a server is asked, by way of a redirect (RFC 9725 4.6, 4.8), and that the session is ended
// there.
func TestRequests(t *testing.T) {
	src, r := publish(t, options{}), newReceiver(t, nil)
	s, err := open(t, newOutput(t), r.target(src, "/moved"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s.Close(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.deleted != 1 {
		t.Errorf("%d sessions were deleted", r.deleted)
	}
	h := r.headers[0]
	if h.Get("Authorization") != "Bearer "+token || h.Get("Content-Type") != "application/sdp" {
		t.Errorf("the headers are %v", h)
	}
	for _, want := range []string{"a=group:BUNDLE video audio", "a=sendonly", "a=setup:actpass", "H264/90000", "opus/48000/2", "a=end-of-candidates"} {
		if !strings.Contains(r.offers[0], want) {
			t.Errorf("the offer has no %s:\n%s", want, r.offers[0])
		}
	}
}

// TestKeyFrameWanted: a server's wish for a key frame goes to the publisher.
func TestKeyFrameWanted(t *testing.T) {
	src, r := publish(t, options{}), newReceiver(t, nil)
	s, err := open(t, newOutput(t), r.target(src, "/whip"))
	if err != nil {
		t.Fatal(err)
	}
	send(t, s)
	r.pictures(1)
	for len(src.keys) > 0 {
		<-src.keys
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		r.mu.Lock()
		err := r.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrcOf(t, r)}})
		r.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-src.keys:
			return
		case <-tick.C:
		case <-late:
			t.Fatal("nobody asked the publisher")
		}
	}
}

// ssrcOf is the SSRC of the video that a server gets.
func ssrcOf(t *testing.T, r *receiver) uint32 {
	t.Helper()
	for _, tr := range r.pc.GetTransceivers() {
		if track := tr.Receiver().Track(); track != nil && track.Kind().String() == "video" {
			return uint32(track.SSRC())
		}
	}
	t.Fatal("there is no video")
	return 0
}

// TestEnds lists why sending ends.
func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		options options
		end     func(t *testing.T, src *source, r *receiver)
		want    error
	}{
		"the server closes the connection": {end: func(_ *testing.T, _ *source, r *receiver) { r.close() }, want: push.ErrClosed},
		"the stream is over":               {end: func(_ *testing.T, src *source, _ *receiver) { src.pub.End(errTest) }, want: live.ErrEnded},
		"sound comes that was not agreed on": {
			options: options{noAudio: true},
			end: func(t *testing.T, src *source, _ *receiver) {
				src.announce(t, &src.audio)
				at := src.pub.Stream().Now()
				src.write(t, &av.Frame{Track: src.audio.ID, Codec: av.CodecOpus, Key: true, DTS: at, PTS: at, Data: []byte{0xfc, 0xff, 0xfe}})
			},
			want: push.ErrChanged,
		},
		"pictures end": {
			end: func(t *testing.T, src *source, _ *receiver) {
				src.write(t, &av.Frame{Track: src.video.ID, Kind: av.KindConfig, Codec: av.CodecH264, DTS: src.pub.Stream().Now()})
			},
			want: push.ErrChanged,
		},
	} {
		t.Run(name, func(t *testing.T) {
			src, r := publish(t, c.options), newReceiver(t, nil)
			s, err := open(t, newOutput(t), r.target(src, "/whip"))
			if err != nil {
				t.Fatal(err)
			}
			sending := send(t, s)
			r.pictures(10)
			c.end(t, src, r)
			if err := sending.wait(t); !errors.Is(err, c.want) {
				t.Errorf("the end is %v, want %v", err, c.want)
			}
		})
	}
}

var errTest = errors.New("the test ends it")

// TestUnfit: what WebRTC cannot carry is refused before anybody is asked.
func TestUnfit(t *testing.T) {
	reordered := func(f *av.Frame) { // every other picture is shown before the one before it
		n := f.DTS / (time.Second / 30)
		if n%2 == 1 {
			f.PTS -= 20 * time.Millisecond
		} else {
			f.PTS += 20 * time.Millisecond
		}
	}
	src, r := publish(t, options{change: reordered}), newReceiver(t, nil)
	waitFor(t, func() bool { return src.pub.Stream().Newest() > 200*time.Millisecond })
	if _, err := open(t, newOutput(t), r.target(src, "/whip")); !errors.Is(err, push.ErrUnfit) {
		t.Errorf("B pictures: %v", err)
	}
	target := r.target(src, "/whip")
	target.Audio = av.CodecAAC
	if _, err := open(t, newOutput(t), target); !errors.Is(err, push.ErrUnfit) {
		t.Errorf("AAC: %v", err)
	}
	if len(r.offers) > 0 {
		t.Error("the server was asked all the same")
	}
}

func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("it does not come")
		}
	}
}

// TestBadAnswers lists servers whose answer cannot be used. Each session that there was is ended again.
func TestBadAnswers(t *testing.T) {
	replace := func(old, with string) func(http.ResponseWriter, string) string {
		return func(_ http.ResponseWriter, sdp string) string { return strings.ReplaceAll(sdp, old, with) }
	}
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, sdp string) string
		within time.Duration // of patience; 0: all of it
		want   error
	}{
		"no SDP": {answer: func(http.ResponseWriter, string) string { return "<html>It works!</html>" }, want: push.ErrProtocol},
		"another type": {answer: func(w http.ResponseWriter, sdp string) string {
			w.Header().Set("Content-Type", "text/html")
			return sdp
		}, want: push.ErrProtocol},
		"too long": {answer: func(_ http.ResponseWriter, sdp string) string { return sdp + strings.Repeat("a=x\r\n", 1<<15) }, want: push.ErrProtocol},
		"RFC 3264 6: a section is missing": {answer: func(_ http.ResponseWriter, sdp string) string {
			video, _, _ := strings.Cut(sdp, "m=audio")
			return video
		}, want: push.ErrProtocol},
		"another kind":                       {answer: replace("m=audio", "m=application"), want: push.ErrProtocol},
		"no BUNDLE":                          {answer: replace("a=group:BUNDLE", "a=x:"), want: push.ErrProtocol},
		"no credentials":                     {answer: replace("a=ice-ufrag", "a=x"), want: push.ErrProtocol},
		"no fingerprint":                     {answer: replace("a=fingerprint", "a=x"), want: push.ErrProtocol},
		"RFC 5763 5: setup is left open":     {answer: replace("a=setup:active", "a=setup:actpass"), want: push.ErrProtocol},
		"video is declined":                  {answer: replace("m=video 9", "m=video 0"), want: push.ErrUnfit},
		"a codec that nobody has offered":    {answer: replace("m=video 9 UDP/TLS/RTP/SAVPF ", "m=video 9 UDP/TLS/RTP/SAVPF 127 \r\na=x:"), want: push.ErrUnfit},
		"another certificate than announced": {answer: replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 00:"+strings.Repeat("00:", 31)[:93]+"\r\na=x:"), want: push.ErrProtocol},
		"ICE never connects": {answer: func(_ http.ResponseWriter, sdp string) string {
			return strings.ReplaceAll(sdp, "a=ice-pwd:", "a=ice-pwd:other")
		}, within: 6 * time.Second, want: push.ErrTimeout},
		"candidates that are not allowed": {answer: func(_ http.ResponseWriter, sdp string) string {
			return strings.ReplaceAll(strings.ReplaceAll(sdp, "127.0.0.1", "127.0.0.2"), "a=ice-pwd:", "a=ice-pwd:other")
		}, within: 6 * time.Second, want: push.ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			if c.within > 0 {
				t.Parallel() // it waits
			}
			src, r := publish(t, options{}), newReceiver(t, c.answer)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if c.within > 0 {
				ctx, cancel = context.WithTimeout(ctx, c.within)
				defer cancel()
			}
			_, err := newOutput(t).Open(ctx, r.target(src, "/whip"))
			if !errors.Is(err, c.want) {
				t.Fatalf("the error is %v, want %v", err, c.want)
			}
			harmless(t, err)
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.deleted != len(r.offers) {
				t.Errorf("of %d sessions %d were ended", len(r.offers), r.deleted)
			}
		})
	}
}
