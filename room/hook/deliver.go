package hook

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"weir/room/im"
	"weir/room/store"
)

const (
	// poll is how often the queue is looked at without a cause: for what is tried again, and what other processes told.
	poll = time.Second
	// maxCouriers is how many receivers are served at once.
	maxCouriers = 256
	// batch is how much a courier takes at once, and hands how many of them it delivers at the same time.
	batch, hands = 64, 8
	// minRetry is how long after a first failure it is tried again; it doubles up to maxRetry.
	minRetry, maxRetry = time.Second, 5 * time.Minute
	// minTries is how often it is tried at least: a receiver that refuses an event for good (4xx) is not believed sooner,
	// and an event that is too old, since it is replayed or the receiver was down, has a fair chance.
	minTries = 5
	// maxFault bounds what is noted of a failure, in bytes.
	maxFault = 200
)

// errGone means that nobody is to get it any more, errForgotten that the app that it belongs to was deleted: of that
// nothing is kept.
var (
	errGone      = errors.New("there is no such receiver any more")
	errForgotten = errors.New("there is no such app any more")
)

// couriers deliver what is due, one for each receiver, so that one who is down holds up nobody else.
type couriers struct {
	mu   sync.Mutex // guards the fields below
	out  map[string]struct{}
	ways map[string]*breaker // of those who are down
	all  sync.WaitGroup
}

// deliver sends couriers until ctx is done, and waits for them.
func (h *Hooks) deliver(ctx context.Context) {
	defer h.couriers.all.Wait()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if h.opts.Mine() {
			h.dispatch(ctx)
		}
		select {
		case <-h.due:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// dispatch sends a courier to everybody for whom something is due and who is not down.
func (h *Hooks) dispatch(ctx context.Context) {
	list, err := h.opts.Queue.Receivers(ctx, h.now())
	if err != nil {
		if ctx.Err() == nil && h.unread.enter(h.now()) {
			h.log.Error("callbacks queue unread", "error", err)
		}
		return
	}
	c := &h.couriers
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, receiver := range list {
		if _, busy := c.out[receiver]; busy {
			continue
		}
		if len(c.out) >= maxCouriers {
			return
		}
		way := c.ways[receiver]
		if way != nil && way.wait(h.now()) > 0 {
			continue
		}
		if way == nil {
			way = new(breaker)
			c.ways[receiver] = way
		}
		c.out[receiver] = struct{}{}
		c.all.Go(func() { h.serve(ctx, receiver, way) })
	}
}

// serve delivers to one receiver until nothing is due for it, or until it is down.
func (h *Hooks) serve(ctx context.Context, receiver string, way *breaker) {
	delivered := false
	defer func() {
		c := &h.couriers
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.out, receiver)
		if way.fresh() {
			delete(c.ways, receiver)
		}
		if delivered {
			poke(h.due) // something may have come since it was looked
		}
	}()
	for ctx.Err() == nil && way.wait(h.now()) == 0 {
		list, err := h.opts.Queue.DueFor(ctx, receiver, h.now(), batch)
		if err != nil || len(list) == 0 {
			if err != nil && ctx.Err() == nil && h.unread.enter(h.now()) {
				h.log.Error("callbacks queue unread", "error", err)
			}
			return
		}
		if !h.round(ctx, way, list) {
			return
		}
		delivered = true
	}
}

// round delivers what is due: what has one key one after the other, the others at the same time. It tells whether the
// queue knows of what was done.
func (h *Hooks) round(ctx context.Context, way *breaker, list []store.Delivery) bool {
	var (
		mu   sync.Mutex
		done []int64
		bad  error
		all  sync.WaitGroup
	)
	room := make(chan struct{}, hands)
	for _, same := range byKey(list) {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			ids, err := h.inOrder(ctx, way, same)
			mu.Lock()
			defer mu.Unlock()
			done = append(done, ids...)
			bad = errors.Join(bad, err)
		})
	}
	all.Wait()
	if len(done) > 0 {
		// What was delivered is delivered, even when the server stops.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushLast)
		defer cancel()
		bad = errors.Join(bad, h.opts.Queue.Delivered(last, done))
	}
	if bad != nil && ctx.Err() == nil && h.unread.enter(h.now()) {
		h.log.Error("callbacks queue not kept", "error", bad)
	}
	return bad == nil
}

// byKey sorts deliveries into those of one key each, which stay in their order.
func byKey(list []store.Delivery) [][]store.Delivery {
	at := make(map[string]int)
	var groups [][]store.Delivery
	for _, d := range list {
		i, ok := at[d.Key]
		if !ok {
			i = len(groups)
			at[d.Key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], d)
	}
	return groups
}

// inOrder delivers what has one key, up to the first that has to be tried again. It returns what was delivered; an error
// is the queue's.
func (h *Hooks) inOrder(ctx context.Context, way *breaker, list []store.Delivery) (done []int64, err error) {
	for _, d := range list {
		probe, ok := way.enter(h.now())
		if !ok {
			return done, nil
		}
		start := h.now()
		fault := h.send(ctx, d)
		if errors.Is(fault, errForgotten) {
			way.skip(probe)
			done = append(done, d.ID)
			continue
		}
		if fault != nil && over(ctx) { // nobody knows what became of it: it is sent again after the restart
			way.skip(probe)
			return done, nil
		}
		h.stats.sent(fault, h.now().Sub(start))
		h.turned(way.leave(h.now(), probe, isDown(fault)), d)
		if fault == nil {
			done = append(done, d.ID)
			continue
		}
		if again, err := h.failed(ctx, d, fault); again || err != nil {
			return done, err
		}
	}
	return done, nil
}

// over tells whether the server stops.
func over(ctx context.Context) bool { return ctx.Err() != nil }

func (h *Hooks) turned(t turn, d store.Delivery) {
	switch t {
	case pausing:
		h.log.Warn("callbacks receiver down, trying less", "receiver", Masked(d.URL))
	case resumed:
		h.log.Info("callbacks receiver back", "receiver", Masked(d.URL))
	case steady:
	}
}

// isDown tells whether a failure is of the receiver as a whole, and not of one event.
func isDown(err error) bool {
	var f *failure
	if !errors.As(err, &f) {
		return false
	}
	switch f.reason {
	case reasonTimeout, reasonConnect, reasonAddress:
		return true
	case reasonStatus:
		return !isRefusal(f.status)
	default:
		return false
	}
}

// isRefusal tells whether an HTTP status says that another try is for nothing. It is not believed at once: an address
// that is not there yet answers 404.
func isRefusal(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	default:
		return status/100 == 4
	}
}

// failed notes a try that failed, and tells whether the event is tried again.
func (h *Hooks) failed(ctx context.Context, d store.Delivery, cause error) (again bool, err error) {
	fault := cut(cause.Error())
	fault = fault[:min(len(fault), maxFault)]
	now := h.now()
	var f *failure
	refused := errors.As(cause, &f) && f.reason == reasonStatus && isRefusal(f.status)
	old := now.Sub(d.Created) >= h.opts.MaxAge
	if errors.Is(cause, errGone) || d.Tries+1 >= minTries && (refused || old) {
		h.stats.buried.Inc()
		if h.buried.enter(now) {
			h.log.Warn("callback given up", "id", d.ID, "kind", d.Kind, "receiver", Masked(d.URL), "tries", d.Tries+1, "fault", fault)
		}
		return false, h.opts.Queue.Bury(ctx, d.ID, fault)
	}
	return true, h.opts.Queue.Retry(ctx, d.ID, now.Add(backoff(d.Tries)), fault)
}

// backoff is how long after so many tries and one more the next comes: twice as long each time, and by up to a half
// sooner, so that those that failed together do not come back together.
func backoff(tries int) time.Duration {
	d := maxRetry
	if tries < 16 {
		d = min(minRetry<<tries, maxRetry)
	}
	return d - rand.N(d/2)
}

// send does one try.
func (h *Hooks) send(ctx context.Context, d store.Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, h.opts.Timeout)
	defer cancel()
	var (
		status int
		err    error
	)
	if strings.HasPrefix(d.Receiver, "im:") {
		status, err = h.sendCall(ctx, d)
	} else {
		status, err = h.sendEvent(ctx, d)
	}
	if err == nil && status/100 != 2 {
		return &failure{reason: reasonStatus, status: status, err: errors.New(strconv.Itoa(status))}
	}
	return err
}

// sendCall sends a callback to where the app's receiver is now.
func (h *Hooks) sendCall(ctx context.Context, d store.Delivery) (status int, err error) {
	to := h.receivers.of(ctx, d.App)
	cmd, ok := commandOf(d.Kind)
	if to.deleted {
		return 0, errForgotten
	}
	if to.URL == "" || !ok {
		return 0, errGone
	}
	var actor im.Actor
	if u, err := url.Parse(d.URL); err == nil {
		actor.Addr, actor.Platform = u.Query().Get("ClientIP"), im.Platform(u.Query().Get("OptPlatform"))
	}
	address := callAddress(to.URL, to.Token, cmd, d.App, actor, h.now())
	status, _, err = to.client.post(ctx, address, d.Header, d.Body)
	return status, err
}

// sendEvent sends a stream event, signed as of now.
func (h *Hooks) sendEvent(ctx context.Context, d store.Delivery) (status int, err error) {
	i := slices.IndexFunc(h.opts.Streams, func(r StreamReceiver) bool { return r.name() == d.Receiver })
	if i < 0 {
		return 0, errGone
	}
	to := h.opts.Streams[i]
	header, body := to.Form.sign(h.opts.Key, d.Header, d.Body, h.now())
	status, _, err = h.trusted.post(ctx, to.URL, header, body)
	return status, err
}
