// Package rtc is the ground on which the doors for WebRTC stand: the media port, shared by publishers and viewers, the
// certificate, and what the machine's addresses are to the outside. It knows neither HTTP nor media; what WHIP and WHEP
// share of their signaling is rtc/signaling.
//
// The goroutines of its sockets belong to the Engine, whose Close waits for them. Connections and agents that it makes
// belong to whoever asked for them.
package rtc
