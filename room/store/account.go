package store

import "time"

// Account is somebody who is known to an app.
type Account struct {
	ID      string
	Created time.Time
	// Profile are its items by tag: Tag_Profile_IM_Nick and the others. Values are texts, or numbers in decimal for
	// those tags that are numbers.
	Profile map[string]string
	// NoC2C and NoRoom are until when it may not write to accounts and into rooms, in Unix seconds; math.MaxUint32:
	// for good.
	NoC2C, NoRoom int64
}
