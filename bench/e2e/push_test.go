package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/bench/publish"
	"weir/bench/receive"
	"weir/mux/av"
	"weir/mux/flv"
	"weir/testdata"
)

// toLoopback lets the API name the receivers of these tests.
const toLoopback = "WEIR_OUTGOING_ALLOW=127.0.0.0/8"

// keepAll lets pushes be far behind on a machine that has much to do: what arrives is then still all of it.
const keepAll = "WEIR_RELAY_MAX_LAG=1m"

// startReceiver runs an nginx that takes pushes by RTMP and RTMPS until the test ends.
func startReceiver(t *testing.T) *receive.RTMP {
	t.Helper()
	r, err := receive.StartRTMP(t.Context(), t.TempDir(), receive.RTMPOptions{})
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

// destination is a destination of a relay as the API shows it.
type destination struct {
	State, Reason, Error string
	Tries, Restarts      int
	Bytes, Frames, Lags  uint64
}

// relay is a relay as the API shows it.
type relay struct {
	ID           string
	To           string
	Destinations []destination
}

// relays calls the API of relays as an administrator.
func (s *server) relays(t *testing.T, method, path, body string) answer {
	t.Helper()
	return ask(t, method, s.http+"/api/v1/relays"+path, request{
		body: body, header: map[string]string{"Authorization": "Bearer " + s.adminToken, "Content-Type": "application/json"},
	})
}

// relayTo has the stream pushed.
func (s *server) relayTo(t *testing.T, room, stream, to string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"room": room, "stream": stream, "to": to})
	if err != nil {
		t.Fatal(err)
	}
	a := s.relays(t, http.MethodPost, "", string(body))
	var made relay
	if err := json.Unmarshal(a.body, &made); err != nil || a.StatusCode != http.StatusCreated || made.ID == "" {
		t.Fatalf("the relay to %s: %s %s", to, a.Status, a.body)
	}
	return made.ID
}

// destination is the newest destination of a relay; the zero value when there is none.
func (s *server) destination(t *testing.T, id string) destination {
	t.Helper()
	a := s.relays(t, http.MethodGet, "/"+id, "")
	var r relay
	if err := json.Unmarshal(a.body, &r); err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("relay %s: %s %s", id, a.Status, a.body)
	}
	if len(r.Destinations) == 0 {
		return destination{}
	}
	return r.Destinations[len(r.Destinations)-1]
}

// untilSent waits until a relay runs and has sent so many frames more.
func (s *server) untilSent(t *testing.T, id string, frames uint64) {
	t.Helper()
	var before *uint64
	eventually(t, "media by the relay", func() bool {
		d := s.destination(t, id)
		if d.State != "running" {
			return false
		}
		if before == nil {
			before = &d.Frames
		}
		return d.Frames >= *before+frames
	})
}

// framesOf are the whole frames of an FLV file that may still grow.
func framesOf(t *testing.T, file string) (video, audio, configs []*av.Frame) {
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
			return video, audio, configs
		case err != nil:
			t.Fatalf("%s: %v", file, err)
		case f.Kind == av.KindConfig:
			configs = append(configs, f)
		case f.Codec.IsVideo():
			video = append(video, f)
		default:
			audio = append(audio, f)
		}
	}
}

// arrivedIn are the slices of what a receiver wrote, which begins at a key frame and has sound beside its pictures.
func arrivedIn(t *testing.T, file string) [][]byte {
	t.Helper()
	video, audio, _ := framesOf(t, file)
	if len(video) < 30 || len(audio) < 30 {
		t.Fatalf("%s has %d pictures and %d sounds", file, len(video), len(audio))
	}
	if !video[0].Key {
		t.Errorf("%s does not begin at a key frame", file)
	}
	checkShare(t, "sounds", times(audio), 0.95)
	return slicesOf(t, dataOf(video)...)
}

// checkArrived fails unless what a receiver wrote is one piece of the source, slice by slice.
func checkArrived(t *testing.T, src *source, file string) {
	t.Helper()
	arrived := arrivedIn(t, file)
	src.mu.Lock()
	defer src.mu.Unlock()
	for i := range len(src.slices) - len(arrived) + 1 {
		if src.isAtLocked(i, arrived) {
			return
		}
	}
	t.Errorf("%s: the %d slices are no piece of the %d that were sent", file, len(arrived), len(src.slices))
}

// checkPushed fails unless what a receiver wrote is one piece of what the encoder sends, picture by picture and sound by sound.
func checkPushed(t *testing.T, file string) {
	t.Helper()
	checkPiece(t, encoderSample(t), arrivedIn(t, file))
	video, audio, _ := framesOf(t, file)
	checkWhole(t, encoderSent(t), ledgerOf(t, video, audio))
}

// onlyRecording is the one file that the receiver wrote of a name.
func onlyRecording(t *testing.T, r *receive.RTMP, name string) string {
	t.Helper()
	files, err := r.Recordings(name)
	if err != nil || len(files) != 1 {
		t.Fatalf("recordings of %s: %v, %v; want one", name, files, err)
	}
	return files[0]
}

// TestPush: what is pushed to nginx by RTMP and RTMPS and to a listening ffmpeg is what the browser sent.
func TestPush(t *testing.T) {
	t.Parallel()
	nginx := startReceiver(t)
	listener, err := receive.ListenRTMP(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(listener.Kill)
	s := start(t, toLoopback, keepAll, "SSL_CERT_FILE="+nginx.CA, "WEIR_RELAY_RETRY=200ms")
	src := s.publish(t, "push/cam", media{video: true, audio: true})
	const secret = "secret-of-the-address"
	to := map[string]string{
		"RTMP": nginx.URL + "/plain?key=" + secret, "RTMPS": nginx.TLS + "/secure?key=" + secret, "ffmpeg": listener.URL,
	}
	ids := map[string]string{}
	for name, address := range to {
		ids[name] = s.relayTo(t, "push", "cam", address)
	}
	if a := s.relays(t, http.MethodPost, "", `{"room":"push","stream":"cam","to":"`+to["RTMP"]+`"}`); a.StatusCode != http.StatusConflict {
		t.Errorf("the same target again: %s %s", a.Status, a.body)
	}
	for _, id := range ids {
		s.untilSent(t, id, 200)
	}
	for name, id := range ids {
		if a := s.relays(t, http.MethodGet, "/"+id, ""); bytes.Contains(a.body, []byte(secret)) {
			t.Errorf("%s: the secret of the address is shown: %s", name, a.body)
		}
		if a := s.relays(t, http.MethodDelete, "/"+id, ""); a.StatusCode/100 != 2 {
			t.Errorf("%s: %s %s", name, a.Status, a.body)
		}
	}
	select {
	case <-listener.Done():
	case <-time.After(patience):
		t.Fatalf("the push does not end:\n%s", listener.Said())
	}
	for _, file := range []string{onlyRecording(t, nginx, "plain"), onlyRecording(t, nginx, "secure"), listener.File} {
		checkArrived(t, src, file)
		checkDecodes(t, file)
		checkProbe(t, file, "aac", "h264")
	}
	if strings.Contains(s.log.String(), secret) {
		t.Error("the secret of an address stands in the log")
	}
}

// TestPushTen: one stream to ten receivers, all of which get all of it.
func TestPushTen(t *testing.T) {
	t.Parallel()
	const destinations = 10
	nginx := startReceiver(t)
	s := start(t, toLoopback, keepAll)
	s.push(t, "ten/cam", encoderSample(t))
	var ids []string
	for i := range destinations {
		ids = append(ids, s.relayTo(t, "ten", "cam", fmt.Sprintf("%s/cam%d", nginx.URL, i)))
	}
	for _, id := range ids {
		s.untilSent(t, id, 60)
	}
	if n := s.metric(t, `weir_push_destinations{protocol="rtmp",state="running"}`); n != "10" {
		t.Errorf("%s destinations run", n)
	}
	for i, id := range ids {
		if d := s.destination(t, id); d.Restarts != 0 || d.Lags != 0 {
			t.Errorf("destination %d: %+v", i, d)
		}
		s.relays(t, http.MethodDelete, "/"+id, "")
		checkPushed(t, onlyRecording(t, nginx, fmt.Sprintf("cam%d", i)))
	}
}

// told are the states of a relay as a receiver of callbacks is told of them.
type told struct {
	mu     sync.Mutex // guards states
	states []destination
}

// listenForRelays is a receiver of callbacks.
func listenForRelays(t *testing.T) (*told, string) {
	t.Helper()
	l := new(told)
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e struct {
			Type string
			Data struct{ Relay destination }
		}
		if json.NewDecoder(r.Body).Decode(&e) != nil || e.Type != "weir.relay.changed" {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.states = append(l.states, e.Data.Relay)
	}))
	t.Cleanup(web.Close)
	return l, web.URL
}

// names are the states so far.
func (l *told) names() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.states {
		out = append(out, s.State)
	}
	return out
}

// TestPushReceiverDies: a receiver that is killed and comes back after 20 s gets the stream again by itself; meanwhile states
// and callbacks tell the truth, and viewers see nothing of it.
func TestPushReceiverDies(t *testing.T) {
	t.Parallel()
	nginx := startReceiver(t)
	callbacks, receiver := listenForRelays(t)
	s := start(t, toLoopback, keepAll, "WEIR_LIVE_RING_TIME=1m", "WEIR_FLV_MAX_AGE=1m", "WEIR_RELAY_RETRY=500ms", "WEIR_RELAY_RETRY_MAX=2s", "WEIR_HOOK_URLS="+receiver)
	s.push(t, "dies/cam", encoderSample(t))
	v := watch(t, s.http+"/live/dies/cam.flv")
	id := s.relayTo(t, "dies", "cam", nginx.URL+"/cam")
	s.untilSent(t, id, 100)

	nginx.Kill()
	died := time.Now()
	eventually(t, "the push to wait", func() bool { d := s.destination(t, id); return d.State == "waiting" && d.Error != "" })
	time.Sleep(time.Until(died.Add(20 * time.Second))) // that long it is dead, whatever happens
	if d := s.destination(t, id); d.State == "running" || d.Tries < 3 {
		t.Errorf("to a dead receiver it is %s after %d tries", d.State, d.Tries)
	}
	if err := nginx.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.untilSent(t, id, 100)
	if d := s.destination(t, id); d.Restarts != 1 {
		t.Errorf("it was restarted %d times, want 1", d.Restarts)
	}
	s.relays(t, http.MethodDelete, "/"+id, "")
	eventually(t, "the end to be told", func() bool { n := callbacks.names(); return len(n) > 0 && n[len(n)-1] == "ended" })
	names := callbacks.names()
	if !slices.Equal(names[:3], []string{"connecting", "running", "waiting"}) ||
		!slices.Equal(names[len(names)-3:], []string{"connecting", "running", "ended"}) {
		t.Errorf("told: %v", names)
	}
	for i, name := range names[1:] {
		if name == names[i] {
			t.Errorf("told twice: %v", names)
		}
	}
	if n := len(slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s != "running" })); n != 2 {
		t.Errorf("told %d times that it runs: %v", n, names)
	}
	files, err := nginx.Recordings("cam")
	if err != nil || len(files) != 2 {
		t.Fatalf("recordings %v, %v; want two", files, err)
	}
	for _, file := range files {
		checkPushed(t, file)
	}
	v.leave()
	checkCapture(t, v, 5, "aac", "h264")
	video, audio := v.frames(t)
	checkWhole(t, encoderSent(t), ledgerOf(t, video, audio))
}

// hostile listens and does something to each connection.
func hostile(t *testing.T, serve func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer func() { _ = c.Close() }()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		conns.Wait()
	})
	return "rtmp://" + l.Addr().String() + "/live/cam"
}

// shake is a server's half of RTMP's handshake: S0, S1 and S2, whose content nobody has to check.
func shake(c net.Conn) error {
	if _, err := io.ReadFull(c, make([]byte, 1+1536)); err != nil {
		return err
	}
	answer := make([]byte, 1+2*1536)
	answer[0] = 3
	if _, err := c.Write(answer); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1536))
	return err
}

// chunk is a message of RTMP in one chunk: of a type, on the chunk stream of control.
func chunk(kind byte, body ...byte) []byte {
	return append([]byte{2, 0, 0, 0, 0, 0, byte(len(body)), kind, 0, 0, 0, 0}, body...)
}

// TestPushHostile: BAD-07, receivers that never answer, close at once, or speak nonsense harm neither the stream nor the push
// beside them, and are tried again at a pace.
func TestPushHostile(t *testing.T) {
	t.Parallel()
	nginx := startReceiver(t)
	s := start(t, toLoopback, keepAll, "WEIR_RELAY_RETRY=500ms", "WEIR_RELAY_CONNECT_TIMEOUT=5s")
	s.push(t, "bad/cam", encoderSample(t))
	v := watch(t, s.http+"/live/bad/cam.flv")
	good := s.relayTo(t, "bad", "cam", nginx.URL+"/cam")
	s.untilSent(t, good, 1)
	after := func(text []byte) func(net.Conn) {
		return func(c net.Conn) {
			if shake(c) == nil {
				_, _ = c.Write(text)
				_, _ = io.Copy(io.Discard, c)
			}
		}
	}
	bad := map[string]string{}
	for name, serve := range map[string]func(net.Conn){
		"never answers":         func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"closes at once":        func(net.Conn) {},
		"closes when greeted":   func(c net.Conn) { _ = shake(c) },
		"never answers connect": after(nil),
		"chunk size 0":          after(chunk(1, 0, 0, 0, 0)),
		"chunk size 2^31":       after(chunk(1, 0x80, 0, 0, 0)),
		"a message of 16 MB":    after([]byte{3, 0, 0, 0, 0xff, 0xff, 0xff, 20, 0, 0, 0, 0}),
		"nested AMF for ever":   after(chunk(20, bytes.Repeat([]byte{3, 0, 1, 'a'}, 30)...)),
		"no RTMP": func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nhello"); err != nil {
					return
				}
			}
		},
	} {
		bad[name] = s.relayTo(t, "bad", "cam", hostile(t, serve))
	}
	for name, id := range bad {
		eventually(t, name+" to be tried again", func() bool { return s.destination(t, id).Tries >= 2 })
		if d := s.destination(t, id); d.Restarts != 0 || d.Bytes != 0 || d.Error == "" || d.State != "waiting" && d.State != "connecting" {
			t.Errorf("%s: %+v", name, d)
		}
	}
	s.untilSent(t, good, 50)
	if d := s.destination(t, good); d.Restarts != 0 || d.Lags != 0 {
		t.Errorf("the good one beside them: %+v", d)
	}
	s.relays(t, http.MethodDelete, "/"+good, "")
	checkPushed(t, onlyRecording(t, nginx, "cam"))
	v.leave()
	checkCapture(t, v, 5, "aac", "h264")
	video, audio := v.frames(t)
	checkWhole(t, encoderSent(t), ledgerOf(t, video, audio))
}

// TestPushStalls: a receiver that stands still in the middle of a push is left, and tried again.
func TestPushStalls(t *testing.T) {
	t.Parallel()
	nginx := startReceiver(t)
	s := start(t, toLoopback, "WEIR_RELAY_RETRY=500ms", "WEIR_RELAY_RETRY_MAX=1s", "WEIR_RELAY_CONNECT_TIMEOUT=2s", "WEIR_RELAY_WRITE_TIMEOUT=2s")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// The kernels of both sides hold seconds of a stream: this one has 2 Mbit/s.
	session, err := publish.Start(ctx, publish.Options{URL: s.http + "/whip/stalls/cam", Token: s.token, Loop: true, H264: testdata.Path("bars-720p.h264")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	id := s.relayTo(t, "stalls", "cam", nginx.URL+"/cam")
	s.untilSent(t, id, 50)
	nginx.Pause()
	within(t, 4*patience, "the push to be given up", func() bool { return s.destination(t, id).Restarts > 0 })
	nginx.Resume()
	s.untilSent(t, id, 50)
}

// TestPushChange: a push by a rule goes on through the publisher's reconnect and through a takeover with another codec
// configuration, over one connection.
func TestPushChange(t *testing.T) {
	t.Parallel()
	nginx := startReceiver(t)
	s := start(t, "WEIR_INGEST_GRACE=20s", `WEIR_RELAY_RULES=[{"match":"change/*","to":"`+nginx.URL+`/{stream}"}]`)
	id := func() string {
		var list struct{ Relays []relay }
		a := s.relays(t, http.MethodGet, "", "")
		if err := json.Unmarshal(a.body, &list); err != nil || len(list.Relays) != 1 {
			t.Fatalf("the list of relays: %s %s", a.Status, a.body)
		}
		return list.Relays[0].ID
	}
	browser := s.publish(t, "change/cam", media{video: true, audio: true})
	s.untilSent(t, id(), 60)
	browser.Kill()
	s.awaitState(t, "change", "cam", "interrupted")
	again := s.publish(t, "change/cam", media{video: true, audio: true})
	s.untilSent(t, id(), 60)
	p := s.push(t, "change/cam", encoderSample(t)) // takes over: another profile and size, B pictures, AAC at 44.1 kHz
	s.untilSent(t, id(), 300)
	again.Kill()
	if d := s.destination(t, id()); d.Restarts != 0 || d.State != "running" {
		t.Errorf("the push: %+v", d)
	}
	p.end(t, syscall.SIGINT)
	eventually(t, "the push to end", func() bool { return s.destination(t, id()).State == "ended" })
	file := onlyRecording(t, nginx, "cam")
	video, _, configs := framesOf(t, file)
	last := time.Duration(-1)
	for i, f := range video {
		if f.DTS <= last {
			t.Fatalf("picture %d is at %v behind %v", i, f.DTS, last)
		}
		last = f.DTS
	}
	records := map[[32]byte]bool{}
	for _, f := range configs {
		if f.Codec.IsVideo() && f.Config != nil {
			records[sha256.Sum256(f.Config.Config)] = true
		}
	}
	if len(records) < 2 {
		t.Errorf("%d configurations of video arrived among %d, want those of both publishers", len(records), len(configs))
	}
	arrived := slicesOf(t, dataOf(video)...)
	encoder := slicesOfFile(t, encoderSample(t))
	sum := sha256.Sum256(arrived[len(arrived)-1])
	if !slices.Contains(encoder, sum) {
		t.Error("the last picture is none of the encoder's")
	}
	checkProbe(t, file, "aac", "h264")
}
