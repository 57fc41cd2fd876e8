// Package audience knows who watches. A viewer is counted once a stream, whatever and how many lines it plays by: by
// the user of its token or signed address, else by the id that its player chose, else by its connection.
//
// It serves nobody and lets nobody in or out: doors tell it who came and left. Its one goroutine is Run, which
// forgets who was not heard of any more and reports counts that changed.
package audience
