package store

import (
	"context"
	"maps"
)

// ModifyCounters changes what change changes of a room's counters, in one transaction, and returns them as they are then.
// An error of change leaves them as they were. change must not call the store, and may run twice.
func (s *Store) ModifyCounters(ctx context.Context, app int, room string, change func(map[string]int64) error) (counters map[string]int64, err error) {
	err = s.write(ctx, "count", func(a access) error {
		before, err := readCounters(a, app, room)
		if err != nil {
			return err
		}
		counters = maps.Clone(before)
		if err := change(counters); err != nil {
			return err
		}
		gone, set := changes(before, counters)
		if err := deleteOf(a, "counters", "name", app, room, gone); err != nil {
			return err
		}
		rows := make([][]any, len(set))
		for i, name := range set {
			rows[i] = []any{app, room, name, counters[name]}
		}
		return a.insert("INSERT INTO counters (app, room, name, value)",
			"ON CONFLICT (app, room, name) DO UPDATE SET value = excluded.value", rows)
	})
	return counters, err
}

// Counters are those of a room.
func (s *Store) Counters(ctx context.Context, app int, room string) (counters map[string]int64, err error) {
	err = s.read(ctx, "read counters", func(a access) error {
		counters, err = readCounters(a, app, room)
		return err
	})
	return counters, err
}

func readCounters(a access, app int, room string) (map[string]int64, error) {
	counters := map[string]int64{}
	_, err := list(a, func(scan scanner) (none struct{}, err error) {
		var name string
		var value int64
		err = scan(&name, &value)
		counters[name] = value
		return none, err
	}, "SELECT name, value FROM counters WHERE app = $1 AND room = $2", app, room)
	return counters, err
}
