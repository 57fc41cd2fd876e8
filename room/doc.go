// Package room is what happens in a room: the one place where its streams and its viewers meet. So far that is
// Events, which tells subscribers what changed.
//
// It knows neither media nor HTTP. Its one goroutine is Events.Run; everything else runs in the goroutines of those
// who call.
package room
