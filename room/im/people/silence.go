package people

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"weir/room/im"
	"weir/room/store"
)

// Silence forbids an account to write, to accounts and into rooms, for so many seconds: 0 lifts it, math.MaxUint32 is
// for good, nil leaves it as it is. im.ErrUnknownAccount: there is none.
func (p *People) Silence(ctx context.Context, app int, id string, c2c, rooms *uint32) error {
	now := p.o.Now()
	err := p.o.Store.SetSilence(ctx, app, id, until(now, c2c), until(now, rooms))
	if errors.Is(err, store.ErrNotFound) {
		return im.ErrUnknownAccount
	}
	if err != nil {
		return fmt.Errorf("cannot silence an account: %w", err)
	}
	p.change(key{app, id})
	return nil
}

// until is when so many seconds are over, as it is stored.
func until(now time.Time, seconds *uint32) *int64 {
	if seconds == nil {
		return nil
	}
	var at int64
	switch *seconds {
	case 0:
	case math.MaxUint32:
		at = math.MaxUint32
	default:
		at = min(now.Unix()+int64(*seconds), math.MaxUint32-1)
	}
	return &at
}

// Silences are for how many seconds more an account may not write to accounts and into rooms; math.MaxUint32: for good.
func (p *People) Silences(ctx context.Context, app int, id string) (c2c, rooms uint32, err error) {
	account, err := p.Account(ctx, app, id)
	if err != nil {
		return 0, 0, err
	}
	now := p.o.Now()
	return left(now, account.NoC2C), left(now, account.NoRoom), nil
}

func left(now time.Time, until int64) uint32 {
	if until >= math.MaxUint32 {
		return math.MaxUint32
	}
	return uint32(max(until-now.Unix(), 0)) //nolint:gosec // less than until, which fits
}

// Silenced tells whether an account may not write at a time: to accounts, into rooms.
func Silenced(a store.Account, now time.Time) (c2c, rooms bool) {
	return a.NoC2C > now.Unix(), a.NoRoom > now.Unix()
}
