package hook

import "weir/room/im"

// What an account did, and why.
const (
	Login      = "Login"
	Logout     = "Logout"
	Disconnect = "Disconnect"

	ReasonRegister   = "Register"   // Login
	ReasonUnregister = "Unregister" // Logout
	ReasonLinkClose  = "LinkClose"  // Disconnect: the connection was closed
	ReasonTimeout    = "Timeout"    // Disconnect: nothing was heard of it
)

// StateChanged is the body of StateChange.
type StateChanged struct {
	Info StateInfo `json:"Info"`
	// Kicked are where the account was logged in before and no longer is.
	Kicked []KickedDevice `json:"KickedDevice,omitempty"`
}

// StateInfo is who did what.
type StateInfo struct {
	Account string `json:"To_Account"`
	Action  string `json:"Action"`
	Reason  string `json:"Reason"`
}

// KickedDevice is where an account was logged in.
type KickedDevice struct {
	Platform im.Platform `json:"Platform"`
}

func (s StateChanged) topic() string { return "account/" + s.Info.Account }
