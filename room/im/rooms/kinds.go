package rooms

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

// How a room takes members who ask.
const (
	FreeAccess     = "FreeAccess"
	NeedPermission = "NeedPermission"
	DisableApply   = "DisableApply"
)

// The status of a room.
const (
	Open      = "open"
	Paused    = "paused"
	Closed    = "closed"
	Forbidden = "forbidden"
)
