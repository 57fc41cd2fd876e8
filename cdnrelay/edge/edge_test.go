package edge

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"weir/mux/av"
	"weir/room/live"
	"weir/room/live/timeline"
)

// TestEdgeHasWhatTheOriginHas: all frames, layers, times to the nanosecond, changes and ends, in their order.
func TestEdgeHasWhatTheOriginHas(t *testing.T) {
	origin := run(t, nil)
	front := run(t, nil, origin.url())
	p := origin.publish(t, live.PublishOptions{User: "alice"})
	s := newShow(t, p)
	s.run(45) // one group and a half: the edge begins at the newest one
	there := front.await(t)
	if i := there.Info(); i.User != "alice" || !i.Mirror || i.Origin.Form != "edge" || !i.Started.Equal(p.Stream().Started()) {
		t.Errorf("the stream is %+v", i)
	}
	if got := there.Layers(); !slices.Equal(got, []string{"l", "h"}) {
		t.Errorf("layers %v", got)
	}
	r := reader(t, there)
	first := read(t, r, func(*av.Frame) bool { return true })[0]
	if !first.Key || first.Track != 3 || first.DTS != 1200*time.Millisecond+7 {
		t.Errorf("it begins with track %d at %v", first.Track, first.DTS)
	}
	s.run(10)
	bigger := s.high
	bigger.Config = append(slices.Clone(bigger.Config), 0)
	s.write(&av.Frame{Track: 4, Kind: av.KindConfig, Codec: av.CodecH265, DTS: s.at, PTS: s.at, Config: &bigger})
	s.run(20)
	s.write(&av.Frame{Track: 9, Kind: av.KindData, DTS: s.at, PTS: s.at, Data: []byte("now")})
	s.write(&av.Frame{Track: 3, Kind: av.KindConfig, Codec: av.CodecH265, DTS: s.at, PTS: s.at})
	last := &av.Frame{Track: 9, Kind: av.KindData, DTS: s.at, PTS: s.at, Data: []byte("over")}
	s.write(last)
	got := read(t, r, func(f *av.Frame) bool { return string(f.Data) == "over" })

	from := p.Stream().NewReader(live.ReaderOptions{Name: "test", Start: live.StartOldest, Layers: true})
	defer from.Close()
	want := read(t, from, func(f *av.Frame) bool { return f == last })
	for want[0].DTS != first.DTS || want[0].Track != first.Track {
		want = want[1:]
	}
	want = want[1:]
	if len(got) != len(want) {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	for i := range want {
		if !sameFrame(got[i], want[i]) {
			t.Fatalf("frame %d:\n%+v\n%+v", i, got[i], want[i])
		}
	}
	if a, b := there.Tracks(), p.Stream().Tracks(); len(a) != len(b) {
		t.Errorf("%d tracks, want %d", len(a), len(b))
	}
}

// TestEdgeTellsTheStreamsState: interruption, return, end, each with its reason.
func TestEdgeTellsTheStreamsState(t *testing.T) {
	origin := run(t, nil)
	front := run(t, nil, origin.url())
	p := origin.publish(t, live.PublishOptions{})
	s := newShow(t, p)
	s.run(5)
	there := front.await(t)
	isState(t, there, live.StateLive)
	p.Interrupt(told("silent"))
	isState(t, there, live.StateInterrupted)
	if got := live.Reason(there.Info().Reason); got != "silent" {
		t.Errorf("interrupted as %q", got)
	}
	late := run(t, nil, origin.url()) // who comes now gets what there is, and the state
	isState(t, late.await(t), live.StateInterrupted)
	s.run(30)
	eventually(t, "the stream is live again", func() bool {
		s.run(1)
		return there.Info().State == live.StateLive && late.await(t).Info().State == live.StateLive
	})
	p.End(told("goodbye"))
	isState(t, there, live.StateEnded)
	if got := live.Reason(there.Err()); got != "goodbye" {
		t.Errorf("ended as %q", got)
	}
	if _, ok := front.hub.Stream(testKey); ok {
		t.Error("the stream is still there")
	}
}

// TestEdgeOutlivesItsOrigin: CLU-01. The origin is killed and comes back with another stream of the name: readers go on, and their
// times rise.
func TestEdgeOutlivesItsOrigin(t *testing.T) {
	at := &handler{}
	first := runBehind(t, at, nil)
	address := httpAt(t, at)
	front := run(t, nil, address.URL)
	s := newShow(t, first.publish(t, live.PublishOptions{User: "alice"}))
	s.run(40)
	there := front.await(t)
	r := reader(t, there)
	before := read(t, r, func(f *av.Frame) bool { return f.Track == 1 && f.DTS == s.at-40*time.Millisecond+7 })
	at.set(nil)
	address.CloseClientConnections()
	isState(t, there, live.StateInterrupted)
	first.stop()

	second := runBehind(t, at, nil)
	again := newShow(t, second.publish(t, live.PublishOptions{User: "bob", Layers: []string{"l", "h"}}))
	again.run(35)
	for there.Info().State != live.StateLive {
		again.run(1)
		time.Sleep(5 * time.Millisecond)
	}
	after := read(t, r, func(f *av.Frame) bool { return f.Track == 1 && f.Key })
	last := map[av.TrackID]time.Duration{}
	for _, f := range append(before, after...) {
		if f.Kind == av.KindMedia {
			if at, ok := last[f.Track]; ok && f.DTS <= at {
				t.Fatalf("track %d goes from %v to %v", f.Track, at, f.DTS)
			}
			last[f.Track] = f.DTS
		}
	}
	if step := last[1] - before[len(before)-1].DTS; step > enough {
		t.Errorf("the time jumps by %v", step)
	}
	if i := there.Info(); i.Interruptions != 1 {
		t.Errorf("%d interruptions", i.Interruptions)
	}
}

// TestEdgeGoesOnWithoutAGap: a connection that is lost for a moment costs no frame.
func TestEdgeGoesOnWithoutAGap(t *testing.T) {
	origin := run(t, nil)
	front := run(t, nil, origin.url())
	s := newShow(t, origin.publish(t, live.PublishOptions{}))
	s.run(5)
	there := front.await(t)
	r := reader(t, there)
	read(t, r, func(f *av.Frame) bool { return f.DTS >= 4*40*time.Millisecond })
	origin.http.CloseClientConnections()
	isState(t, there, live.StateInterrupted)
	s.run(20)
	pictures := 0
	for _, f := range read(t, r, func(f *av.Frame) bool { return f.Track == 1 && f.DTS == 24*40*time.Millisecond+7 }) {
		if f.Track == 1 && f.Kind == av.KindMedia {
			pictures++
		}
	}
	if pictures < 20 || pictures > 21 {
		t.Errorf("%d pictures came, want the 20 that were written, and at most one of before", pictures)
	}
}

// TestEdgeTakesTheOriginThatHasTheStream, and the other one when the publisher moves there.
func TestEdgeTakesTheOriginThatHasTheStream(t *testing.T) {
	dead := run(t, nil)
	dead.stop()
	one, two := run(t, nil), run(t, nil)
	front := run(t, nil, dead.url(), one.url(), two.url())
	p := two.publish(t, live.PublishOptions{})
	newShow(t, p).run(5)
	there := front.await(t)
	if got := front.edge.path(there); !slices.Equal(got, []string{two.edge.id}) {
		t.Errorf("it comes through %v", got)
	}
	p.Interrupt(told("lost")) // and comes up at the other origin
	isState(t, there, live.StateInterrupted)
	s := newShow(t, one.publish(t, live.PublishOptions{}))
	eventually(t, "the stream is live", func() bool {
		s.run(1)
		return there.Info().State == live.StateLive
	})
	if got := front.edge.path(there); !slices.Equal(got, []string{one.edge.id}) {
		t.Errorf("it comes through %v", got)
	}
}

// TestEdgeBeforeAnEdge: and wishes for key frames pass through both.
func TestEdgeBeforeAnEdge(t *testing.T) {
	asked := make(chan struct{}, 10)
	origin := run(t, nil)
	middle := run(t, nil, origin.url())
	front := run(t, nil, middle.url())
	s := newShow(t, origin.publish(t, live.PublishOptions{KeyFrame: func() { asked <- struct{}{} }}))
	s.run(5)
	there := front.await(t)
	if got := front.edge.path(there); !slices.Equal(got, []string{origin.edge.id, middle.edge.id}) {
		t.Errorf("it comes through %v", got)
	}
	for len(asked) > 0 {
		<-asked
	}
	there.WantKeyFrame("test")
	select {
	case <-asked:
	case <-time.After(enough):
		t.Error("the publisher is not asked for a key frame")
	}
	origin.files.set("main.m3u8", "#EXTM3U")
	if b, err := front.edge.File(t.Context(), testKey, "main.m3u8"); err != nil || string(b) != "#EXTM3U" {
		t.Errorf("%q %v", b, err)
	}
}

// TestEdgeByStreamID: who asks for a stream by its id learns whose it is.
func TestEdgeByStreamID(t *testing.T) {
	origin := run(t, nil)
	front := run(t, nil, origin.url())
	ctx, cancel := context.WithTimeout(t.Context(), enough)
	defer cancel()
	came := make(chan *live.Stream, 1)
	go func() {
		s, err := front.hub.Await(ctx, live.IDKey(testKey.App, "1400_a_main"))
		if err != nil {
			t.Error(err)
		}
		came <- s
	}()
	newShow(t, origin.publish(t, live.PublishOptions{ID: "1400_a_main"})).run(5)
	there := <-came
	if there == nil || there.Key() != testKey || there.Info().ID != "1400_a_main" {
		t.Fatalf("got %+v", there)
	}
	if got := front.edge.path(there); !slices.Equal(got, []string{origin.edge.id}) {
		t.Errorf("it comes through %v", got)
	}
	if s := front.await(t); s != there {
		t.Error("by its own key there is another one")
	}
}

// TestNodesDoNotLoop: two that name each other find nothing in time, and what one publishes the other gets.
func TestNodesDoNotLoop(t *testing.T) {
	atA, atB := &handler{}, &handler{}
	addressA, addressB := httpAt(t, atA), httpAt(t, atB)
	short := func(_ *Options, h *live.Options) { h.Wait = time.Second }
	a := runBehind(t, atA, short, addressB.URL)
	b := runBehind(t, atB, short, addressA.URL)
	none := make(chan error, 2)
	for _, n := range []*node{a, b} {
		go func() {
			_, err := n.hub.Await(context.Background(), testKey)
			none <- err
		}()
	}
	for range 2 {
		if err := <-none; !errors.Is(err, live.ErrNoStream) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := a.edge.File(t.Context(), testKey, "main.m3u8"); !errors.Is(err, live.ErrNoStream) {
		t.Errorf("a file: %v", err)
	}
	eventually(t, "nobody looks for the stream any more", func() bool {
		return seeking(a)+seeking(b) == 0
	})
	p := a.publish(t, live.PublishOptions{})
	s := newShow(t, p)
	s.run(5)
	var there *live.Stream
	eventually(t, "the other node has it", func() (ok bool) { // a wait is short here
		var err error
		there, err = b.hub.Await(t.Context(), testKey)
		return err == nil
	})
	if !there.Mirrored() {
		t.Error("it is not the other node's")
	}
	// What B has of A is nothing for A, also when A has lost it.
	if _, err := a.edge.client.do(t.Context(), http.MethodHead, address(addressB.URL, testKey), nil); !errors.Is(err, live.ErrNoStream) {
		t.Errorf("A gets its own stream back: %v", err)
	}
}

// TestOwnPublisherComesFirst: who publishes at a node takes the place of what it has from another one.
func TestOwnPublisherComesFirst(t *testing.T) {
	origin := run(t, nil)
	front := run(t, nil, origin.url())
	newShow(t, origin.publish(t, live.PublishOptions{})).run(5)
	there := front.await(t)
	eventually(t, "there is media", func() bool { return there.Newest() > 0 })
	p, err := front.hub.Publish(testKey, live.PublishOptions{Policy: live.PolicyReject})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pull is over", func() bool { return front.edge.path(there) == nil && pulls(front) == 0 })
	p.End(errTest)
}

// TestClocksOfNodesApart: who publishes at a node in place of what it has from another one goes on where that was, whatever time of
// day it is there.
func TestClocksOfNodesApart(t *testing.T) {
	for _, apart := range []time.Duration{-time.Hour, -time.Minute, 0, time.Minute, time.Hour} {
		origin := run(t, func(_ *Options, h *live.Options) { h.Now = func() time.Time { return time.Now().Add(apart) } })
		front := run(t, nil, origin.url())
		newShow(t, origin.publish(t, live.PublishOptions{})).run(50)
		there := front.await(t)
		eventually(t, "there is media", func() bool { return there.Newest() > time.Second })
		p, err := front.hub.Publish(testKey, live.PublishOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if step := timeline.NewWriter(p).Now() - there.Newest(); step <= 0 || step > enough {
			t.Errorf("with clocks that are %v apart the time steps by %v", apart, step)
		}
		p.End(errTest)
	}
}

// seeking is how many streams a node looks for, or knows that nobody has.
func seeking(n *node) int {
	n.edge.seeker.mu.Lock()
	defer n.edge.seeker.mu.Unlock()
	return len(n.edge.seeker.wishes)
}

func pulls(n *node) int {
	n.edge.mu.Lock()
	defer n.edge.mu.Unlock()
	return len(n.edge.pulls)
}

// TestIdleStreamIsLetGo and taken again when somebody comes.
func TestIdleStreamIsLetGo(t *testing.T) {
	origin := run(t, nil)
	front := run(t, func(o *Options, _ *live.Options) { o.Idle = time.Second }, origin.url())
	p := origin.publish(t, live.PublishOptions{})
	newShow(t, p).run(5)
	there := front.await(t)
	select {
	case <-there.Done():
	case <-time.After(enough):
		t.Fatal("it is taken on and on")
	}
	if got := live.Reason(there.Err()); got != "idle" {
		t.Errorf("ended as %q", got)
	}
	if !LetGo(there.Err()) || LetGo(errTest) {
		t.Error("it is not told from other ends")
	}
	eventually(t, "the origin has no reader", func() bool { return p.Stream().Readers() == 0 })
	front.await(t)
}

// TestWhoKnowsNoKeyGetsNothing, and neither does anybody where there is none.
func TestWhoKnowsNoKeyGetsNothing(t *testing.T) {
	origin := run(t, nil)
	newShow(t, origin.publish(t, live.PublishOptions{})).run(5)
	origin.files.set("main.m3u8", "#EXTM3U")
	closed := run(t, func(o *Options, _ *live.Options) { o.Key = "" })
	for _, n := range []*node{origin, closed} {
		for _, c := range []struct{ method, address string }{
			{http.MethodGet, address(n.url(), testKey)},
			{http.MethodHead, address(n.url(), testKey)},
			{http.MethodGet, address(n.url(), testKey, "main.m3u8")},
			{http.MethodPost, address(n.url(), testKey, "keyframe")},
		} {
			for _, key := range []string{"", "Bearer", "Bearer x", "Bearer " + testSecret + "x", "Basic " + testSecret} {
				req, err := http.NewRequestWithContext(t.Context(), c.method, c.address, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", key)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				want := http.StatusForbidden
				if n == closed {
					want = http.StatusNotFound
				}
				if resp.StatusCode != want {
					t.Errorf("%s %s with %q: %d", c.method, c.address, key, resp.StatusCode)
				}
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
}
