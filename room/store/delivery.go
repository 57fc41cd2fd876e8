package store

import (
	"context"
	"fmt"
	"time"
)

// Delivery is something to be told to another program: a line of the queue of callbacks.
//
// Those of one Key go one after the other, by ID: nothing of a key is due while an earlier one of it waits for another
// try. What is buried holds up nothing.
type Delivery struct {
	ID int64 // given by the queue; it grows, and none is given twice
	// Receiver is who gets it. A receiver who is down must not hold up others, so that the queue is asked for what is due
	// one receiver at a time.
	Receiver string
	Key      string // within the receiver and the app: its room, stream or account
	App      int
	URL      string
	Header   map[string]string
	Body     []byte
	Kind     string // what it tells
	Tries    int    // so far
	// Next is when it is tried next, Created when it was told.
	Next, Created time.Time
	Fault         string // why the last try failed
}

// Backlog is what is in the queue of callbacks.
type Backlog struct {
	Waiting, Dead int
	Oldest        time.Time // when the oldest that waits was told; zero when nothing waits
}

// Enqueue queues deliveries behind those that are there, all or none, and returns when they are durable. ErrFull: more
// wait than may.
func (s *Store) Enqueue(ctx context.Context, deliveries []Delivery) error {
	n := int64(len(deliveries))
	if n == 0 {
		return nil
	}
	if s.stats.waiting.Add(n) > int64(s.opts.MaxQueue) {
		s.stats.waiting.Add(-n)
		s.stats.failed(ErrFull)
		return fmt.Errorf("cannot queue deliveries: %w", ErrFull)
	}
	err := s.write(ctx, "queue deliveries", func(a access) error { return enqueue(a, deliveries) })
	if err != nil {
		s.stats.waiting.Add(-n)
	}
	return err
}

func enqueue(a access, deliveries []Delivery) error {
	last, err := one(a, single[int64], "UPDATE numbers SET last = last + $1 WHERE name = 'delivery' RETURNING last", len(deliveries))
	if err != nil {
		return err
	}
	rows := make([][]any, len(deliveries))
	for i, d := range deliveries {
		header, err := pack(d.Header)
		if err != nil {
			return err
		}
		id := last - int64(len(deliveries)-i-1)
		rows[i] = []any{
			id, d.Receiver, d.App, d.Key, 0, d.Tries, millis(d.Next), millis(d.Created),
			d.Kind, []byte(d.URL), header, append([]byte{}, d.Body...), []byte(d.Fault), // nil would be NULL
		}
	}
	return a.insert("INSERT INTO deliveries (id, receiver, app, lane, dead, tries, next, created, kind, url, header, body, fault)", "", rows)
}

// Receivers are those for whom something waits whose own time has come, in order.
func (s *Store) Receivers(ctx context.Context, now time.Time) (receivers []string, err error) {
	err = s.read(ctx, "look for deliveries", func(a access) error {
		// From one receiver to the next by the index: a queue with a million deliveries has few of them.
		receivers, err = list(a, single[string], `WITH RECURSIVE who (receiver) AS (
			SELECT MIN(receiver) FROM deliveries WHERE dead = 0
			UNION ALL
			SELECT (SELECT MIN(d.receiver) FROM deliveries d WHERE d.dead = 0 AND d.receiver > who.receiver) FROM who WHERE who.receiver IS NOT NULL
		) SELECT receiver FROM who WHERE receiver IS NOT NULL AND EXISTS (
			SELECT 1 FROM deliveries d WHERE d.dead = 0 AND d.receiver = who.receiver AND d.next <= $1) ORDER BY receiver`, millis(now))
		return err
	})
	return receivers, err
}

// DueFor is what is due for a receiver, the oldest first. Of a key it has those that may go one after the other.
func (s *Store) DueFor(ctx context.Context, receiver string, now time.Time, limit int) (due []Delivery, err error) {
	err = s.read(ctx, "read deliveries", func(a access) error {
		due, err = list(a, scanDelivery, selectDeliveries+` WHERE dead = 0 AND receiver = $1 AND next <= $2 AND NOT EXISTS (
			SELECT 1 FROM deliveries b WHERE b.dead = 0 AND b.receiver = $1 AND b.app = deliveries.app AND b.lane = deliveries.lane
			AND b.next > $2 AND b.id < deliveries.id) ORDER BY id LIMIT $3`, receiver, millis(now), limit)
		return err
	})
	return due, err
}

// Delivered forgets deliveries that reached their receivers.
func (s *Store) Delivered(ctx context.Context, ids []int64) error {
	var gone int64
	err := s.write(ctx, "forget deliveries", func(a access) error {
		gone = 0
		return inParts(ids, func(ids []int64) error {
			n, err := a.exec("DELETE FROM deliveries WHERE dead = 0 AND id IN "+places(1, len(ids)), anys(ids)...)
			gone += n
			return err
		})
	})
	if err == nil {
		s.stats.waiting.Add(-gone)
	}
	return err
}

// Retry says that a try failed and when the next one is due. A delivery that is gone stays so.
func (s *Store) Retry(ctx context.Context, id int64, at time.Time, fault string) error {
	return s.write(ctx, "put a delivery off", func(a access) error {
		_, err := a.exec("UPDATE deliveries SET tries = tries + 1, next = $2, fault = $3 WHERE id = $1 AND dead = 0", id, millis(at), []byte(fault))
		return err
	})
}

// Bury gives a delivery up. It stays among the dead until Replay, or until there are too many. One that is gone stays so.
func (s *Store) Bury(ctx context.Context, id int64, fault string) error {
	var buried int64
	err := s.write(ctx, "give a delivery up", func(a access) (err error) {
		buried, err = a.exec("UPDATE deliveries SET tries = tries + 1, dead = 1, fault = $2 WHERE id = $1 AND dead = 0", id, []byte(fault))
		return err
	})
	if err == nil {
		s.stats.waiting.Add(-buried)
		s.stats.dead.Add(buried)
	}
	return err
}

// Dead are an app's deliveries that were given up, behind an id, in order.
func (s *Store) Dead(ctx context.Context, app, limit int, after int64) (dead []Delivery, err error) {
	err = s.read(ctx, "read deliveries that were given up", func(a access) error {
		dead, err = list(a, scanDelivery, selectDeliveries+" WHERE app = $1 AND dead = 1 AND id > $2 ORDER BY id LIMIT $3", app, after, limit)
		return err
	})
	return dead, err
}

// Replay queues an app's dead deliveries again, those of the ids or without any all of them, and tells how many they
// were. They are due at once.
func (s *Store) Replay(ctx context.Context, app int, ids []int64) (n int, err error) {
	const revive = "UPDATE deliveries SET dead = 0, tries = 0, next = 0 WHERE app = $1 AND dead = 1"
	var revived int64
	err = s.write(ctx, "replay deliveries", func(a access) (err error) {
		if revived = 0; len(ids) == 0 {
			revived, err = a.exec(revive, app)
			return err
		}
		return inParts(ids, func(ids []int64) error {
			n, err := a.exec(revive+" AND id IN "+places(2, len(ids)), append([]any{app}, anys(ids)...)...)
			revived += n
			return err
		})
	})
	if err == nil {
		s.stats.waiting.Add(revived)
		s.stats.dead.Add(-revived)
	}
	return int(revived), err
}

// Backlog counts what is in the queue.
func (s *Store) Backlog(ctx context.Context) (b Backlog, err error) {
	err = s.read(ctx, "count deliveries", func(a access) error {
		b, err = one(a, func(scan scanner) (b Backlog, err error) {
			var oldest int64
			err = scan(&b.Waiting, &oldest, &b.Dead)
			b.Oldest = fromMillis(oldest)
			return b, err
		}, `SELECT (SELECT COUNT(*) FROM deliveries WHERE dead = 0), (SELECT COALESCE(MIN(created), 0) FROM deliveries WHERE dead = 0),
			(SELECT COUNT(*) FROM deliveries WHERE dead = 1)`)
		return err
	})
	return b, err
}

const selectDeliveries = "SELECT id, receiver, lane, app, url, header, body, kind, tries, next, created, fault FROM deliveries"

func scanDelivery(scan scanner) (Delivery, error) {
	var d Delivery
	var header []byte
	var next, created int64
	if err := scan(&d.ID, &d.Receiver, &d.Key, &d.App, &d.URL, &header, &d.Body, &d.Kind, &d.Tries, &next, &created, &d.Fault); err != nil {
		return d, err
	}
	d.Next, d.Created = fromMillis(next), fromMillis(created)
	return d, unpack(header, &d.Header)
}
