package store

import (
	"context"
	"maps"
	"time"
)

// Account is somebody who is known to an app.
type Account struct {
	ID      string
	Created time.Time
	// Profile are its items by tag: Tag_Profile_IM_Nick and the others. Values are texts, or numbers in decimal for
	// those tags that are numbers.
	Profile map[string]string
	// NoC2C and NoRoom are until when it may not write to accounts and into rooms, in Unix seconds; math.MaxUint32:
	// for good.
	NoC2C, NoRoom int64
}

// PutAccount adds an account, or sets items of the profile of one that is there.
func (s *Store) PutAccount(ctx context.Context, app int, id string, profile map[string]string) (created bool, err error) {
	err = s.write(ctx, "keep an account", func(a access) error {
		have, err := list(a, scanAccount, selectAccounts+" AND id = $2", app, id)
		if err != nil {
			return err
		}
		if created = len(have) == 0; created {
			return insertAccount(a, app, id, profile, s.opts.Now())
		}
		merged := maps.Clone(have[0].Profile)
		if merged == nil {
			merged = map[string]string{}
		}
		maps.Copy(merged, profile)
		if maps.Equal(merged, have[0].Profile) {
			return nil
		}
		text, err := pack(merged)
		if err != nil {
			return err
		}
		_, err = a.exec("UPDATE accounts SET profile = $3 WHERE app = $1 AND id = $2", app, id, text)
		return err
	})
	return created, err
}

func insertAccount(a access, app int, id string, profile map[string]string, now time.Time) error {
	text, err := pack(profile)
	if err != nil {
		return err
	}
	_, err = a.exec("INSERT INTO accounts (app, id, created, no_c2c, no_room, seq, profile) VALUES ($1, $2, $3, 0, 0, 0, $4)",
		app, id, millis(now), text)
	return err
}

// Account is the account with an id, or ErrNotFound.
func (s *Store) Account(ctx context.Context, app int, id string) (account Account, err error) {
	err = s.read(ctx, "read an account", func(a access) error {
		account, err = one(a, scanAccount, selectAccounts+" AND id = $2", app, id)
		return err
	})
	return account, err
}

// Accounts are those of the ids that there are, by id.
func (s *Store) Accounts(ctx context.Context, app int, ids []string) (map[string]Account, error) {
	found := make(map[string]Account, len(ids))
	err := s.read(ctx, "read accounts", func(a access) error {
		return inParts(ids, func(ids []string) error {
			some, err := list(a, scanAccount, selectAccounts+" AND id IN "+places(2, len(ids)), append([]any{app}, anys(ids)...)...)
			for _, account := range some {
				found[account.ID] = account
			}
			return err
		})
	})
	return found, err
}

// ofAccount are the tables that name an account without belonging to it.
var ofAccount = []string{"members", "mutes", "bans", "seats"}

// DeleteAccount deletes an account with the messages that are kept for it, its memberships, mutes, bans and seats. Rooms
// that it owns have no owner then.
func (s *Store) DeleteAccount(ctx context.Context, app int, id string) error {
	return s.write(ctx, "delete an account", func(a access) error {
		if n, err := a.exec("DELETE FROM accounts WHERE app = $1 AND id = $2", app, id); err != nil || n == 0 {
			return orNotFound(err)
		}
		for _, table := range ofAccount {
			if _, err := a.exec("DELETE FROM "+table+" WHERE app = $1 AND account = $2", app, id); err != nil {
				return err
			}
		}
		_, err := a.exec("UPDATE rooms SET owner = '' WHERE app = $1 AND owner = $2", app, id)
		return err
	})
}

// SetSilence sets until when an account may not write to accounts and into rooms, in Unix seconds; nil leaves it as it is.
func (s *Store) SetSilence(ctx context.Context, app int, id string, noC2C, noRoom *int64) error {
	return s.write(ctx, "silence an account", func(a access) error {
		n, err := a.exec("UPDATE accounts SET no_c2c = COALESCE($3, no_c2c), no_room = COALESCE($4, no_room) WHERE app = $1 AND id = $2",
			app, id, noC2C, noRoom)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

const selectAccounts = "SELECT id, created, no_c2c, no_room, profile FROM accounts WHERE app = $1"

func scanAccount(scan scanner) (Account, error) {
	var account Account
	var created int64
	var text []byte
	if err := scan(&account.ID, &created, &account.NoC2C, &account.NoRoom, &text); err != nil {
		return account, err
	}
	account.Created = fromMillis(created)
	return account, unpack(text, &account.Profile)
}
