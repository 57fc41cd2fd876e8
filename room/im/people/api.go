package people

import (
	"context"
	"time"

	"weir/room/im"
	"weir/room/store"
)

// Newcomer is an account to be imported: its id, and nick and address of a picture where they are known.
type Newcomer struct {
	ID   string
	Nick string
	Face string
}

// Import makes an account, or updates nick and picture of one that is there.
func (p *People) Import(ctx context.Context, app int, n Newcomer) error { return im.ErrInternal }

// ImportMany imports up to 100 accounts, and tells which of them could not be.
func (p *People) ImportMany(ctx context.Context, app int, list []Newcomer) (failed []string, err error) {
	return nil, im.ErrInternal
}

// Delete deletes an account with all that is kept of it, and ends its sessions. ErrUnknownAccount: there is none.
func (p *People) Delete(ctx context.Context, app int, id string) error { return im.ErrInternal }

// Check tells of up to 100 accounts which there are.
func (p *People) Check(ctx context.Context, app int, ids []string) (map[string]bool, error) {
	return nil, im.ErrInternal
}

// Kick ends an account's sessions. ErrUnknownAccount: there is no such account.
func (p *People) Kick(ctx context.Context, app int, id string) error { return im.ErrInternal }

// Presence is where an account is logged in.
type Presence struct {
	Account   string
	Known     bool // false: there is no such account
	Platforms []im.Platform
}

// Online tells of up to 500 accounts where they are logged in, in their order.
func (p *People) Online(ctx context.Context, app int, ids []string) ([]Presence, error) {
	return nil, im.ErrInternal
}

// Account is an account, from memory where it can be. ErrUnknownAccount: there is none. Its profile is shared: it is
// not to be changed.
func (p *People) Account(ctx context.Context, app int, id string) (store.Account, error) {
	return store.Account{}, im.ErrInternal
}

// Item is an item of a profile. Numbers are in decimal; see Numeric.
type Item struct {
	Tag   string
	Value string
}

// Profile is what is known of an account: the asked items that it has.
type Profile struct {
	Account string
	Known   bool // false: there is no such account
	Items   []Item
}

// SetProfile sets items of a profile. An account may set its own, but for those that say what it is; administrators may
// set everybody's.
func (p *People) SetProfile(ctx context.Context, actor im.Actor, account string, items []Item) error {
	return im.ErrInternal
}

// Profiles are profiles of up to 100 accounts, in their order; no tags: all items.
func (p *People) Profiles(ctx context.Context, app int, ids, tags []string) ([]Profile, error) {
	return nil, im.ErrInternal
}

// Silence forbids an account to write, to accounts and into rooms, for so many seconds: 0 lifts it, math.MaxUint32 is
// for good, nil leaves it as it is.
func (p *People) Silence(ctx context.Context, app int, id string, c2c, rooms *uint32) error {
	return im.ErrInternal
}

// Silences are for how many seconds more an account may not write to accounts and into rooms.
func (p *People) Silences(ctx context.Context, app int, id string) (c2c, rooms uint32, err error) {
	return 0, 0, im.ErrInternal
}

// Login is told of each session that begins with a proved identity. It imports an account that is new. Platforms are
// those of the sessions that had to end for it.
func (p *People) Login(ctx context.Context, actor im.Actor, kicked ...im.Platform) error {
	return im.ErrInternal
}

// Leave is why a session ended.
type Leave string

// Why sessions end.
const (
	LeftLogout  Leave = "Unregister" // the client logged out
	LeftClosed  Leave = "LinkClose"  // its connection was closed
	LeftTimeout Leave = "Timeout"    // its connection went silent
)

// Logout is told of each session that ended.
func (p *People) Logout(actor im.Actor, why Leave) {}

// C2C is a message from an account to another, as it was asked for.
type C2C struct {
	From string // empty: the actor; only an administrator names another
	To   string
	// Seq, Random and Time (Unix seconds) are the sender's own; Seq and Time may be 0.
	Seq    uint32
	Random uint32
	Time   int64
	Body   []im.Element
	Cloud  string
	// Life is how many seconds it is kept for a recipient who is not there: nil: seven days; 0: not at all.
	Life *int64
	// Sync also shows it on the sender's own terminals.
	Sync bool
	// NoBefore and NoAfter leave out the callbacks.
	NoBefore, NoAfter bool
}

// Sent is what became of a message.
type Sent struct {
	Seq  uint64 // its number among what its recipient was sent; 0: it was not kept
	Time int64  // Unix seconds
	Key  string // <seq>_<random>_<time>
}

// SendTo sends a message from an account to another. It returns when the message is kept.
func (p *People) SendTo(ctx context.Context, actor im.Actor, m C2C) (Sent, error) {
	return Sent{}, im.ErrInternal
}

// Failed is a recipient whom a message did not reach, and why.
type Failed struct {
	Account string
	Err     *im.Error
}

// SendToMany sends a message to up to 500 accounts; m.To is not used. An error means that nobody got it.
func (p *People) SendToMany(ctx context.Context, actor im.Actor, m C2C, to []string) (Sent, []Failed, error) {
	return Sent{}, nil, im.ErrInternal
}

// Offline are the messages kept for the actor with a number greater than after, oldest first, and whether there are
// more.
func (p *People) Offline(ctx context.Context, actor im.Actor, after uint64, limit int) (list []im.Message, more bool, err error) {
	return nil, false, im.ErrInternal
}

// Ack says that the actor has the messages up to a number. They are kept no longer.
func (p *People) Ack(ctx context.Context, actor im.Actor, upTo uint64) error { return im.ErrInternal }

// Silenced tells whether an account may not write at a time: to accounts, into rooms.
func Silenced(a store.Account, now time.Time) (c2c, rooms bool) {
	return a.NoC2C > now.Unix(), a.NoRoom > now.Unix()
}
