package srt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
	"weir/testdata/samples"
)

// freePort is a UDP port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := c.LocalAddr().(*net.UDPAddr).Port
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

// receive starts a program; it is ended with the test.
func receive(t *testing.T, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is needed: %v", name, err)
	}
	cmd := exec.Command(name, args...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %s", name, log.String())
		}
	})
}

// elementary is the source's video as an elementary stream of Annex B, as it was put into the transport stream, and where
// the key pictures begin.
func elementary(t *testing.T, p *published) (stream []byte, keys []int) {
	t.Helper()
	var delimiter []byte
	var sets [][]byte
	if p.video.Codec == av.CodecH264 {
		sps, pps, err := h264.ParseConfig(p.video.Config)
		if err != nil {
			t.Fatal(err)
		}
		delimiter, sets = []byte{9, 0xf0}, slices.Concat(sps, pps)
	} else {
		all, err := h265.ParseConfig(p.video.Config)
		if err != nil {
			t.Fatal(err)
		}
		delimiter, sets = []byte{35 << 1, 1, 0x50}, slices.Concat(all.VPS, all.SPS, all.PPS)
	}
	add := func(nal []byte) { stream = append(append(stream, 0, 0, 0, 1), nal...) }
	for _, f := range p.sent {
		if f.Key {
			keys = append(keys, len(stream))
		}
		add(delimiter)
		if f.Key {
			for _, s := range sets {
				add(s)
			}
		}
		for data := f.Data; len(data) > 0; {
			n := binary.BigEndian.Uint32(data)
			add(data[4 : 4+n])
			data = data[4+n:]
		}
	}
	return stream, keys
}

// lossy is the port of a way to another one that loses every twentieth packet of data the first time.
func lossy(t *testing.T, port int) int {
	t.Helper()
	in, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	var caller atomic.Value
	var group sync.WaitGroup
	group.Go(func() {
		buf := make([]byte, 1<<16)
		for n := 0; ; n++ {
			size, from, err := in.ReadFrom(buf)
			if err != nil {
				return
			}
			caller.Store(from)
			_, isControl := parseControl(buf[:size])
			if n%20 == 0 && !isControl && binary.BigEndian.Uint32(buf[4:])&again == 0 {
				continue
			}
			_, _ = out.Write(buf[:size])
		}
	})
	group.Go(func() {
		buf := make([]byte, 1<<16)
		for {
			size, err := out.Read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if to, ok := caller.Load().(net.Addr); ok && err == nil {
				_, _ = in.WriteTo(buf[:size], to)
			}
		}
	})
	t.Cleanup(func() {
		_, _ = in.Close(), out.Close()
		group.Wait()
	})
	return in.LocalAddr().(*net.UDPAddr).Port
}

// unhurried is a latency in ms that receivers drop nothing with, however busy the machine is.
const unhurried = 4000

// TestReceivers pushes to the listeners of ffmpeg and GStreamer, in the clear and encrypted with each size of key: what they
// write is what the source sent, byte for byte, from a key picture on.
func TestReceivers(t *testing.T) {
	t.Parallel()
	ffmpeg := func(format, query string) func(t *testing.T, port int, out string) {
		return func(t *testing.T, port int, out string) {
			receive(t, "ffmpeg", "-v", "warning", "-y", "-f", "mpegts",
				"-i", fmt.Sprintf("srt://127.0.0.1:%d?mode=listener%s", port, query), "-map", "0:v", "-c", "copy", "-flush_packets", "1",
				"-bsf:v", "null", "-f", format, out)
		}
	}
	secret := "&passphrase=" + passphrase
	for name, c := range map[string]struct {
		sample func(testing.TB) (av.Track, []*av.Frame)
		query  string
		listen func(t *testing.T, port int, out string)
		lossy  bool
	}{
		"ffmpeg":                      {samples.H264, "", ffmpeg("h264", ""), false},
		"ffmpeg, H.265":               {samples.H265, "", ffmpeg("hevc", ""), false},
		"ffmpeg, AES-128":             {samples.H264, secret, ffmpeg("h264", secret+"&pbkeylen=16"), false},
		"ffmpeg, a packet in 20 lost": {samples.H264, secret, ffmpeg("h264", secret), true},
		"ffmpeg, AES-192":             {samples.H264, secret + "&pbkeylen=24", ffmpeg("h264", secret+"&pbkeylen=24"), false},
		"ffmpeg, AES-256":             {samples.H264, secret + "&pbkeylen=32", ffmpeg("h264", secret+"&pbkeylen=32"), false},
		"GStreamer": {samples.H264, secret, func(t *testing.T, port int, out string) {
			receive(t, "gst-launch-1.0", "-q", "srtsrc", fmt.Sprintf("uri=srt://127.0.0.1:%d?mode=listener", port), "passphrase="+passphrase,
				"!", "tsdemux", "!", "video/x-h264,stream-format=byte-stream,alignment=au", "!", "queue", "!",
				"filesink", "buffer-mode=unbuffered", "location="+out)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := publish(t, c.sample)
			port, out := freePort(t), filepath.Join(t.TempDir(), "video")
			c.listen(t, port, out)
			if c.lossy {
				port = lossy(t, port)
			}
			to := target(t, p, fmt.Sprintf("srt://127.0.0.1:%d?streamid=%s&latency=%d%s", port, secretID, unhurried, c.query))
			deadline := time.Now().Add(patience)
			s, err := open(t, to, patience)
			for ; err != nil && time.Now().Before(deadline); s, err = open(t, to, patience) {
				time.Sleep(50 * time.Millisecond) // it is not listening yet
			}
			if err != nil {
				t.Fatal(err)
			}
			sending := send(t, s)
			want, keys := elementary(t, p)
			const enough = 60000
			var got []byte
			for len(got) < enough && time.Now().Before(deadline) {
				time.Sleep(50 * time.Millisecond)
				got, _ = os.ReadFile(out) // it may not be there yet
			}
			if len(got) < enough {
				t.Fatalf("%d bytes came", len(got))
			}
			fits := false
			for _, from := range keys {
				fits = fits || bytes.HasPrefix(want[from:], got[:enough])
			}
			if !fits {
				t.Errorf("what came is not what was sent: it begins with % x", got[:40])
			}
			if frames, size, _ := sending.progress.Totals(); frames == 0 || size < enough {
				t.Errorf("%d access units and %d bytes were counted", frames, size)
			}
			sending.close()
		})
	}
}
