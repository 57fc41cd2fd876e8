// Package people is the accounts of apps: who there is, what is shown of them, who is online, and messages from one
// account to another.
//
// What lasts is in room/store, what carries messages to clients in room/im/bus. It knows nothing of rooms but that an
// account may be silenced in all of them. It starts no goroutine but those of a batch, which end with their call.
package people
