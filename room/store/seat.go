package store

import (
	"context"
	"slices"
	"time"
)

// Seat is an account's place among those who may publish into a room beside its owner.
type Seat struct {
	Account string
	State   string // requested, invited or seated
	By      string // who brought it into this state
	Since   time.Time
}

// ModifySeats puts what change gives in the place of a room's seats, in one transaction. An error of change leaves them
// as they were. change gets a slice of its own; it must not call the store, and may run twice.
func (s *Store) ModifySeats(ctx context.Context, app int, room string, change func([]Seat) ([]Seat, error)) error {
	return s.write(ctx, "modify seats", func(a access) error {
		before, err := readSeats(a, app, room)
		if err != nil {
			return err
		}
		after, err := change(slices.Clone(before))
		if err != nil {
			return err
		}
		return putSeats(a, app, room, before, after)
	})
}

// putSeats writes the difference.
func putSeats(a access, app int, room string, before, after []Seat) error {
	var gone []string
	for _, seat := range before {
		if !slices.ContainsFunc(after, func(s Seat) bool { return s.Account == seat.Account }) {
			gone = append(gone, seat.Account)
		}
	}
	if err := deleteOf(a, "seats", "account", app, room, gone); err != nil {
		return err
	}
	var rows [][]any
	for _, seat := range after {
		if !slices.Contains(before, seat) {
			rows = append(rows, []any{app, room, seat.Account, seat.State, seat.By, millis(seat.Since)})
		}
	}
	return a.insert("INSERT INTO seats (app, room, account, state, given_by, since)",
		"ON CONFLICT (app, room, account) DO UPDATE SET state = excluded.state, given_by = excluded.given_by, since = excluded.since", rows)
}

// Seats are those of a room, the oldest first.
func (s *Store) Seats(ctx context.Context, app int, room string) (seats []Seat, err error) {
	err = s.read(ctx, "read seats", func(a access) error {
		seats, err = readSeats(a, app, room)
		return err
	})
	return seats, err
}

func readSeats(a access, app int, room string) ([]Seat, error) {
	return list(a, scanSeat, "SELECT account, state, given_by, since FROM seats WHERE app = $1 AND room = $2 ORDER BY since, account", app, room)
}

func scanSeat(scan scanner) (seat Seat, err error) {
	var since int64
	err = scan(&seat.Account, &seat.State, &seat.By, &since)
	seat.Since = fromMillis(since)
	return seat, err
}
