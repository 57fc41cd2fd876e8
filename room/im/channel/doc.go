// Package channel is what goes on in rooms now: who comes and goes, what is said, and in what order everybody gets it.
//
// What lasts of rooms is in room/im/rooms, whose changes it tells as its Teller; what carries publications to clients
// is in room/im/bus. A message is numbered when it is accepted and goes out with its room's next window, all that the
// window chose in one publication. One node of a cluster, the owner of the room, does both; the others hand on to it.
// Each room that has something to tell has a timer, whose function publishes; an idle room has none. Run owns what
// forgets idle rooms, and waits for all the rest to end.
package channel
