package store

import (
	"context"
	"time"
)

// Relay is a push to another server, or a pull from one, that was made at run time.
type Relay struct {
	Way     string // push or pull
	ID      string // unique among those of its way
	App     int
	Created time.Time
	// Facts are what it says, as its door writes them: JSON. They may hold secrets.
	Facts []byte
}

// CreateRelay adds a relay, or returns ErrExists.
func (s *Store) CreateRelay(ctx context.Context, r Relay) error {
	return s.write(ctx, "create a relay", func(a access) error {
		_, err := a.exec("INSERT INTO relays (way, id, app, created, facts) VALUES ($1, $2, $3, $4, $5)",
			r.Way, r.ID, r.App, millis(r.Created), append([]byte{}, r.Facts...)) // nil would be NULL
		return err
	})
}

// Relays are those of a way, by their ids.
func (s *Store) Relays(ctx context.Context, way string) (relays []Relay, err error) {
	err = s.read(ctx, "read the relays", func(a access) error {
		relays, err = list(a, scanRelay, "SELECT way, id, app, created, facts FROM relays WHERE way = $1 ORDER BY id", way)
		return err
	})
	return relays, err
}

// DeleteRelay deletes a relay, or returns ErrNotFound.
func (s *Store) DeleteRelay(ctx context.Context, way, id string) error {
	return s.write(ctx, "delete a relay", func(a access) error {
		n, err := a.exec("DELETE FROM relays WHERE way = $1 AND id = $2", way, id)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

func scanRelay(scan scanner) (Relay, error) {
	var r Relay
	var created int64
	err := scan(&r.Way, &r.ID, &r.App, &created, &r.Facts)
	r.Created = fromMillis(created)
	return r, err
}
