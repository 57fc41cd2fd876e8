package store

import (
	"context"
	"time"
)

const (
	// cleanEvery is how often what is over is thrown away.
	cleanEvery = time.Minute
	// cleanAtOnce is how many rows one transaction deletes at most, so that nobody waits long.
	cleanAtOnce = 2000
)

// Run throws away what is over, until the context ends.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		if err := s.clean(ctx); err != nil && ctx.Err() == nil {
			s.opts.Log.Warn("cannot clean the store", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// clean deletes what is over, and counts what is left.
func (s *Store) clean(ctx context.Context) error {
	now := s.opts.Now()
	for _, table := range []struct {
		key, from string
		now       int64
	}{
		{"(app, account, seq)", "kept", millis(now)},
		{"(app, room, seq)", "history", millis(now)},
		{"(app, room, account)", "mutes", now.Unix()},
		{"(app, room, account)", "bans", now.Unix()},
	} {
		columns := table.key[1 : len(table.key)-1]
		query := "DELETE FROM " + table.from + " WHERE " + table.key + " IN (SELECT " + columns + " FROM " + table.from + " WHERE ends <= $1 LIMIT $2)"
		if err := s.deleteAll(ctx, query, table.now, cleanAtOnce); err != nil {
			return err
		}
	}
	// The newest MaxDead stay, over all apps.
	err := s.deleteAll(ctx, `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE dead = 1 AND id <= (
		SELECT id FROM deliveries WHERE dead = 1 ORDER BY id DESC LIMIT 1 OFFSET $1) LIMIT $2)`, s.opts.MaxDead, cleanAtOnce)
	if err != nil {
		return err
	}
	return s.count(ctx)
}

// deleteAll repeats a statement that deletes a part until nothing is left of it.
func (s *Store) deleteAll(ctx context.Context, query string, args ...any) error {
	for {
		var n int64
		err := s.write(ctx, "delete what is over", func(a access) (err error) {
			n, err = a.exec(query, args...)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// count learns how many rows wait for somebody.
func (s *Store) count(ctx context.Context) error {
	return s.read(ctx, "count rows", func(a access) error {
		var err error
		for query, to := range map[string]interface{ Store(int64) }{
			"SELECT COUNT(*) FROM kept":                      &s.stats.kept,
			"SELECT COUNT(*) FROM history":                   &s.stats.history,
			"SELECT COUNT(*) FROM deliveries WHERE dead = 1": &s.stats.dead,
		} {
			var n int64
			if n, err = one(a, single[int64], query); err != nil {
				return err
			}
			to.Store(n)
		}
		return s.countQueue(a)
	})
}

func (s *Store) countQueue(a access) error {
	n, err := one(a, single[int64], "SELECT COUNT(*) FROM deliveries WHERE dead = 0")
	if err == nil {
		s.stats.waiting.Store(n)
	}
	return err
}
