package rooms

import (
	"math"
	"time"

	"weir/room/im"
	"weir/room/store"
)

// Facts is what is known of a room, as it was at one moment. It is shared and never changed: neither are its maps.
// Asking it allocates nothing.
type Facts struct {
	store.Room // with the values of all custom fields; Info has those that an actor may read

	members map[string]Role  // of a room with a list of members
	muted   map[string]int64 // until when, in Unix seconds
	banned  map[string]int64
	seated  map[string]bool
}

// Role is what an actor is in the room.
func (f *Facts) Role(a im.Actor) Role {
	if a.Admin {
		return App
	}
	role, _ := f.Member(a.User)
	return role
}

// Member tells what an account is in the room, and whether it belongs to it: it is on the list, or owns the room, or
// the room has no list.
func (f *Facts) Member(user string) (Role, bool) {
	switch {
	case user == "":
		return Anyone, false
	case user == f.Owner:
		return Owner, true
	case f.Listed():
		role, ok := f.members[user]
		return role, ok
	default:
		return Member, true
	}
}

// Listed tells whether the room has a list of members. One that has none is open to everybody, and anonymous viewers.
func (f *Facts) Listed() bool { return listed(f.Type) }

// Members is how many are on the list.
func (f *Facts) Members() int { return len(f.members) }

// Muted tells whether an account may not send into the room now, it alone or with all others. The owner and admins of
// the room speak while all others may not.
func (f *Facts) Muted(user string, now time.Time) bool {
	if holds(f.muted, user, now) {
		return true
	}
	if !f.MuteAll {
		return false
	}
	role, _ := f.Member(user)
	return role < Admin
}

// Banned tells whether an account may not come in now.
func (f *Facts) Banned(user string, now time.Time) bool { return holds(f.banned, user, now) }

// Seated tells whether an account has a seat, which lets it publish.
func (f *Facts) Seated(user string) bool { return f.seated[user] }

// Forever is the end of what has none.
const Forever = math.MaxUint32

// holds tells whether something that ends is still so.
func holds(until map[string]int64, user string, now time.Time) bool {
	end, ok := until[user]
	return ok && lasts(end, now)
}

func lasts(end int64, now time.Time) bool { return end >= Forever || now.Unix() < end }
