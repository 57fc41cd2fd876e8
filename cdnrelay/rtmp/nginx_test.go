package rtmp

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"testing"

	"weir/bench/receive"
	"weir/mux/rtmp"
	"weir/room/dial"
)

// TestThroughNginx: what is published to a foreign server is played from it, by RTMP and RTMPS, and is over when the publisher
// says so.
func TestThroughNginx(t *testing.T) {
	nginx, err := receive.StartRTMP(t.Context(), t.TempDir(), receive.RTMPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nginx.Kill)
	ca, err := os.ReadFile(nginx.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	for name, url := range map[string]string{"plain": nginx.URL, "secure": nginx.TLS} {
		t.Run(name, func(t *testing.T) {
			o := Options{
				URL: url + "/" + name + "?key=value", Guard: dial.Trusted, Agent: "weir/test", WriteTimeout: patience, Silence: patience,
				TLS: &tls.Config{RootCAs: pool},
			}
			from, err := publish(within(t), o)
			if err != nil {
				t.Fatal(err)
			}
			end := watch(from)
			to, err := Dial(within(t), o)
			if err == nil {
				err = to.Play(within(t))
			}
			if err != nil {
				t.Fatal(err)
			}
			defer to.Close(within(t))
			for i := range 200 {
				body := append([]byte{0x17, 1, 0, 0, 0, byte(i)}, bytes.Repeat([]byte{byte(i)}, i*i)...)
				if _, err := from.Write(rtmp.Message{Type: rtmp.TypeVideo, Time: uint32(i) * 40, Body: body}); err != nil {
					t.Fatal(err)
				}
				m, err := to.Read()
				for err == nil && m.Type != rtmp.TypeVideo {
					m, err = to.Read()
				}
				if err != nil || !bytes.Equal(m.Body, body) || m.Time != uint32(i)*40 {
					t.Fatalf("message %d: %d bytes of %d at %d, %v", i, len(m.Body), len(body), m.Time, err)
				}
			}
			from.Close(within(t))
			_ = end()
			for err == nil {
				_, err = to.Read()
			}
			if !errors.Is(err, ErrOver) {
				t.Errorf("got %v, want %v", err, ErrOver)
			}
		})
	}
}
