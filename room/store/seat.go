package store

import (
	"context"
	"time"
)

// Seat is an account's place among those who may publish into a room beside its owner.
type Seat struct {
	Account string
	State   string // requested, invited or seated
	By      string // who brought it into this state
	Since   time.Time
}

// PutSeat gives an account a seat, or changes the one that it has.
func (s *Store) PutSeat(ctx context.Context, app int, room string, seat Seat) error {
	return s.write(ctx, "keep a seat", func(a access) error {
		_, err := a.exec(`INSERT INTO seats (app, room, account, state, given_by, since) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (app, room, account) DO UPDATE SET state = excluded.state, given_by = excluded.given_by, since = excluded.since`,
			app, room, seat.Account, seat.State, seat.By, millis(seat.Since))
		return err
	})
}

// DeleteSeat takes an account's seat away, or returns ErrNotFound.
func (s *Store) DeleteSeat(ctx context.Context, app int, room, account string) error {
	return s.write(ctx, "delete a seat", func(a access) error {
		n, err := a.exec("DELETE FROM seats WHERE app = $1 AND room = $2 AND account = $3", app, room, account)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

// Seats are those of a room, the oldest first.
func (s *Store) Seats(ctx context.Context, app int, room string) (seats []Seat, err error) {
	err = s.read(ctx, "read seats", func(a access) error {
		seats, err = list(a, scanSeat, "SELECT account, state, given_by, since FROM seats WHERE app = $1 AND room = $2 ORDER BY since, account", app, room)
		return err
	})
	return seats, err
}

func scanSeat(scan scanner) (seat Seat, err error) {
	var since int64
	err = scan(&seat.Account, &seat.State, &seat.By, &since)
	seat.Since = fromMillis(since)
	return seat, err
}
