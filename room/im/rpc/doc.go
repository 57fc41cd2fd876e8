// Package rpc is the methods that clients of the room's channel call, by name and with JSON: room.enter, room.send and
// the others that docs/im.md lists.
//
// It reads and checks what comes in, asks room/im/channel, room/im/rooms and room/im/people, and writes what they say;
// it decides nothing itself beside who has to be logged in, or in the room. It starts no goroutine: sessions come from
// room/im/bus, whose calls it answers.
package rpc
