package room

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/room/audience"
	"weir/room/live"
)

// queue is how many events a subscriber may leave untaken: those of a second in which every stream of a large room
// begins and gets its viewers.
const queue = 4096

// Events tells subscribers what happens in rooms. Nobody who has something to tell ever waits for them.
type Events struct {
	most int
	now  func() time.Time

	lagged prometheus.Counter
	closed *prometheus.CounterVec // by reason
	count  *prometheus.Desc

	mu      sync.Mutex // guards the fields below; nothing is called while it is held
	rooms   map[name]map[*Subscription]struct{}
	total   int
	stopped bool
}

// name is a room of an app.
type name struct{ app, room string }

// NewEvents returns an Events that takes so many subscribers at most. It starts nothing; see Run.
func NewEvents(most int) *Events {
	return &Events{
		most: most, now: time.Now, rooms: make(map[name]map[*Subscription]struct{}),
		lagged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_event_subscribers_lagged_total", Help: "Subscribers to room events that did not take them in time.",
		}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_event_subscribers_closed_total", Help: "Subscriptions to room events that are over.",
		}, []string{"reason"}),
		count: prometheus.NewDesc("weir_event_subscribers", "Subscribers to room events.", nil, nil),
	}
}

// Run waits until ctx is done and then lets all subscribers go.
func (e *Events) Run(ctx context.Context) error {
	<-ctx.Done()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = true
	for _, of := range e.rooms {
		for s := range of {
			e.endLocked(s, ErrStopping)
		}
	}
	return nil
}

// AppDeleted lets the subscribers of an app go: there is nothing left to tell of it.
func (e *Events) AppDeleted(app string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for at, of := range e.rooms {
		if at.app != app {
			continue
		}
		for s := range of {
			e.endLocked(s, errAppDeleted)
		}
	}
}

// StreamChanged tells of a stream's state. It is for live.Options.Changed.
func (e *Events) StreamChanged(k live.Key, from, to live.State, reason error) {
	t, ok := stateEvents[to]
	if !ok || to == live.StateEnded && from == live.StateWaiting { // nobody has seen it
		return
	}
	ev := &Event{Type: t, Stream: k, At: e.now()}
	if reason != nil {
		ev.Reason = live.Reason(reason)
	}
	e.tell(ev)
}

// ViewersChanged tells how many watch. It is for audience.Options.Changed.
func (e *Events) ViewersChanged(k live.Key, c audience.Count) {
	e.tell(&Event{Type: StreamViewers, Stream: k, At: e.now(), Viewers: c})
}

func (e *Events) tell(ev *Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.rooms[name{ev.Stream.App, ev.Stream.Room}] {
		switch {
		case s.stream != "" && s.stream != ev.Stream.Stream:
		case len(s.waiting) >= queue:
			e.lagged.Inc()
			e.endLocked(s, ErrLagged)
		default:
			s.waiting = append(s.waiting, ev)
			s.wakeUp()
		}
	}
}

// Subscribe begins to listen to a room, or, if it is named, to one stream of it alone. What there was before has to be
// looked up after that, so that nothing is missed. The subscription must be closed.
//
// Errors: ErrFull, ErrStopping.
func (e *Events) Subscribe(app, room, stream string) (*Subscription, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return nil, ErrStopping
	}
	if e.total >= e.most {
		return nil, ErrFull
	}
	s := &Subscription{of: e, room: name{app, room}, stream: stream, wake: make(chan struct{}, 1)}
	if e.rooms[s.room] == nil {
		e.rooms[s.room] = make(map[*Subscription]struct{})
	}
	e.rooms[s.room][s] = struct{}{}
	e.total++
	return s, nil
}

// endLocked lets a subscriber go for a reason.
func (e *Events) endLocked(s *Subscription, reason error) {
	of := e.rooms[s.room]
	if _, ok := of[s]; !ok {
		return
	}
	delete(of, s)
	if len(of) == 0 {
		delete(e.rooms, s.room)
	}
	e.total--
	e.closed.WithLabelValues(live.Reason(reason)).Inc()
	s.reason = reason
	if errors.Is(reason, ErrLagged) {
		s.waiting = nil
	}
	s.wakeUp()
}

// Describe implements prometheus.Collector.
func (e *Events) Describe(ch chan<- *prometheus.Desc) {
	e.lagged.Describe(ch)
	e.closed.Describe(ch)
	ch <- e.count
}

// Collect implements prometheus.Collector.
func (e *Events) Collect(ch chan<- prometheus.Metric) {
	e.lagged.Collect(ch)
	e.closed.Collect(ch)
	e.mu.Lock()
	n := e.total
	e.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(e.count, prometheus.GaugeValue, float64(n))
}

// Subscription is a place in a room's audience of events. It is for one goroutine.
type Subscription struct {
	of     *Events
	room   name
	stream string        // the one that it is about; empty: all
	wake   chan struct{} // capacity 1: there is something to take, or it is over

	waiting []*Event // guarded by Events.mu
	reason  error    // guarded by Events.mu: why it is over; nil before
}

func (s *Subscription) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Next waits for the next event.
//
// Errors: ErrLagged, ErrStopping, what live.Reason knows of a deleted app, the context's.
func (s *Subscription) Next(ctx context.Context) (*Event, error) {
	for {
		if ev, err := s.take(); ev != nil || err != nil {
			return ev, err
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// take is the first of the events that wait, or why there will be no more. Both are nil when there is none yet.
func (s *Subscription) take() (*Event, error) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if len(s.waiting) == 0 {
		return nil, s.reason
	}
	ev := s.waiting[0]
	s.waiting[0] = nil
	if s.waiting = s.waiting[1:]; len(s.waiting) == 0 {
		s.waiting = nil
	}
	return ev, nil
}

// Close ends the subscription. It may be called more than once.
func (s *Subscription) Close() { s.End(errUnsubscribed) }

// End is Close for a reason, under which it is counted. The first one counts.
func (s *Subscription) End(reason error) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.endLocked(s, reason)
}
