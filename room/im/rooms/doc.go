// Package rooms is what lasts of rooms and who may change it: facts, members, mutes, bans, custom fields, attributes,
// counters, the status and the seats for those who publish beside the owner.
//
// It is not what goes on in them: messages and who is in there now are in room/im/channel, which tells what this
// package changes as its Teller. Everything is written to the store before it is told, and read from snapshots that are
// kept in memory and dropped on all nodes when something changes. Run owns the only goroutine: it writes likes and ends
// requests for seats that nobody answered.
//
// Rooms need not be created: media can be published into any room id that room/auth takes. Only what is created has
// an owner, and only then this package says who may publish. A room that is not known, or has no owner, takes
// everybody whom room/auth lets publish.
//
// The status of a room: open; paused, which is told and nothing else; closed, so that nobody publishes and everybody
// may still come in and read that it is over; forbidden, so that only administrators of the app come in, and only they
// end it.
package rooms
