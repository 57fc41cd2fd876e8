package im

// Actor is who asks for something, after the identity was proved. The zero User is an anonymous viewer, who may only
// look on.
type Actor struct {
	App  int
	User string
	// Admin is an administrator of the app: what comes by REST. It may act for others, see its calls.
	Admin bool
	// Session names the connection that asks; empty for REST.
	Session string
	// Platform is RESTAPI, Web, Android, iOS, Windows, Mac, iPad or Unknown, as callbacks tell it.
	Platform Platform
	// Addr is the client's address, without the port, as callbacks tell it.
	Addr string
	// Only narrows what the actor may do; nil: it may do all that its account may.
	Only *Only
}

// Only is what a token with privileges allows: one room and some rights in it.
type Only struct {
	Room   string
	Enter  bool // go into it
	Create bool // make it
}

// Equal tells whether two tokens allow the same.
func (o *Only) Equal(other *Only) bool {
	return o == other || o != nil && other != nil && *o == *other
}

// MayEnter tells whether the actor's token lets it into a room. It says nothing about what the room allows.
func (a Actor) MayEnter(room string) bool {
	return a.Only == nil || a.Only.Enter && a.Only.Room == room
}

// MayCreate tells whether the actor's token lets it make a room.
func (a Actor) MayCreate(room string) bool {
	return a.Only == nil || a.Only.Create && a.Only.Room == room
}

// Anonymous tells whether nobody in particular asks.
func (a Actor) Anonymous() bool { return a.User == "" }

// Platform is where an actor comes from.
type Platform string

// The platforms that callbacks know.
const (
	PlatformREST    Platform = "RESTAPI"
	PlatformWeb     Platform = "Web"
	PlatformAndroid Platform = "Android"
	PlatformIOS     Platform = "iOS"
	PlatformWindows Platform = "Windows"
	PlatformMac     Platform = "Mac"
	PlatformIPad    Platform = "iPad"
	PlatformUnknown Platform = "Unknown"
)
