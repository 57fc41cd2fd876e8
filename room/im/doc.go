// Package im is the words of the room's channel: who acts, what a message is and what can be refused.
//
// It holds no state and starts no goroutine: rooms are in room/im/rooms, accounts and messages between two of them in
// room/im/people, what carries it all to clients in room/im/bus. It knows nothing of media.
package im
