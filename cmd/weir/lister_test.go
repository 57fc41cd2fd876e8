package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"weir/mux/av"
	"weir/room"
	"weir/room/api"
	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
)

// crowdedHub has rooms of five live streams each.
func crowdedHub(t testing.TB, rooms int) lister {
	t.Helper()
	hub := live.NewRegistry(live.Options{
		RingBytes: 1 << 20, RingTime: time.Second, Grace: time.Hour, MaxStreams: 5 * rooms,
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- hub.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
	})
	for i := range 5 * rooms {
		k := live.Key{App: "1", Room: fmt.Sprintf("r%d", i/5), Stream: fmt.Sprintf("s%d", i%5)}
		p, err := hub.Publish(k, live.PublishOptions{Tracks: 1})
		if err != nil {
			t.Fatal(err)
		}
		track := &av.Track{ID: 1, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2}
		for _, f := range []*av.Frame{
			{Track: 1, Kind: av.KindConfig, Codec: av.CodecOpus, Config: track},
			{Track: 1, Codec: av.CodecOpus, Key: true, Data: []byte{0xfc, 0xff, 0xfe}},
		} {
			if err := p.Write(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	return lister{hub: hub, audience: audience.New(audience.Options{MaxSeen: 1})}
}

// TestRoomIsListedAlone: what the list of a room costs does not depend on the streams of others.
func TestRoomIsListedAlone(t *testing.T) {
	cost := func(rooms int) float64 {
		l := crowdedHub(t, rooms)
		return testing.AllocsPerRun(100, func() {
			if got := l.Room(1, "r0"); len(got) != 5 || got[0].Stream != "s0" || got[4].Room != "r0" || got[4].State != api.StateLive {
				t.Fatalf("got %d streams, want the five of the room", len(got))
			}
		})
	}
	if alone, beside := cost(1), cost(100); beside > alone {
		t.Errorf("%v allocations beside the streams of 99 other rooms, %v without them", beside, alone)
	}
}

// BenchmarkEventsConnect is what a subscriber to room events costs when it connects, beside 1,000 rooms of five streams each.
func BenchmarkEventsConnect(b *testing.B) {
	l := crowdedHub(b, 1000)
	by, err := auth.New(auth.Options{App: auth.App{ID: 1, Key: "key"}})
	if err != nil {
		b.Fatal(err)
	}
	a := api.New(api.Options{
		Lister: l, Auth: by, Hub: l.hub, Audience: l.audience, Events: room.NewEvents(1), Log: slog.New(slog.DiscardHandler),
	})
	left, leave := context.WithCancel(b.Context())
	leave() // it has heard enough with the first list
	r := httptest.NewRequestWithContext(left, http.MethodGet, "/api/v1/rooms/r7/events", nil)
	r.SetPathValue("room", "r7")
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		if a.Events(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
