package room

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/mux/av"
	"weir/room/audience"
	"weir/room/hook"
	"weir/room/im"
	"weir/room/im/rooms"
	"weir/room/live"
	"weir/room/store"
)

// book is what is known of rooms, and hears what is told: facts, teller and receiver.
type book struct {
	mu    sync.Mutex
	rooms map[place]*rooms.Facts
	said  []string // in the channel
	told  []string // to other programs
}

func (b *book) put(app int, r store.Room) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rooms == nil {
		b.rooms = make(map[place]*rooms.Facts)
	}
	b.rooms[place{app, r.ID}] = &rooms.Facts{Room: r}
}

func (b *book) Get(_ context.Context, app int, id string) (*rooms.Facts, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f, ok := b.rooms[place{app, id}]; ok {
		return f, nil
	}
	return nil, im.ErrNoRoom
}

func (b *book) Event(app int, room string, e im.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	line := fmt.Sprintf("%d/%s %s %s %s %s %s", app, room, e.Type, e.Stream, e.User, e.Title, e.Reason)
	if e.Watching != nil {
		line = fmt.Sprintf("%d/%s %s %s %d", app, room, e.Type, e.Stream, *e.Watching)
	}
	b.said = append(b.said, line)
}

func (b *book) Stream(events ...hook.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range events {
		line := fmt.Sprintf("%s %d/%s/%s %s %s told=%v %d", e.Kind, e.App, e.Room, e.Stream, e.User, e.Reason, e.Told, e.Watching)
		b.told = append(b.told, line)
	}
}

func (b *book) take() (said, told []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	said, told = b.said, b.told
	b.said, b.told = nil, nil
	return said, told
}

// stage is a hub and an audience with a bridge, inside a bubble of synctest.
type stage struct {
	*book
	hub      *live.Registry
	audience *audience.Audience
	bridge   *Bridge
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{book: &book{}, bridge: NewBridge(nil, nil)}
	s.hub = live.NewRegistry(live.Options{
		RingBytes: 1 << 20, RingTime: time.Second, Grace: 15 * time.Second, MaxStreams: 10, Changed: s.bridge.StreamChanged,
	})
	s.audience = audience.New(audience.Options{Changed: s.bridge.ViewersChanged})
	s.bridge.Attach(Parts{
		Hub: s.hub, Rooms: s.book, Channel: s.book, Hooks: s.book, Admin: func(_ int, user string) bool { return user == "root" },
		Exists: func(app int) bool { return app != deleted }, Faults: true,
	})
	ctx, stop := context.WithCancel(t.Context())
	var parts sync.WaitGroup
	for _, run := range []func(context.Context) error{s.hub.Run, s.audience.Run, s.bridge.Run} {
		parts.Go(func() { _ = run(ctx) })
	}
	t.Cleanup(func() {
		stop()
		parts.Wait()
	})
	return s
}

// publish begins a stream of sound.
func (s *stage) publish(t *testing.T, k live.Key, user string) *live.Publisher {
	t.Helper()
	p, err := s.hub.Publish(k, live.PublishOptions{User: user, Tracks: 1, Origin: live.Origin{Form: "whip"}})
	if err != nil {
		t.Fatal(err)
	}
	config := &av.Frame{Track: 1, Kind: av.KindConfig, Codec: av.CodecOpus, Config: &av.Track{ID: 1, Codec: av.CodecOpus}}
	if err := p.Write(config); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return p
}

func sound(t *testing.T, p *live.Publisher, at time.Duration, wall time.Time) {
	t.Helper()
	if err := p.Write(&av.Frame{Track: 1, Codec: av.CodecOpus, Key: true, DTS: at, PTS: at, Wall: wall, Data: []byte{1}}); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// TestMediaIsTold: what happens to a stream is told in the channel and to other programs, in order.
func TestMediaIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.put(1, store.Room{ID: "demo", Name: "Evening", Owner: "host", Status: rooms.Open})
		p := s.publish(t, cam, "host")
		said, told := s.take()
		expect(t, "said", said, "1/demo stream.live cam host Evening ")
		expect(t, "told", told, "stream.published 1/demo/cam host  told=false 0")

		p.Interrupt(silence{})
		synctest.Wait()
		sound(t, p, time.Second, time.Time{})
		synctest.Wait()
		p.Interrupt(silence{})
		time.Sleep(16 * time.Second)
		synctest.Wait()
		said, told = s.take()
		expect(t, "said", said, "1/demo stream.interrupted cam host  silence", "1/demo stream.live cam host Evening ",
			"1/demo stream.interrupted cam host  silence", "1/demo stream.ended cam host  silence")
		expect(t, "told", told, "stream.interrupted 1/demo/cam host silence told=false 0", "stream.published 1/demo/cam host  told=false 0",
			"stream.interrupted 1/demo/cam host silence told=false 0", "stream.unpublished 1/demo/cam host silence told=true 0")
		if on := s.bridge.OnAir(1, "demo"); len(on) != 0 || len(s.bridge.air) != 0 {
			t.Errorf("a stream that ended is still remembered: %+v", on)
		}
	})
}

// TestUnknownRoom: other programs are told of a stream whose room nobody made; a channel there is not.
func TestUnknownRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.publish(t, cam, "host").End(errTest)
		synctest.Wait()
		said, told := s.take()
		expect(t, "said", said)
		expect(t, "told", told, "stream.published 1/demo/cam host  told=false 0", "stream.unpublished 1/demo/cam host other told=false 0")
	})
}

// TestViewersAreToldSeldom: once in five seconds a room, the newest count.
func TestViewersAreToldSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.put(1, store.Room{ID: "demo", Status: rooms.Open})
		s.publish(t, cam, "host")
		s.take()
		for range 9 {
			s.audience.Enter(cam, audience.FLV, audience.ID{})
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if said, _ := s.take(); len(said) != 1 {
			t.Errorf("in nine seconds was said %q", said)
		}
		time.Sleep(viewersEvery)
		synctest.Wait()
		said, told := s.take()
		expect(t, "said", said, "1/demo stream.viewers cam 9")
		expect(t, "told", told, "stream.viewers 1/demo/cam host  told=false 9")
		time.Sleep(3 * viewersEvery)
		synctest.Wait()
		said, _ = s.take()
		expect(t, "nothing new", said)
	})
}

// TestB09 is "live room status control: push refused when closed"; here: what is live ends, with its reason, and can
// come back when the room is open again.
func TestB09(t *testing.T) {
	for _, status := range []string{rooms.Closed, rooms.Forbidden} {
		t.Run(status, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.put(1, store.Room{ID: "demo", Owner: "host", Status: rooms.Open})
				one, two := s.publish(t, cam, "host"), s.publish(t, live.Key{App: "1", Room: "demo", Stream: "seat"}, "root")
				elsewhere := s.publish(t, live.Key{App: "1", Room: "other", Stream: "cam"}, "host")
				foreign := s.publish(t, live.Key{App: "2", Room: "demo", Stream: "cam"}, "host")
				s.bridge.StatusChanged(1, "demo", rooms.Paused)
				synctest.Wait()
				if one.Err() != nil {
					t.Errorf("a pause ends a stream: %v", one.Err())
				}
				s.put(1, store.Room{ID: "demo", Owner: "host", Status: status})
				s.bridge.StatusChanged(1, "demo", status)
				synctest.Wait()
				for _, p := range []*live.Publisher{one, two} {
					if live.Reason(p.Err()) != "room_closed" {
						t.Errorf("%s ended with %v", p.Stream().Key(), p.Err())
					}
				}
				for _, p := range []*live.Publisher{elsewhere, foreign} {
					if p.Err() != nil {
						t.Errorf("%s ended with %v", p.Stream().Key(), p.Err())
					}
				}
				// One that was let in just before the room was closed ends with its first media.
				if late := s.publish(t, cam, "host"); live.Reason(late.Err()) != "room_closed" {
					t.Errorf("a late one goes on: %v", late.Err())
				}
				s.put(1, store.Room{ID: "demo", Owner: "host", Status: rooms.Open})
				s.bridge.StatusChanged(1, "demo", rooms.Open)
				if again := s.publish(t, cam, "host"); again.Err() != nil {
					t.Errorf("opened again: %v", again.Err())
				}
			})
		})
	}
}

// TestRightLostBeforeTheFirstPicture: who was let in and then had no right any more does not go live.
func TestRightLostBeforeTheFirstPicture(t *testing.T) {
	for name, tc := range map[string]struct {
		user string
		room store.Room
		end  bool
	}{
		"the owner":           {"host", store.Room{ID: "demo", Owner: "host", Status: rooms.Open}, false},
		"who has no seat now": {"guest", store.Room{ID: "demo", Owner: "host", Status: rooms.Open}, true},
		"an administrator":    {"root", store.Room{ID: "demo", Owner: "host", Status: rooms.Open}, false},
		"the application":     {"", store.Room{ID: "demo", Owner: "host", Status: rooms.Open}, false},
		"nobody's room":       {"guest", store.Room{ID: "demo", Status: rooms.Open}, false},
		"a closed room":       {"root", store.Room{ID: "demo", Owner: "host", Status: rooms.Closed}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.put(1, tc.room)
				s.publish(t, cam, tc.user)
				st, there := s.hub.Stream(cam)
				if ended := !there || st.Info().State == live.StateEnded; ended != tc.end {
					t.Errorf("it ended: %v, want %v", ended, tc.end)
				}
				s.bridge.PublishLost(1, "demo", tc.user)
				synctest.Wait()
				st, there = s.hub.Stream(cam)
				if ended := !there || st.Info().State == live.StateEnded; ended != tc.end {
					t.Errorf("with another word of it, it ended: %v, want %v", ended, tc.end)
				}
			})
		})
	}
}

// TestSeatRevoked: who loses the right to publish into a room loses the stream, and nobody else does.
func TestSeatRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.put(1, store.Room{ID: "demo", Status: rooms.Open})
		host, guest := s.publish(t, cam, "host"), s.publish(t, live.Key{App: "1", Room: "demo", Stream: "seat"}, "guest")
		s.put(1, store.Room{ID: "demo", Owner: "host", Status: rooms.Open})
		s.bridge.PublishLost(1, "demo", "guest")
		synctest.Wait()
		if host.Err() != nil || live.Reason(guest.Err()) != "may_not_publish" {
			t.Errorf("the host: %v; the guest: %v", host.Err(), guest.Err())
		}
	})
}

// deleted is an app that is no more.
const deleted = 3

func TestAppDeletedEndsItsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		// One that was let in just before ends with its first media.
		if late := s.publish(t, live.Key{App: "3", Room: "demo", Stream: "cam"}, "host"); live.Reason(late.Err()) != "app_deleted" {
			t.Errorf("a late one: %v", late.Err())
		}
		own, other := s.publish(t, cam, "host"), s.publish(t, live.Key{App: "2", Room: "demo", Stream: "cam"}, "host")
		s.bridge.AppDeleted(2)
		synctest.Wait()
		if own.Err() != nil || live.Reason(other.Err()) != "app_deleted" {
			t.Errorf("the one: %v; the other: %v", own.Err(), other.Err())
		}
	})
}

// TestMediaTime: messages go with the owner's stream, or else with the oldest, at its newest frame.
func TestMediaTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.put(1, store.Room{ID: "demo", Owner: "host", Status: rooms.Open})
		if at := s.bridge.MediaTime(1, "demo"); at != 0 {
			t.Errorf("nothing is live, and it is %d", at)
		}
		wall := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
		guest := s.publish(t, live.Key{App: "1", Room: "demo", Stream: "a"}, "root")
		if at := s.bridge.MediaTime(1, "demo"); at != 0 {
			t.Errorf("nothing has come, and it is %d", at)
		}
		sound(t, guest, time.Second, wall)
		if at := s.bridge.MediaTime(1, "demo"); at != wall.UnixMilli() {
			t.Errorf("the guest's: %d, want %d", at, wall.UnixMilli())
		}
		time.Sleep(time.Second)
		host := s.publish(t, cam, "host")
		sound(t, host, time.Second, wall.Add(time.Minute))
		sound(t, host, 1020*time.Millisecond, wall.Add(time.Minute+20*time.Millisecond))
		if at := s.bridge.MediaTime(1, "demo"); at != wall.Add(time.Minute+20*time.Millisecond).UnixMilli() {
			t.Errorf("the host's: %d", at)
		}
		if n := testing.AllocsPerRun(100, func() { s.bridge.MediaTime(1, "demo") }); n != 0 {
			t.Errorf("%v allocations a message", n)
		}
		host.End(errTest)
		synctest.Wait()
		if at := s.bridge.MediaTime(1, "demo"); at != wall.UnixMilli() {
			t.Errorf("the guest's again: %d", at)
		}
		if on := s.bridge.OnAir(1, "demo"); len(on) != 1 || on[0].Stream != "a" || on[0].User != "root" || on[0].State != "live" {
			t.Errorf("on air: %+v", on)
		}
	})
}

// hush is a Teller that says nothing.
type hush struct{ tips int }

func (h *hush) Tip(int, string, im.Tip)                   { h.tips++ }
func (h *hush) TipTo(int, string, []string, im.Tip)       {}
func (h *hush) Came(int, string, []string)                {}
func (h *hush) PutOut(int, string, []string, im.NoticeOp) {}
func (h *hush) Gone(int, string)                          {}

func TestTitle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, next := newStage(t), &hush{}
		tell, name, text := s.bridge.Titles(next), "Night", "x"
		tell.Tip(1, "demo", im.Tip{Op: im.TipProfile, Changed: &im.RoomChange{Name: &name}})
		tell.Tip(1, "demo", im.Tip{Op: im.TipProfile, Changed: &im.RoomChange{Notification: &text}})
		tell.Tip(1, "demo", im.Tip{Op: im.TipJoin})
		synctest.Wait()
		said, _ := s.take()
		expect(t, "said", said, "1/demo room.title   Night ")
		if next.tips != 3 {
			t.Errorf("%d tips were handed on", next.tips)
		}
	})
}

// TestChangesAreBounded: who tells a bridge that does not run never waits, and what is too much is counted.
func TestChangesAreBounded(t *testing.T) {
	b := NewBridge(nil, nil)
	for range maxChanges + 1 {
		b.StreamChanged(cam, live.StateWaiting, live.StateLive, nil)
	}
	if len(b.changes) != maxChanges {
		t.Errorf("%d wait", len(b.changes))
	}
	b.StreamChanged(cam, live.StateWaiting, live.StateEnded, errors.New("nobody has seen it"))
}
