package httpflv

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/mux/av"
	"weir/mux/codec/opus"
	"weir/mux/flv"
	"weir/room/audience"
	"weir/room/auth"
)

// TestResponse is FL-17, FL-01 and FL-06: what every viewer gets first.
func TestResponse(t *testing.T) {
	for _, c := range []struct {
		name         string
		video, audio bool
		flags        byte
		configs      int
	}{
		{"video and audio", true, true, 5, 2},
		{"video alone", true, false, 1, 1},
		{"audio alone", false, true, 4, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, testOptions(), nil)
			r.publish(c.video, c.audio)
			if c.video {
				r.pictures(3)
			}
			var resp *http.Response
			r.during(func() { resp = r.get("") })
			if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "video/x-flv" || resp.ContentLength != -1 ||
				len(resp.TransferEncoding) != 1 || resp.TransferEncoding[0] != "chunked" || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%d %v %v", resp.StatusCode, resp.TransferEncoding, resp.Header)
			}
			p := play(t, resp.Body)
			if p.head[4] != c.flags {
				t.Errorf("header flags %d, want %d", p.head[4], c.flags)
			}
			for range c.configs {
				if f := p.next(); f.Kind != av.KindConfig {
					t.Errorf("a frame before the sequence headers: %+v", f)
				}
			}
			if f := p.next(); f.Kind != av.KindMedia || !f.Key {
				t.Errorf("the first frame is %+v", f)
			}
		})
	}
}

// TestJoin is FL-07: a joiner begins at the newest key frame, with all that is there at once, then live.
func TestJoin(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, true)
	for i := range 12 { // sound all along: silence would stand in its place
		r.pictures(10)
		r.sounds(time.Duration(i)*320*time.Millisecond, 16)
	}
	r.pictures(10)
	r.sounds(3900*time.Millisecond, 5) // sound of before the key frame at 4 s, written behind it
	r.sounds(4*time.Second, 10)
	p := play(t, r.get("").Body)
	first := p.media(1)
	if !first.Key || first.DTS != 4*time.Second {
		t.Errorf("the first picture is at %v", first.DTS)
	}
	for range 9 {
		p.media(1)
	}
	r.pictures(1)
	if f := p.media(1); f.DTS.Round(picture) != (130 * picture).Round(picture) {
		t.Errorf("the live picture is at %v", f.DTS)
	}
	r.sounds(4200*time.Millisecond, 10) // there is some sound still to come
	p.media(2)
	if at := p.first[2]; at < 4*time.Second {
		t.Errorf("sound of before the first picture, at %v", at)
	}
}

func TestAudioChoice(t *testing.T) {
	for query, codec := range map[string]av.Codec{"": av.CodecAAC, "?audio=aac": av.CodecAAC, "?audio=opus": av.CodecOpus} {
		r := newRig(t, testOptions(), nil)
		r.publish(false, true)
		var body io.Reader
		r.during(func() { body = r.get(query).Body })
		f := play(t, body).next()
		if f.Kind != av.KindConfig || f.Config.Codec != codec {
			t.Errorf("%q gives %+v", query, f.Config)
		}
	}
}

// TestSizeChange is FL-10 with the cure for players that freeze: the last picture once more, then the sequence
// header, then the key frame.
func TestSizeChange(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(2)
	p := play(t, r.get("").Body)
	p.next()
	p.media(1)
	last := p.media(1)
	_, sps, pps := film(t)
	r.at = 60
	at := 60 * picture
	change := videoConfig(t, sps, append(pps[:len(pps):len(pps)], 0x80), at)
	r.write(change)
	r.pictures(1)
	again, config, key := p.next(), p.next(), p.next()
	if string(again.Data) != string(last.Data) || again.DTS != at.Round(time.Millisecond)-time.Millisecond {
		t.Errorf("before the change: %v at %v", len(again.Data), again.DTS)
	}
	if config.Kind != av.KindConfig || string(config.Config.Config) != string(change.Config.Config) {
		t.Errorf("then %+v", config)
	}
	if !key.Key || key.DTS != at.Round(time.Millisecond) {
		t.Errorf("then a frame at %v", key.DTS)
	}
}

// TestNewTrack: a track that the header did not announce ends the response properly, so that the player asks again.
func TestNewTrack(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(2)
	p := play(t, r.get("").Body)
	p.media(1)
	r.write(audioConfig(3 * picture))
	if err := p.toEnd(); !errors.Is(err, io.EOF) {
		t.Errorf("the response ends with %v", err)
	}
	p = play(t, r.get("").Body)
	if p.head[4] != 5 {
		t.Errorf("the next response announces %d", p.head[4])
	}
	wantClosed(t, r, "tracks_changed", 1)
}

// TestChangeOfSoundFromBeforeTheFirstPicture: sound that is behind the pictures may change, or end, at a time before
// that of the picture a viewer begins at.
func TestChangeOfSoundFromBeforeTheFirstPicture(t *testing.T) {
	for name, over := range map[string]bool{"another configuration": false, "its end": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, testOptions(), nil)
			r.publish(true, true)
			r.at = 60 // a key picture
			r.pictures(1)
			p := play(t, r.get("?audio=opus").Body)
			p.media(1)
			at := 59 * picture
			if over {
				r.write(&av.Frame{Track: 1, Kind: av.KindConfig, Codec: av.CodecH264, DTS: at, PTS: at})
			} else {
				mono := audioConfig(at)
				mono.Config.Channels, mono.Config.Config = 1, opus.AppendHead(nil, 1, 0)
				r.write(mono)
			}
			r.sounds(61*picture, 1)
			for {
				f, err := p.tags.Next()
				switch {
				case over && errors.Is(err, io.EOF):
					return
				case err != nil:
					t.Fatal(err)
				case f.Kind == av.KindConfig && f.Config.Channels == 1:
					if want := (60 * picture).Round(time.Millisecond); over || f.DTS != want {
						t.Errorf("the change stands at %v, want %v", f.DTS, want)
					}
					return
				case f.Kind == av.KindMedia && f.Track == 2:
					t.Fatal("sound comes before its configuration")
				}
			}
		})
	}
}

// TestKnownHeaderIsLeftOut: the preamble may have announced a track already that the stream announces behind it.
func TestKnownHeaderIsLeftOut(t *testing.T) {
	known := *audioConfig(0).Config
	other := known
	other.Channels = 1
	v := viewer{tracks: av.Tracks{known}, audio: true}
	for i, c := range []*av.Track{&known, &other, &other} {
		got, err := v.choose(nil, []flv.Tag{{Data: []byte("header"), Track: c.ID, Kind: av.KindConfig, DTS: time.Second, Config: c}})
		if err != nil || len(got) != i%2 {
			t.Errorf("header %d: %d sent, %v", i, len(got), err)
		}
	}
}

func TestEndOfStream(t *testing.T) {
	for name, client := range clients(t) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, testOptions(), client.configure)
			r.publish(true, false)
			r.pictures(5)
			resp, err := client.get(r.url)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() //nolint:errcheck // read to its end
			if resp.Proto != client.proto {
				t.Errorf("spoke %s", resp.Proto)
			}
			p := play(t, resp.Body)
			p.media(1)
			r.pub.End(errTest)
			if err := p.toEnd(); !errors.Is(err, io.EOF) {
				t.Errorf("the response ends with %v", err)
			}
			wantClosed(t, r, "stream_ended", 1)
		})
	}
}

// client is a way to ask, with the server that it needs.
type client struct {
	proto     string
	configure func(*httptest.Server)
	get       func(url string) (*http.Response, error)
}

func clients(t *testing.T) map[string]client {
	over := func(h2 bool) func(url string) (*http.Response, error) {
		return func(url string) (*http.Response, error) {
			tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: h2} //nolint:gosec // the test's own server
			t.Cleanup(tr.CloseIdleConnections)
			return (&http.Client{Transport: tr}).Get(url)
		}
	}
	return map[string]client{
		"HTTP/1.1":      {"HTTP/1.1", (*httptest.Server).Start, http.Get},
		"HTTP/1.1, TLS": {"HTTP/1.1", (*httptest.Server).StartTLS, over(false)},
		"HTTP/2":        {"HTTP/2.0", func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }, over(true)},
		"HTTP/1.0":      {"HTTP/1.1", (*httptest.Server).Start, getHTTP10},
	}
}

// getHTTP10 asks as a client does that knows no chunks.
func getHTTP10(address string) (*http.Response, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", u.Path, u.Host); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil && len(resp.TransferEncoding) > 0 {
		return nil, errors.New("a chunked answer to HTTP/1.0")
	}
	return resp, err
}

func TestRefusals(t *testing.T) {
	small := testOptions()
	small.MaxViewers = 1
	hasty := testOptions()
	hasty.Patience = 10 * time.Millisecond
	for _, c := range []struct {
		name    string
		options Options
		prepare func(r *rig)
		query   string
		status  int
		code    string
	}{
		{"not live", testOptions(), func(*rig) {}, "", 404, "stream_not_found"},
		{"no media yet", hasty, func(r *rig) { r.publish(true, false) }, "", 404, "stream_not_found"},
		{"audio that there is not", testOptions(), func(r *rig) { r.publish(true, false) }, "?audio=mp3", 400, "bad_audio"},
		{"audio twice", testOptions(), func(*rig) {}, "?audio=aac&audio=aac", 400, "bad_audio"},
		{"start that there is not", testOptions(), func(*rig) {}, "?start=now", 400, "bad_start"},
		{"start twice", testOptions(), func(*rig) {}, "?start=gop&start=live", 400, "bad_start"},
		{"layer that is none", testOptions(), func(*rig) {}, "?layer=a/b", 400, "bad_layer"},
		{"layer too long", testOptions(), func(*rig) {}, "?layer=" + strings.Repeat("q", 65), 400, "bad_layer"},
		{"layer without simulcast", testOptions(), func(r *rig) {
			r.publish(true, false)
			r.pictures(1)
		}, "?layer=q", 404, "layer_not_found"},
		{"full", small, func(r *rig) {
			r.publish(true, false)
			r.pictures(1)
			play(r.t, r.get("").Body)
		}, "", 503, "server_full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.options, nil)
			c.prepare(r)
			resp := r.get(c.query)
			if resp.StatusCode != c.status || resp.Header.Get("X-Code") != c.code {
				t.Errorf("%d %s", resp.StatusCode, resp.Header.Get("X-Code"))
			}
			if again := c.status == 503 || c.code == "stream_not_found"; again != (resp.Header.Get("Retry-After") != "") {
				t.Errorf("Retry-After is %q", resp.Header.Get("Retry-After"))
			}
		})
	}
}

func TestBadIDs(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	for _, path := range []string{"/.demo/cam", "/de%2fmo/cam", "/demo/ca%20m", "/demo/" + strings.Repeat("x", 129)} {
		resp, err := http.Get(strings.TrimSuffix(r.url, "/demo/cam") + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 400 || resp.Header.Get("X-Code") != "bad_id" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("X-Code"))
		}
	}
}

// nobody may do anything.
type nobody struct{}

func (nobody) Authorize(context.Context, auth.Request) (auth.Grant, error) {
	return auth.Grant{}, auth.ErrNoToken
}

func TestUnauthorized(t *testing.T) {
	o := testOptions()
	o.Auth = nobody{}
	r := newRig(t, o, nil)
	r.publish(true, false)
	if resp := r.get(""); resp.StatusCode != 401 || resp.Header.Get("X-Code") != "token_missing" {
		t.Errorf("%d %s", resp.StatusCode, resp.Header.Get("X-Code"))
	}
}

// TestSlowViewer: one who takes nothing is cut with its reason, and another one stays to the end.
func TestSlowViewer(t *testing.T) {
	o := testOptions()
	o.WriteTimeout = 500 * time.Millisecond
	r := newRig(t, o, nil)
	r.publish(true, false)
	r.pictures(1)
	stalled := r.get("")
	quick := play(t, r.get("").Body)
	// More than the sockets' buffers hold, in large pictures, as fast as the quick viewer follows.
	for deadline := time.Now().Add(patience); testutil.ToFloat64(r.door.stats.closed.WithLabelValues("slow")) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("nobody is cut")
		}
		r.large()
		quick.media(1)
	}
	wantClosed(t, r, "slow", 1)
	r.pub.End(errTest)
	wantClosed(t, r, "stream_ended", 1)
	_ = quick.toEnd()
	_ = stalled.Body.Close()
}

// TestLagged: a viewer that falls out of the ring skips to a key frame; one that does so again and again is cut.
func TestLagged(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(1)
	v := &viewer{handler: r.door, reader: lagReader(t, r), lagFrom: time.Now()}
	v.tracks = v.reader.Tracks()
	for i := range 3 {
		if err := v.lagged(); err != nil {
			t.Errorf("lag %d: %v", i+1, err)
		}
	}
	if err := v.lagged(); !errors.Is(err, errSlow) {
		t.Errorf("lag 4: %v", err)
	}
	v.lagFrom = time.Now().Add(-2 * lagWindow)
	if err := v.lagged(); err != nil {
		t.Errorf("a lag long after the others: %v", err)
	}
	v.tracks = nil
	if err := v.lagged(); !errors.Is(err, errChanged) {
		t.Errorf("tracks that changed meanwhile: %v", err)
	}
}

// wantClosed waits until a viewer was closed for a reason.
func wantClosed(t *testing.T, r *rig, reason string, n float64) {
	t.Helper()
	deadline := time.After(patience)
	for testutil.ToFloat64(r.door.stats.closed.WithLabelValues(reason)) != n {
		select {
		case <-deadline:
			t.Fatalf("%v viewers closed as %s, want %v", testutil.ToFloat64(r.door.stats.closed.WithLabelValues(reason)), reason, n)
		case <-time.After(time.Millisecond):
		}
	}
}

func TestViewersAreCounted(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(1)
	play(t, r.get("").Body)
	play(t, r.get("").Body)
	wantAudience(t, r, 2, 2)
	play(t, r.get("?viewer=abcdefgh").Body)
	play(t, r.get("?viewer=abcdefgh").Body) // the same one again
	wantAudience(t, r, 4, 3)
	r.pub.End(errTest)
	wantClosed(t, r, "stream_ended", 4)
	wantAudience(t, r, 0, 0)
}

// wantAudience waits until there are so many responses and viewers.
func wantAudience(t *testing.T, r *rig, responses, viewers int) {
	t.Helper()
	deadline := time.After(patience)
	for r.door.Total() != responses || r.audience.Of(testKey).By[audience.FLV] != viewers {
		select {
		case <-deadline:
			t.Fatalf("%d responses, %+v; want %d and %d", r.door.Total(), r.audience.Of(testKey), responses, viewers)
		case <-time.After(time.Millisecond):
		}
	}
}
