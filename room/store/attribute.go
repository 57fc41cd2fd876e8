package store

import (
	"context"
	"maps"
	"slices"
)

// SetAttributes sets attributes of a room and deletes others; with replace all that are not set are deleted.
func (s *Store) SetAttributes(ctx context.Context, app int, room string, set map[string]string, del []string, replace bool) error {
	return s.write(ctx, "set attributes", func(a access) error {
		if replace {
			if _, err := a.exec("DELETE FROM attributes WHERE app = $1 AND room = $2", app, room); err != nil {
				return err
			}
		}
		if err := deleteOf(a, "attributes", "name", app, room, del); err != nil {
			return err
		}
		var rows [][]any
		for _, name := range slices.Sorted(maps.Keys(set)) {
			rows = append(rows, []any{app, room, name, []byte(set[name])})
		}
		return a.insert("INSERT INTO attributes (app, room, name, value)",
			"ON CONFLICT (app, room, name) DO UPDATE SET value = excluded.value", rows)
	})
}

// Attributes are those of a room.
func (s *Store) Attributes(ctx context.Context, app int, room string) (map[string]string, error) {
	attributes := map[string]string{}
	err := s.read(ctx, "read attributes", func(a access) error {
		_, err := list(a, func(scan scanner) (none struct{}, err error) {
			var name string
			var value []byte
			err = scan(&name, &value)
			attributes[name] = string(value)
			return none, err
		}, "SELECT name, value FROM attributes WHERE app = $1 AND room = $2", app, room)
		return err
	})
	return attributes, err
}
