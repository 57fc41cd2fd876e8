// Package signaling is what WHIP (RFC 9725) and WHEP share over HTTP: bodies, refusals, entity-tags and the requests
// that concern an ICE session, Links to STUN and TURN servers, and the reading of what an offer says of its transport and
// its payload types. It does not know which offers a door takes, nor what it answers. It starts no goroutine.
package signaling
