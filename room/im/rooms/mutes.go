package rooms

import (
	"context"
	"slices"
	"strings"

	"weir/room/im"
	"weir/room/store"
)

const (
	// maxBanned is how many accounts one request bans.
	maxBanned = 20
	// maxUntils is how many mutes, and how many bans, a room has.
	maxUntils = 10_000
)

// Mute keeps accounts, at most 100, from sending into a room for some seconds: 0 lets them again, Forever is for good.
// It holds whether they are in the room or not. Who stands above them in the room may.
func (r *Rooms) Mute(ctx context.Context, a im.Actor, id string, accounts []string, seconds uint32) error {
	f, err := r.above(ctx, a, id, accounts, maxRemoved)
	if err != nil {
		return err
	}
	var until int64
	if seconds > 0 {
		until = endAfter(r.o.Now(), seconds)
		if len(f.muted)+len(accounts) > maxUntils {
			return im.ErrTooMany.With("a room has at most %d mutes", maxUntils)
		}
	}
	if err := r.o.Store.SetMutes(ctx, a.App, id, accounts, until); err != nil {
		return failed("mute", err)
	}
	r.announce(changed{App: a.App, Room: id})
	r.tip(ctx, a.App, id, im.Tip{Op: im.TipMember, Operator: a.User, Users: accounts, Muted: &until})
	return nil
}

// above gives the facts of a room in which the actor stands above all the accounts, which are not too many.
func (r *Rooms) above(ctx context.Context, a im.Actor, id string, accounts []string, most int) (*Facts, error) {
	f, err := r.allowed(ctx, a, id, Admin)
	switch {
	case err != nil:
		return nil, err
	case len(accounts) == 0:
		return nil, im.ErrBadParameter.With("no account is named")
	case len(accounts) > most:
		return nil, im.ErrTooMany
	}
	for _, account := range accounts {
		if err := checkAccount(account); err != nil {
			return nil, err
		}
		if role, _ := f.Member(account); role >= f.Role(a) {
			return nil, im.ErrNoPermission
		}
	}
	return f, nil
}

// maxAccount is how long the id of an account is, in bytes.
const maxAccount = 32

func checkAccount(account string) error {
	if account == "" || len(account) > maxAccount {
		return im.ErrBadAccount
	}
	return checkText("an account", account, maxAccount)
}

// Mutes is who may not send into a room now, and until when.
func (r *Rooms) Mutes(ctx context.Context, a im.Actor, id string) ([]store.Until, error) {
	f, err := r.allowed(ctx, a, id, Admin)
	if err != nil {
		return nil, err
	}
	return r.lasting(f.muted), nil
}

// lasting are those that are not over, by account.
func (r *Rooms) lasting(until map[string]int64) []store.Until {
	now := r.o.Now()
	var list []store.Until
	for account, end := range until {
		if lasts(end, now) {
			list = append(list, store.Until{Account: account, Until: end})
		}
	}
	slices.SortFunc(list, func(a, b store.Until) int { return strings.Compare(a.Account, b.Account) })
	return list
}

// Ban puts accounts, at most 20, out of a room without a list of members and keeps them out for some seconds; Forever is
// for good. Its owner may, and administrators of the app.
func (r *Rooms) Ban(ctx context.Context, a im.Actor, id string, accounts []string, seconds uint32) error {
	f, err := r.above(ctx, a, id, accounts, maxBanned)
	switch {
	case err != nil:
		return err
	case f.Listed():
		return im.ErrNoPermission.With("a room with a list of members bans nobody: take them off the list")
	case seconds == 0:
		return im.ErrBadParameter.With("a ban lasts at least a second")
	case len(f.banned)+len(accounts) > maxUntils:
		return im.ErrTooMany.With("a room has at most %d bans", maxUntils)
	}
	if err := r.o.Store.SetBans(ctx, a.App, id, accounts, endAfter(r.o.Now(), seconds)); err != nil {
		return failed("ban", err)
	}
	r.announce(changed{App: a.App, Room: id, Lost: accounts})
	r.tip(ctx, a.App, id, im.Tip{Op: im.TipBanned, Operator: a.User, Users: accounts})
	r.teller.PutOut(a.App, id, accounts, im.NoticeKicked)
	for _, account := range accounts {
		if err := r.Left(ctx, a.App, id, account); err != nil {
			r.o.Log.Error("cannot free the seat of who is banned", "app", a.App, "room", id, "err", err)
		}
	}
	return nil
}

// Unban lets accounts, at most 20, come in again.
func (r *Rooms) Unban(ctx context.Context, a im.Actor, id string, accounts []string) error {
	if _, err := r.above(ctx, a, id, accounts, maxBanned); err != nil {
		return err
	}
	if err := r.o.Store.SetBans(ctx, a.App, id, accounts, 0); err != nil {
		return failed("unban", err)
	}
	r.announce(changed{App: a.App, Room: id})
	r.tip(ctx, a.App, id, im.Tip{Op: im.TipUnban, Operator: a.User, Users: accounts})
	return nil
}

// Bans is a page of who is kept out of a room now, by account, and how many they are.
func (r *Rooms) Bans(ctx context.Context, a im.Actor, id string, limit, offset int) ([]store.Until, int, error) {
	f, err := r.allowed(ctx, a, id, Admin)
	if err != nil {
		return nil, 0, err
	}
	if limit < 0 || offset < 0 {
		return nil, 0, im.ErrBadParameter
	}
	list := r.lasting(f.banned)
	from := min(offset, len(list))
	return list[from:min(len(list), from+min(limit, len(list)))], len(list), nil
}
