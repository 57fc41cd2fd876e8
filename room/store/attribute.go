package store

import (
	"context"
	"maps"
	"slices"
)

// Attributes are those of a room.
type Attributes struct {
	Values map[string]string
	Seq    uint64 // grows with each change
}

// ModifyAttributes changes what change changes of a room's attributes, in one transaction, and returns them as they are
// then, with another Seq. An error of change leaves them as they were. change must not call the store, and may run twice.
func (s *Store) ModifyAttributes(ctx context.Context, app int, room string, change func(*Attributes) error) (attributes Attributes, err error) {
	err = s.write(ctx, "modify attributes", func(a access) error {
		if attributes, err = readAttributes(a, app, room); err != nil {
			return err
		}
		before, seq := maps.Clone(attributes.Values), attributes.Seq
		if err := change(&attributes); err != nil {
			return err
		}
		attributes.Seq = seq + 1
		if _, err := a.exec("UPDATE rooms SET attr_seq = $3 WHERE app = $1 AND id = $2", app, room, attributes.Seq); err != nil {
			return err
		}
		gone, set := changes(before, attributes.Values)
		if err := deleteOf(a, "attributes", "name", app, room, gone); err != nil {
			return err
		}
		rows := make([][]any, len(set))
		for i, name := range set {
			rows[i] = []any{app, room, name, []byte(attributes.Values[name])}
		}
		return a.insert("INSERT INTO attributes (app, room, name, value)",
			"ON CONFLICT (app, room, name) DO UPDATE SET value = excluded.value", rows)
	})
	return attributes, err
}

// changes are the names that are not there any more, and those with another value.
func changes[V comparable](before, after map[string]V) (gone, set []string) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[name]; !ok {
			gone = append(gone, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if old, ok := before[name]; !ok || old != after[name] {
			set = append(set, name)
		}
	}
	return gone, set
}

// Attributes are those of a room, or ErrNotFound where there is no room.
func (s *Store) Attributes(ctx context.Context, app int, room string) (attributes Attributes, err error) {
	err = s.read(ctx, "read attributes", func(a access) error {
		attributes, err = readAttributes(a, app, room)
		return err
	})
	return attributes, err
}

func readAttributes(a access, app int, room string) (Attributes, error) {
	attributes := Attributes{Values: map[string]string{}}
	var err error
	if attributes.Seq, err = one(a, single[uint64], "SELECT attr_seq FROM rooms WHERE app = $1 AND id = $2", app, room); err != nil {
		return attributes, err
	}
	_, err = list(a, func(scan scanner) (none struct{}, err error) {
		var name string
		var value []byte
		err = scan(&name, &value)
		attributes.Values[name] = string(value)
		return none, err
	}, "SELECT name, value FROM attributes WHERE app = $1 AND room = $2", app, room)
	return attributes, err
}
