package edge

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/mux/av"
	"weir/mux/fmp4"
	"weir/room/live"
)

// answers is what origins answer without a network, so that a test makes the time. nil is an origin that never answers.
type answers func(r *http.Request) *http.Response

// RoundTrip implements http.RoundTripper.
func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if resp := a(r); resp != nil {
		return resp, nil
	}
	<-r.Context().Done()
	return nil, context.Cause(r.Context())
}

// says is an answer that is there at once. A node says of what it knows how it is.
func says(status int, text string) *http.Response {
	h := make(http.Header)
	switch {
	case status/100 == 2:
		h.Set(headerState, live.StateLive.String())
	case status == http.StatusNotFound:
		h.Set(headerState, stateNone)
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: h,
		Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)),
	}
}

// drips is an answer whose body comes in pieces of n bytes a second and never ends; 0: nothing comes.
func drips(r *http.Request, n int, body []byte) *http.Response {
	out, in := io.Pipe()
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			now := body[:min(n, len(body))]
			if body = body[len(now):]; len(now) == 0 {
				now = fmp4.AppendFree(nil, 8)
			}
			if n > 0 {
				if _, err := in.Write(now); err != nil {
					return
				}
			}
			select {
			case <-tick.C:
			case <-r.Context().Done():
				_ = in.CloseWithError(context.Cause(r.Context()))
				return
			}
		}
	}()
	resp := says(http.StatusOK, "")
	resp.Body, resp.ContentLength = out, -1
	return resp
}

// sound is how a stream begins that has nothing but sound.
func sound(t testing.TB) []byte {
	t.Helper()
	return soundOf(t, state{State: "live", Started: 1}, 0)
}

// soundOf is a stream that is so, with packets at these times.
func soundOf(t testing.TB, st state, times ...time.Duration) []byte {
	t.Helper()
	m := fmp4.NewMuxer()
	start, err := m.AppendStart(nil, av.Tracks{{
		ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2, Config: []byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := st.append(start)
	for _, at := range times {
		b = m.Append(b, &av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, DTS: at, PTS: at, Data: []byte{0xfc}})
	}
	return b
}

// plays is an answer with a stream.
func plays(t testing.TB, r *http.Request) *http.Response {
	t.Helper()
	return drips(r, 1<<20, sound(t))
}

// runIn starts a node in a bubble of synctest.
func runIn(t *testing.T, a answers, alter func(o *Options, h *live.Options), origins ...string) *node {
	t.Helper()
	ho := hubOptions()
	ho.Wait, ho.MaxWaiting = 10*time.Second, 10_000
	o := Options{Key: testSecret, Origins: origins, Idle: time.Hour}
	if alter != nil {
		alter(&o, &ho)
	}
	n := &node{hub: live.NewRegistry(ho)}
	o.Hub = n.hub
	n.edge = New(o)
	n.edge.client.http.Transport = a
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = n.hub.Run(ctx) })
	running.Go(func() { _ = n.edge.Run(ctx) })
	n.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(n.stop)
	synctest.Wait() // it runs
	return n
}
