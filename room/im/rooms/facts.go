package rooms

import (
	"math"
	"slices"
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
	seats   []store.Seat // what waits for an answer too
}

func newFacts(room store.Room, members []store.Member, mutes, bans []store.Until, seats []store.Seat) *Facts {
	f := &Facts{Room: room, muted: untils(mutes), banned: untils(bans), seats: seats}
	if len(members) > 0 {
		f.members = make(map[string]Role, len(members))
	}
	for _, m := range members {
		f.members[m.Account] = memberRole(f.roleOf(m))
	}
	return f
}

func untils(list []store.Until) map[string]int64 {
	if len(list) == 0 {
		return nil
	}
	until := make(map[string]int64, len(list))
	for _, u := range list {
		until[u.Account] = u.Until
	}
	return until
}

// cost is how many bytes the facts take, roughly.
func (f *Facts) cost() int {
	const room, item = 512, 80
	n := len(f.Name) + len(f.Introduction) + len(f.Notification) + len(f.Face)
	for name, value := range f.Fields {
		n += item + len(name) + len(value)
	}
	return room + n + item*(len(f.members)+len(f.muted)+len(f.banned)+len(f.seats))
}

// roleOf is the role of a member on the list. Who owns the room stands in the room alone, so that it cannot be two.
func (f *Facts) roleOf(m store.Member) string {
	switch {
	case m.Account == f.Owner:
		return roleOwner
	case m.Role == roleAdmin:
		return roleAdmin
	default:
		return roleMember
	}
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

// Listed tells whether the room has a list of members. One that has none is open to everybody, anonymous viewers too.
func (f *Facts) Listed() bool { return listed(f.Type) }

// Members is how many are on the list.
func (f *Facts) Members() int { return len(f.members) }

// hosts are who answers requests for a seat.
func (f *Facts) hosts() []string {
	var hosts []string
	if f.Owner != "" {
		hosts = append(hosts, f.Owner)
	}
	for account, role := range f.members {
		if role == Admin {
			hosts = append(hosts, account)
		}
	}
	slices.Sort(hosts)
	return hosts
}

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
func (f *Facts) Seated(user string) bool {
	for i := range f.seats {
		if f.seats[i].Account == user {
			return f.seats[i].State == SeatTaken
		}
	}
	return false
}

// ended tells whether nobody may publish.
func (f *Facts) ended() bool { return f.Status == Closed || f.Status == Forbidden }

// Forever is the end of what has none, in Unix seconds, and its length.
const Forever = math.MaxUint32

// holds tells whether something that ends is still so.
func holds(until map[string]int64, user string, now time.Time) bool {
	end, ok := until[user]
	return ok && lasts(end, now)
}

func lasts(end int64, now time.Time) bool { return end >= Forever || now.Unix() < end }

// endAfter is when something ends that begins now.
func endAfter(now time.Time, seconds uint32) int64 {
	return min(now.Unix()+int64(seconds), Forever)
}
