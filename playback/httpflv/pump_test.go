package httpflv

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/mux/av"
	"weir/room/live"
)

// pumped is how many viewers the pumps have.
func (r *rig) pumped() (n int) {
	ps := &r.door.pumps
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, of := range ps.all {
		for _, p := range of {
			n += p.size
		}
	}
	return n
}

// settle waits until the pumps have n viewers.
func (r *rig) settle(n int) {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); r.pumped() != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%d viewers in pumps, want %d", r.pumped(), n)
		}
	}
}

// TestPumpServesAll: viewers who came at different times, in different forms, get the same pictures from a pump.
func TestPumpServesAll(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, true)
	r.sounds(0, 1)
	r.pictures(1)
	first := play(t, r.get("?audio=opus").Body)
	r.settle(1)
	r.pictures(5)
	resp, err := getHTTP10(r.url + "?audio=opus")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	second := play(t, resp.Body)
	r.settle(2)
	r.sounds(200*time.Millisecond, 10)
	r.pictures(24)
	for _, p := range []*player{first, second} {
		for range 30 {
			p.media(1)
		}
	}
	if last := (29 * picture).Round(ms); first.last[1] != last || second.last[1] != last {
		t.Errorf("the players are at %v and %v", first.last[1], second.last[1])
	}
	r.pub.End(errTest)
	wantClosed(t, r, "stream_ended", 2)
}

// TestPumpEmptiesTheRing: what does not fit into one batch comes with the same wake: there may be no other one for long.
func TestPumpEmptiesTheRing(t *testing.T) {
	o := testOptions()
	o.MaxJoin = time.Second
	r := newRig(t, o, nil)
	r.publish(true, false)
	r.pictures(1)
	p := play(t, r.get("?delay=200").Body)
	p.media(1)
	r.settle(1)
	const many = 3*pumpBatch + 7
	r.small(many)
	for range many {
		p.media(1)
	}
}

// small writes n pictures of hardly a byte, 1 ms apart.
func (r *rig) small(n int) {
	r.t.Helper()
	from := time.Duration(r.at) * picture
	for i := range n {
		at := from + time.Duration(i)*ms
		r.write(&av.Frame{Track: 1, Codec: av.CodecH264, DTS: at, PTS: at, Data: []byte{0, 0, 0, 1, 0x41}})
	}
	r.at += n
}

// TestPumpTakesLatecomers: a viewer who has read all, and comes to the pump behind the round with what was written
// meanwhile, gets it without another wake.
func TestPumpTakesLatecomers(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(1)
	first, late := r.viewer(), r.viewer()
	if first.conn.raw == nil {
		t.Skip("no pumps on this system")
	}
	p := newPump(r.door, first.reader.Waker(), 0)
	r.door.pumps.all = map[*live.Waker][]*pump{p.waker: {p}}
	p.members, p.size = []*viewer{first}, 1
	p.round()
	r.pictures(1)
	if err := late.reader.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.round()
	r.door.pumps.take(late)
	select {
	case <-p.nudged:
	default:
		t.Fatal("nobody tells the pump")
	}
	r.door.pumps.admit(p)
	p.keep(p.inStep)
	if len(p.members) != 1 || p.members[0] != first {
		t.Errorf("%d viewers stay", len(p.members))
	}
	r.pub.End(errTest)
	p.run() // until both have left
	wantClosed(t, r, "stream_ended", 2)
}

// viewer is one who has read all there is, in nobody's hands.
func (r *rig) viewer() *viewer {
	r.t.Helper()
	if err := r.door.enter(); err != nil {
		r.t.Fatal(err)
	}
	v, err := r.door.open(httptest.NewRequestWithContext(r.t.Context(), http.MethodGet, "/", nil), r.pub.Stream(), query{})
	if err != nil {
		r.t.Fatal(err)
	}
	server, client := pair(r.t)
	r.door.tasks.Go(func() { _, _ = io.Copy(io.Discard, client) })
	v.conn = newConnSink(server, chunked{}, time.Second)
	v.out, v.ctx, v.part = v.conn, r.t.Context(), func() {}
	for !v.reader.Idle() {
		if err := v.step(); err != nil {
			r.t.Fatal(err)
		}
	}
	return v
}

// TestPumpLetsGo: at a change of the tracks viewers leave the pump to deal with it, and come back.
func TestPumpLetsGo(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(1)
	p := play(t, r.get("").Body)
	p.media(1)
	r.settle(1)
	_, sps, pps := film(t)
	pps = append(bytes.Clone(pps), 0x80)
	r.write(videoConfig(t, sps, pps, time.Duration(r.at)*picture))
	r.pictures(3)
	for {
		if f := p.next(); f.Kind == av.KindConfig {
			break
		}
	}
	p.media(1)
	r.settle(1)
}

// TestBlockedViewerHoldsNobodyUp: a viewer that takes nothing leaves the pump, which goes on for the others, and comes
// back when it reads again.
func TestBlockedViewerHoldsNobodyUp(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(1)
	quick, stalled := play(t, r.get("").Body), play(t, r.get("").Body)
	quick.media(1)
	stalled.media(1)
	r.settle(2)
	big := append([]byte{0, 3, 0, 0, 0x65}, make([]byte, 3<<16-1)...)
	n := 0
	for ; r.pumped() == 2 && n < 2000; n++ {
		at := time.Duration(r.at) * picture
		r.write(&av.Frame{Track: 1, Codec: av.CodecH264, Key: true, DTS: at, PTS: at, Data: big})
		r.at++
		quick.media(1)
	}
	if n == 2000 {
		t.Fatal("the kernel takes without end")
	}
	for range 20 {
		at := time.Duration(r.at) * picture
		r.write(&av.Frame{Track: 1, Codec: av.CodecH264, Key: true, DTS: at, PTS: at, Data: []byte{0, 0, 0, 1, 0x65}})
		r.at++
		quick.media(1)
	}
	for range n {
		stalled.media(1)
	}
	r.settle(2)
}

// TestPumpsShare: viewers are spread over as many pumps as there are processors, once there are enough of them.
func TestPumpsShare(t *testing.T) {
	o := testOptions()
	o.MaxViewers = 3 * pumpShare
	r := newRig(t, o, nil)
	r.publish(true, false)
	r.pictures(1)
	for range 2*pumpShare + 1 {
		r.watch()
	}
	r.settle(2*pumpShare + 1)
	ps := &r.door.pumps
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, of := range ps.all {
		if len(of) != min(3, runtime.GOMAXPROCS(0)) {
			t.Errorf("%d pumps", len(of))
		}
	}
}

// watch opens the stream as the cheapest of viewers.
func (r *rig) watch() net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(r.url, "http://"), "/demo/cam"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.Write([]byte("GET /demo/cam HTTP/1.1\r\nHost: weir\r\n\r\n")); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// TestPumpAllocates holds the ceiling of the hot path: to frame a batch and to write it allocates nothing.
func TestPumpAllocates(t *testing.T) {
	server, client := pair(t)
	go func() { _, _ = io.Copy(io.Discard, client) }()
	s, n := newConnSink(server, chunked{}, time.Second), newNozzle()
	if s.raw == nil {
		t.Skip("no pumps on this system")
	}
	b := new(batch)
	allocated := testing.AllocsPerRun(100, func() {
		for i := range b.tags[:30] {
			b.tags[i].Data = lastChunk
			b.data = append(b.data, lastChunk)
		}
		b.n = 30
		for range 10 {
			form := b.in(s.framing, 0)
			if _, err := n.send(s.raw, &form.vector); err != nil {
				t.Fatal(err)
			}
		}
		b.clear()
	})
	if allocated > 0 {
		t.Errorf("%v allocations a batch", allocated)
	}
}

// pair is a TCP connection, both ends.
func pair(t *testing.T) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nothing came of it
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	return server, client
}

// TestBytesAreCounted: what a connection took in parts is in the figure as well.
func TestBytesAreCounted(t *testing.T) {
	r := newRig(t, testOptions(), nil)
	r.publish(true, false)
	r.pictures(1)
	body := r.get("").Body
	r.settle(1)
	for n := 0; r.pumped() == 1 && n < 2000; n++ {
		r.large()
		time.Sleep(time.Millisecond) // the pace of a source, not a wait
	}
	r.pub.End(errTest)
	got, err := io.Copy(io.Discard, body)
	if err != nil {
		t.Fatal(err)
	}
	if counted := testutil.ToFloat64(r.door.stats.bytes); counted < float64(got) {
		t.Errorf("%.0f bytes are counted, %d came", counted, got)
	}
}

// TestPartOfAWrite: what a connection had no room for is exactly what follows, in slices that nobody writes to again.
func TestPartOfAWrite(t *testing.T) {
	data := [][]byte{[]byte("abc"), []byte("defgh"), []byte("i")}
	const whole = "9\r\nabcdefghi\r\n"
	for n := range len(whole) + 1 {
		var f framed
		f.set(chunked{}, data)
		rest := f.rest(n)
		f.set(chunked{}, [][]byte{[]byte("zz")})
		if got := string(bytes.Join(rest, nil)); got != whole[n:] {
			t.Errorf("behind %d bytes %q, want %q", n, got, whole[n:])
		}
	}
}

// TestStoppedViewerIsNearLiveAgain: one that stops and goes on gets what the kernel held for it, and then the newest
// key frame, not all that it missed.
func TestStoppedViewerIsNearLiveAgain(t *testing.T) {
	o := testOptions()
	o.MaxAge = 2 * time.Second
	r := newRig(t, o, nil)
	r.publish(true, false)
	r.pictures(1)
	quick, stopped := play(t, r.get("").Body), play(t, r.get("").Body)
	quick.media(1)
	stopped.media(1)
	r.settle(2)
	data := append([]byte{0, 0, 0x40, 0, 0x65}, make([]byte, 1<<14-1)...)
	write := func() {
		at := time.Duration(r.at) * picture
		r.write(&av.Frame{Track: 1, Codec: av.CodecH264, Key: r.at%30 == 0, DTS: at, PTS: at, Data: data})
		r.at++
		quick.media(1)
	}
	for n := 0; r.pumped() == 2 && n < 2000; n++ {
		write()
	}
	for range 120 { // four seconds, and less than the ring holds
		write()
	}
	newest := time.Duration(r.at-1) * picture
	jumped := false
	for stopped.last[1] < newest.Round(ms) {
		before := stopped.last[1]
		if f := stopped.media(1); f.DTS-before > time.Second {
			jumped = true
			if !f.Key || newest-f.DTS > o.MaxAge {
				t.Errorf("went on %v behind live, at a key frame: %v", newest-f.DTS, f.Key)
			}
		}
	}
	if !jumped {
		t.Error("the viewer got all that it had missed")
	}
	r.settle(2)
}
