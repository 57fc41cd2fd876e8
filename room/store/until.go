package store

import (
	"context"
	"slices"
)

// Until is until when something holds for an account in a room: a mute or a ban.
type Until struct {
	Account string
	Until   int64 // Unix seconds; math.MaxUint32: for good
}

// SetMutes mutes accounts in a room until a time in Unix seconds; 0 ends their mutes.
func (s *Store) SetMutes(ctx context.Context, app int, room string, accounts []string, until int64) error {
	return s.write(ctx, "mute", func(a access) error { return setUntil(a, "mutes", app, room, accounts, until) })
}

// Mutes are a room's mutes that are not over, by account.
func (s *Store) Mutes(ctx context.Context, app int, room string) (mutes []Until, err error) {
	err = s.read(ctx, "read mutes", func(a access) error {
		mutes, err = s.untils(a, "mutes", app, room)
		return err
	})
	return mutes, err
}

// SetBans bans accounts from a room until a time in Unix seconds; 0 ends their bans.
func (s *Store) SetBans(ctx context.Context, app int, room string, accounts []string, until int64) error {
	return s.write(ctx, "ban", func(a access) error { return setUntil(a, "bans", app, room, accounts, until) })
}

// Bans are a room's bans that are not over, by account.
func (s *Store) Bans(ctx context.Context, app int, room string) (bans []Until, err error) {
	err = s.read(ctx, "read bans", func(a access) error {
		bans, err = s.untils(a, "bans", app, room)
		return err
	})
	return bans, err
}

func setUntil(a access, table string, app int, room string, accounts []string, until int64) error {
	accounts = slices.Compact(slices.Sorted(slices.Values(accounts)))
	if until == 0 {
		return deleteOf(a, table, "account", app, room, accounts)
	}
	rows := make([][]any, len(accounts))
	for i, account := range accounts {
		rows[i] = []any{app, room, account, until}
	}
	return a.insert("INSERT INTO "+table+" (app, room, account, ends)",
		"ON CONFLICT (app, room, account) DO UPDATE SET ends = excluded.ends", rows)
}

func (s *Store) untils(a access, table string, app int, room string) ([]Until, error) {
	return list(a, func(scan scanner) (u Until, err error) {
		err = scan(&u.Account, &u.Until)
		return u, err
	}, "SELECT account, ends FROM "+table+" WHERE app = $1 AND room = $2 AND ends > $3 ORDER BY account", app, room, s.opts.Now().Unix())
}
