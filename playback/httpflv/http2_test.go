package httpflv

import (
	"io"
	"net/http"
	"testing"
	"time"

	"weir/mux/av"
)

// TestSlowHTTP2: a viewer over HTTP/2 who takes nothing is cut for that, and counted so.
func TestSlowHTTP2(t *testing.T) {
	o := testOptions()
	o.WriteTimeout = 500 * time.Millisecond
	c := clients(t)["HTTP/2"]
	r := newRig(t, o, c.configure)
	r.publish(true, false)
	r.pictures(1)
	resp, err := c.get(r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	deadline := time.After(patience)
	for r.door.Total() > 0 {
		r.large()
		select {
		case <-deadline:
			t.Fatal("it is not cut")
		case <-time.After(time.Millisecond): // the pace of a source, not a wait
		}
	}
	wantClosed(t, r, "slow", 1)
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("the response looks whole")
	}
}

// TestGoneHTTP2: a viewer over HTTP/2 who leaves is counted, though the response is cut.
func TestGoneHTTP2(t *testing.T) {
	c := clients(t)["HTTP/2"]
	r := newRig(t, testOptions(), c.configure)
	r.publish(true, false)
	r.pictures(1)
	resp, err := c.get(r.url)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	_ = resp.Body.Close()
	wantClosed(t, r, "client_gone", 1)
}

// large writes a picture of 320 KB.
func (r *rig) large() {
	r.t.Helper()
	at := time.Duration(r.at) * picture
	data := append([]byte{0, 5, 0, 0, 0x65}, make([]byte, 5<<16-1)...)
	r.write(&av.Frame{Track: 1, Codec: av.CodecH264, Key: true, DTS: at, PTS: at, Data: data})
	r.at++
}
