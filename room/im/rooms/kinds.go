package rooms

import "weir/room/im"

// The types of room.
const (
	// AVChatRoom has no list of members: everybody may come in, and anonymous viewers too.
	AVChatRoom = "AVChatRoom"
	// BChatRoom is the old name of a room without a list that holds everybody.
	BChatRoom = "BChatRoom"
	// Public, Private, ChatRoom and Community have a list of members.
	Public    = "Public"
	Private   = "Private"
	ChatRoom  = "ChatRoom"
	Community = "Community"
)

// maxMembers is how many members a room of a type has at most, and has room for where nobody says less. A room without
// a list has none.
var maxMembers = map[string]int{
	AVChatRoom: 0, BChatRoom: 0,
	Private: 200, Public: 2000, ChatRoom: 6000, Community: 6000,
}

// listed tells whether rooms of a type have a list of members.
func listed(typ string) bool { return maxMembers[typ] > 0 }

// checkType refuses a type that there is not.
func checkType(typ string) error {
	if _, ok := maxMembers[typ]; !ok {
		return im.ErrBadParameter.With("there is no type of room called %.20q", typ)
	}
	return nil
}

// room for members: all that the type has where nobody says less. What a room without a list is given does not matter.
func roomFor(typ string, members int) (int, error) {
	most := maxMembers[typ]
	switch {
	case most == 0 || members == 0:
		return most, nil
	case members < 1 || members > most:
		return 0, im.ErrBadParameter.With("a room of this type has 1 to %d members", most)
	default:
		return members, nil
	}
}

// How a room takes members who ask.
const (
	FreeAccess     = "FreeAccess"
	NeedPermission = "NeedPermission" // a member brings them in: nobody answers applications
	DisableApply   = "DisableApply"
)

func checkJoin(join string) error {
	switch join {
	case FreeAccess, NeedPermission, DisableApply:
		return nil
	default:
		return im.ErrBadParameter.With("ApplyJoinOption is one of FreeAccess, NeedPermission, DisableApply")
	}
}

// The status of a room.
const (
	Open      = "open"
	Paused    = "paused"
	Closed    = "closed"
	Forbidden = "forbidden"
)

func checkStatus(status string) error {
	switch status {
	case Open, Paused, Closed, Forbidden:
		return nil
	default:
		return im.ErrBadParameter.With("a status is one of open, paused, closed, forbidden")
	}
}
