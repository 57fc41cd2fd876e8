// Package room is where a room's media, its viewers and its channel meet: Gate says who may publish and play, Bridge tells
// the channel and other programs what happens to streams and ends those whose room was closed, and Events tells
// subscribers what changed.
//
// It knows neither frames nor HTTP, and what is said in the channel passes it by. Its goroutines are Events.Run and
// Bridge.Run; everything else runs in the goroutines of those who call.
package room
