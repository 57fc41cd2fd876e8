package depacket

import (
	"time"

	"weir/mux/av"
)

// Unit is a whole access unit as a depacketizer hands it on.
type Unit struct {
	Timestamp uint32        // RTP
	Arrival   time.Duration // of its first packet
	Key       bool
	// Made says that the unit was made here, for sound that did not come: its arrival tells nothing of the path.
	Made bool
	// Reorder says that pictures may be shown in another order than they are decoded in.
	Reorder bool
	// Data is immutable and the receiver's: see av.Frame.Data.
	Data []byte
	// Config is not nil when the track's configuration is another one from this unit on. Its ID is for the
	// receiver to set.
	Config *av.Track
}

// Receiver takes what a depacketizer makes.
type Receiver interface {
	// Unit takes an access unit. It may keep u.Data and u.Config.
	Unit(u Unit)
	// Broken says that units are being dropped until there is a key frame.
	Broken()
}
