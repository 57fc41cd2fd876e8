// Package window decides which messages of a room go when there are more than may: at most so many in any second, the
// more important first, and within the class that is cut a random choice.
//
// It is pure: times are given to it, and it has no goroutine, no lock and no network. What becomes of the chosen and
// of the cut is the business of room/im/channel.
package window
