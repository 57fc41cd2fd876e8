package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Pass is what a signed address allows: one action on one stream, until a time.
type Pass struct {
	App          int    // DefaultApp, or an id
	Action       Action // ActionPlay or ActionPublish
	Room, Stream string
	// ID is the stream id of an address that has it in the place of Room and Stream, which are empty then.
	ID string
	// User is who uses the address; empty for whoever has it.
	User string
	// Once makes an address for one use, which is known by this name. Only addresses for publishing can have one.
	Once string
	// Expires is until when the address opens, to the second.
	Expires time.Time
	// Ends promises that what was begun with the address ends when it expires. Without it a session goes on.
	Ends bool
}

// maxOnce is the longest name of a use, in bytes.
const maxOnce = 64

// lastExpiry is the last second that every dialect can write: eight digits in hexadecimal, ten in decimal.
const lastExpiry = 1<<32 - 1

// check refuses a pass that nobody could sign.
func (p *Pass) check() error {
	err := p.checkStream()
	if p.User != "" {
		err = errors.Join(err, CheckUser(p.User))
	}
	switch {
	case err != nil:
		return err
	case p.Action != ActionPlay && p.Action != ActionPublish:
		return errors.New("an address is for playing or for publishing")
	case p.Once != "" && (p.Action != ActionPublish || !isName(p.Once)):
		return fmt.Errorf("only a publishing address is for one use, named by 1 to %d of A-Z a-z 0-9 _ -", maxOnce)
	case p.Expires.Unix() < 1e9 || p.Expires.Unix() > lastExpiry: // ten digits, all of them
		return fmt.Errorf("an address cannot expire at %v", p.Expires)
	}
	return nil
}

func (p *Pass) checkStream() error {
	switch {
	case p.ID == "":
		return errors.Join(CheckRoom(p.Room), CheckStream(p.Stream))
	case p.Room+p.Stream != "":
		return fmt.Errorf("%w: an address has a stream id or a room and stream", ErrBadID)
	default:
		return CheckStream(p.ID)
	}
}

// name is what names the stream behind /live/ in the address: no stream id has a slash, so none can be taken for a room
// and stream.
func (p *Pass) name() string {
	if p.ID != "" {
		return p.ID
	}
	return p.Room + "/" + p.Stream
}

// grant is what the pass comes to.
func (p *Pass) grant() Grant {
	g := Grant{App: p.App, User: p.User, Expires: p.Expires, Rights: RightsAll}
	if p.Ends {
		g.Ends = p.Expires
	}
	return g
}

// isName tells whether s can name a use.
func isName(s string) bool {
	return s != "" && len(s) <= maxOnce && strings.IndexFunc(s, func(c rune) bool { return c > '~' || !isWord(byte(c)) }) < 0
}
