package receive

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"weir/mux/flv"
	"weir/testdata"
)

// push lets ffmpeg push two seconds of pictures.
func push(t *testing.T, to string, args ...string) error {
	t.Helper()
	args = append([]string{"-v", "error", "-nostdin", "-re", "-t", "2", "-i", testdata.Path("bars-360p.h264"), "-c", "copy"}, args...)
	out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, to)...).CombinedOutput()
	t.Logf("ffmpeg to %s: %v %s", to, err, out)
	return err
}

// pictures counts the frames of an FLV file.
func pictures(t *testing.T, file string) int {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d, n := flv.NewDemuxer(bytes.NewReader(raw)), 0
	for {
		if _, err := d.Next(); err != nil {
			return n
		}
		n++
	}
}

func startRTMP(t *testing.T, o RTMPOptions) *RTMP {
	t.Helper()
	r, err := StartRTMP(t.Context(), t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Kill()
		if t.Failed() {
			t.Log(r.Said())
		}
	})
	return r
}

// TestRTMP: what is pushed is recorded, also after the receiver was killed and is back; a push that is denied fails.
func TestRTMP(t *testing.T) {
	t.Parallel()
	r := startRTMP(t, RTMPOptions{})
	for want := 1; want <= 2; want++ {
		if err := push(t, r.URL+"/cam?key=value", "-f", "flv"); err != nil {
			t.Fatal(err)
		}
		files, err := r.Recordings("cam")
		if err != nil || len(files) != want {
			t.Fatalf("recordings %v, %v; want %d", files, err, want)
		}
		for begin := time.Now(); pictures(t, files[want-1]) < 50; time.Sleep(10 * time.Millisecond) { // it writes behind the push
			if time.Since(begin) > patience {
				t.Fatalf("%d pictures are recorded", pictures(t, files[want-1]))
			}
		}
		r.Kill()
		if err := push(t, r.URL+"/cam", "-f", "flv"); err == nil {
			t.Error("a push to a receiver that is gone succeeds")
		}
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := push(t, r.Deny+"/cam", "-f", "flv"); err == nil {
		t.Error("a push that is to be denied succeeds")
	}
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
}

// TestRTMPS: the certificate is that of CA, and a program is asked about each push.
func TestRTMPS(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.FormValue("key") }))
	t.Cleanup(web.Close)
	r := startRTMP(t, RTMPOptions{OnPublish: web.URL + "/"})
	pem, err := os.ReadFile(r.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	u, err := url.Parse(r.TLS)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", u.Host, &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if err := push(t, r.TLS+"/cam?key=value", "-f", "flv"); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got != "value" {
		t.Errorf("asked with the key %q", got)
	}
}

// TestFFmpeg: a listener writes what it gets and ends with the push.
func TestFFmpeg(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(dir string) (*FFmpeg, error){
		"flv":    ListenRTMP,
		"mpegts": func(dir string) (*FFmpeg, error) { return ListenSRT(dir, "a passphrase") },
	} {
		l, err := start(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Kill)
		args := []string{"-f", name}
		if name == "mpegts" {
			args = append(args, "-passphrase", "a passphrase")
		}
		for begin := time.Now(); ; { // until it listens
			if err = push(t, l.URL, args...); err == nil || time.Since(begin) > patience {
				break
			}
		}
		select {
		case <-l.Done():
		case <-time.After(patience):
			t.Fatalf("%s: it does not end:\n%s", name, l.Said())
		}
		info, statErr := os.Stat(l.File)
		if err != nil || statErr != nil || info.Size() < 50_000 {
			t.Errorf("%s: %v, %v, %v:\n%s", name, err, statErr, info, l.Said())
		}
	}
}
