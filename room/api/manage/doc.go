// Package manage is REST for administrators: apps, tokens, and rooms with all that belongs to them, for programs that
// do not speak the cloud's IM interface.
//
// It reads requests, asks others and writes what they say; it keeps nothing and starts no goroutine. Bodies are JSON of
// 64 KB at most without members that nobody knows. Errors are problems as package api writes them, with the codes of
// im.Error where the room refuses.
package manage
