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
