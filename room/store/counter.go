package store

import (
	"context"
	"maps"
	"slices"
)

// AddCounters adds to counters of a room, which begin at 0, and returns the new values of those.
func (s *Store) AddCounters(ctx context.Context, app int, room string, add map[string]int64) (map[string]int64, error) {
	values := make(map[string]int64, len(add))
	err := s.write(ctx, "count", func(a access) error {
		for _, name := range slices.Sorted(maps.Keys(add)) {
			value, err := one(a, single[int64], `INSERT INTO counters (app, room, name, value) VALUES ($1, $2, $3, $4)
				ON CONFLICT (app, room, name) DO UPDATE SET value = counters.value + excluded.value RETURNING value`,
				app, room, name, add[name])
			if err != nil {
				return err
			}
			values[name] = value
		}
		return nil
	})
	return values, err
}

// SetCounters sets counters of a room.
func (s *Store) SetCounters(ctx context.Context, app int, room string, set map[string]int64) error {
	return s.write(ctx, "set counters", func(a access) error {
		var rows [][]any
		for _, name := range slices.Sorted(maps.Keys(set)) {
			rows = append(rows, []any{app, room, name, set[name]})
		}
		return a.insert("INSERT INTO counters (app, room, name, value)",
			"ON CONFLICT (app, room, name) DO UPDATE SET value = excluded.value", rows)
	})
}

// Counters are those of a room.
func (s *Store) Counters(ctx context.Context, app int, room string) (map[string]int64, error) {
	counters := map[string]int64{}
	err := s.read(ctx, "read counters", func(a access) error {
		_, err := list(a, func(scan scanner) (none struct{}, err error) {
			var name string
			var value int64
			err = scan(&name, &value)
			counters[name] = value
			return none, err
		}, "SELECT name, value FROM counters WHERE app = $1 AND room = $2", app, room)
		return err
	})
	return counters, err
}
