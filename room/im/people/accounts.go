package people

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"weir/room/im"
	"weir/room/store"
)

const (
	// MaxID is the longest id of an account in bytes.
	MaxID = 32
	// maxMany is how many accounts can be asked about at once, maxOnline whether they are online.
	maxMany   = 100
	maxOnline = 500
)

// Newcomer is an account to be imported: its id, and nick and address of a picture where they are known.
type Newcomer struct {
	ID   string
	Nick string
	Face string
}

// Import makes an account, or updates nick and picture of one that is there. Ids are not only those that room/auth gives
// tokens to: an openid of WeChat is one.
func (p *People) Import(ctx context.Context, app int, n Newcomer) error {
	if err := checkID(n.ID); err != nil {
		return err
	}
	profile := make(map[string]string)
	for tag, value := range map[string]string{im.TagNick: n.Nick, im.TagImage: n.Face} {
		if value == "" {
			continue
		}
		if err := checkItem(Item{tag, value}); err != nil {
			return err
		}
		profile[tag] = value
	}
	if _, err := p.o.Store.PutAccount(ctx, app, n.ID, profile); err != nil {
		return fmt.Errorf("cannot import an account: %w", err)
	}
	p.change(key{app, n.ID})
	return nil
}

// checkID refuses what is no id of an account.
func checkID(id string) error {
	switch {
	case id == "" || len(id) > MaxID || !utf8.ValidString(id):
		return im.ErrBadAccount.With("an account's id is 1 to %d bytes", MaxID)
	case strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }):
		return im.ErrBadAccount.With("an account's id has only characters that can be seen")
	}
	return nil
}

// ImportMany imports up to 100 accounts, and tells which of them could not be.
func (p *People) ImportMany(ctx context.Context, app int, list []Newcomer) (failed []string, err error) {
	if len(list) > maxMany {
		return nil, im.ErrTooMany
	}
	faults := make([]error, len(list))
	inParallel(len(list), func(i int) { faults[i] = p.Import(ctx, app, list[i]) })
	for i, err := range faults {
		if _, refused := errors.AsType[*im.Error](err); refused {
			failed = append(failed, list[i].ID)
		} else if err != nil {
			return nil, err
		}
	}
	return failed, nil
}

// Delete deletes an account with all that is kept of it, and ends its sessions. im.ErrUnknownAccount: there is none.
func (p *People) Delete(ctx context.Context, app int, id string) error {
	rooms, err := p.o.Store.RoomsOf(ctx, app, id)
	if err != nil {
		return fmt.Errorf("cannot read an account's rooms: %w", err)
	}
	err = p.o.Store.DeleteAccount(ctx, app, id)
	if errors.Is(err, store.ErrNotFound) {
		return im.ErrUnknownAccount
	}
	if err != nil {
		return fmt.Errorf("cannot delete an account: %w", err)
	}
	p.change(key{app, id})
	p.o.Kick(app, id, KickedDeleted)
	if p.o.Left != nil {
		p.o.Left(app, id, rooms)
	}
	return nil
}

// Check tells of up to 100 accounts which there are.
func (p *People) Check(ctx context.Context, app int, ids []string) (map[string]bool, error) {
	if len(ids) > maxMany {
		return nil, im.ErrTooMany
	}
	there, err := p.accounts(ctx, app, ids)
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(ids))
	for _, id := range ids {
		_, known[id] = there[id]
	}
	return known, nil
}

// accounts reads many accounts at once, and passes the memory by.
func (p *People) accounts(ctx context.Context, app int, ids []string) (map[string]store.Account, error) {
	there, err := p.o.Store.Accounts(ctx, app, ids)
	if err != nil {
		return nil, fmt.Errorf("cannot read accounts: %w", err)
	}
	return there, nil
}

// Kick ends an account's sessions. im.ErrUnknownAccount: there is no such account. Whoever has a valid UserSig may log in
// again.
func (p *People) Kick(ctx context.Context, app int, id string) error {
	if _, err := p.Account(ctx, app, id); err != nil {
		return err
	}
	p.o.Kick(app, id, KickedByAdmin)
	return nil
}

// Presence is where an account is logged in.
type Presence struct {
	Account   string
	Known     bool // false: there is no such account
	Platforms []im.Platform
}

// Online tells of up to 500 accounts where they are logged in, in their order.
func (p *People) Online(ctx context.Context, app int, ids []string) ([]Presence, error) {
	if len(ids) > maxOnline {
		return nil, im.ErrTooMany
	}
	there, err := p.accounts(ctx, app, ids)
	if err != nil {
		return nil, err
	}
	online := p.o.Bus.OnlineAll(app, ids)
	list := make([]Presence, 0, len(ids))
	for _, id := range ids {
		_, known := there[id]
		presence := Presence{Account: id, Known: known}
		if known {
			presence.Platforms = online[id]
		}
		list = append(list, presence)
	}
	return list, nil
}
