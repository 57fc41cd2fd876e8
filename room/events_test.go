package room

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/mux/av"
	"weir/room/audience"
	"weir/room/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	cam     = live.Key{App: "1", Room: "demo", Stream: "cam"}
	errTest = errors.New("the test ends it")
)

// silence has a name of its own among the reasons.
type silence struct{}

func (silence) Error() string  { return "nothing came" }
func (silence) Reason() string { return "silence" }

func subscribe(t *testing.T, e *Events, room string) *Subscription {
	t.Helper()
	s, err := e.Subscribe("1", room, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// all are the events that a subscriber has not taken.
func all(s *Subscription) (events []*Event) {
	for {
		ev, _ := s.take()
		if ev == nil {
			return events
		}
		events = append(events, ev)
	}
}

// TestLifeOfAStream: the hub and the audience tell what happens, in order, and only to who listens to that room.
func TestLifeOfAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := NewEvents(10)
		hub := live.NewRegistry(live.Options{
			RingBytes: 1 << 20, RingTime: time.Second, Grace: 15 * time.Second, MaxStreams: 1, Changed: e.StreamChanged,
		})
		viewers := audience.New(audience.Options{Changed: e.ViewersChanged})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- hub.Run(ctx) }()
		go func() { done <- viewers.Run(ctx) }()
		here, elsewhere := subscribe(t, e, "demo"), subscribe(t, e, "other")

		p, err := hub.Publish(cam, live.PublishOptions{Tracks: 1})
		if err != nil {
			t.Fatal(err)
		}
		write := func(f *av.Frame) {
			if err := p.Write(f); err != nil {
				t.Fatal(err)
			}
		}
		write(&av.Frame{Track: 1, Kind: av.KindConfig, Codec: av.CodecOpus, Config: &av.Track{ID: 1, Codec: av.CodecOpus}})
		leave := viewers.Enter(cam, audience.FLV, audience.ID{})
		time.Sleep(1500 * time.Millisecond)
		p.Interrupt(silence{})
		write(&av.Frame{Track: 1, Codec: av.CodecOpus, Key: true, DTS: time.Second, Data: []byte{1}})
		leave()
		time.Sleep(time.Second)
		p.End(errTest)
		stop()
		<-done
		<-done

		var got []string
		for _, ev := range all(here) {
			line := string(ev.Type) + " " + ev.Reason
			if ev.Type == StreamViewers {
				line += string(rune('0' + ev.Viewers.Total))
			}
			got = append(got, strings.TrimSpace(line))
		}
		want := "stream.live, stream.viewers 1, stream.interrupted silence, stream.live, stream.viewers 0, stream.ended other"
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("told %s\nwant %s", s, want)
		}
		if n := len(all(elsewhere)); n != 0 {
			t.Errorf("%d events of another room", n)
		}
	})
}

// TestNobodySawIt: a publisher that sends nothing is no event.
func TestNobodySawIt(t *testing.T) {
	e := NewEvents(1)
	s := subscribe(t, e, "demo")
	e.StreamChanged(cam, live.StateWaiting, live.StateEnded, errTest)
	if n := len(all(s)); n != 0 {
		t.Errorf("%d events", n)
	}
}

func TestLaggingSubscriberIsLetGo(t *testing.T) {
	e := NewEvents(2)
	slow, quick := subscribe(t, e, "demo"), subscribe(t, e, "demo")
	for range queue + 1 {
		e.ViewersChanged(cam, audience.Count{})
		all(quick)
	}
	all(slow)
	if _, err := slow.Next(t.Context()); !errors.Is(err, ErrLagged) {
		t.Errorf("the slow one gets %v", err)
	}
	e.ViewersChanged(cam, audience.Count{})
	if n := len(all(quick)); n != 1 {
		t.Errorf("the quick one gets %d events", n)
	}
}

// TestLargeRoom: what happens to a thousand streams at once lets nobody lag, least of all who asks about one of them.
func TestLargeRoom(t *testing.T) {
	e := NewEvents(2)
	room := subscribe(t, e, "demo")
	one, err := e.Subscribe("1", "demo", "cam")
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	for i := range 1000 {
		e.ViewersChanged(live.Key{App: "1", Room: "demo", Stream: "cam" + strconv.Itoa(i)}, audience.Count{})
	}
	e.ViewersChanged(cam, audience.Count{Total: 7})
	if n := len(all(room)); n != 1001 {
		t.Errorf("%d events of the room", n)
	}
	if ev, err := one.Next(t.Context()); err != nil || ev.Viewers.Total != 7 || len(all(one)) != 0 {
		t.Errorf("of the one stream: %+v, %v", ev, err)
	}
}

func TestSubscribersAreBounded(t *testing.T) {
	e := NewEvents(1)
	s := subscribe(t, e, "demo")
	if _, err := e.Subscribe("1", "other", ""); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	s.Close()
	s.Close()
	subscribe(t, e, "other").Close()
	if len(e.rooms) != 0 || e.total != 0 {
		t.Errorf("%d rooms and %d subscribers are remembered", len(e.rooms), e.total)
	}
}

func TestEventsStop(t *testing.T) {
	e := NewEvents(2)
	s := subscribe(t, e, "demo")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- e.Run(ctx) }()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := s.Next(t.Context()); !errors.Is(err, ErrStopping) {
		t.Errorf("a subscriber gets %v", err)
	}
	if _, err := e.Subscribe("1", "demo", ""); !errors.Is(err, ErrStopping) {
		t.Errorf("a new one gets %v", err)
	}
}

func TestEventJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	for _, c := range []struct {
		event *Event
		want  string
	}{
		{
			&Event{Type: StreamInterrupted, Stream: cam, At: at, Reason: "silence"},
			`{"type":"stream.interrupted","room":"demo","stream":"cam","at":"2026-01-02T02:04:05Z","reason":"silence"}`,
		},
		{
			&Event{Type: StreamViewers, Stream: cam, At: at},
			`{"type":"stream.viewers","room":"demo","stream":"cam","at":"2026-01-02T02:04:05Z","viewers":{"flv":0,"hls":0,"webrtc":0},"watching":0}`,
		},
	} {
		if got := string(c.event.JSON()); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		if one, two := c.event.JSON(), c.event.JSON(); &one[0] != &two[0] {
			t.Error("it is made anew for each")
		}
	}
}
