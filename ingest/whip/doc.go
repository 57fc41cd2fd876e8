// Package whip is the door through which browsers publish: the HTTP side of WHIP (RFC 9725) and the peer
// connection behind it. It reads raw RTP, hands it to ingest/depacket and writes frames into the hub; NACK, receiver
// reports, transport-wide feedback and key frame requests are made here and not by interceptors, which cost three
// allocations a packet.
//
// It serves the whole of RFC 9725: trickle and ICE restart by PATCH (patch.go, restart.go), OPTIONS, and Links to STUN
// and TURN servers. Codes of its problems beside those of room/api: bad_offer, bad_fragment, bad_policy (400),
// policy_forbidden (403), session_not_found (404), stream_busy, streamid_taken, stale_ice (409; 412 when the ETag
// says so), offer_too_large (413), not_sdp (415), if_match_required (428), server_full (503), and those of offers
// that cannot be served (422).
//
// It knows nothing of outputs. Every session has one goroutine of its own and two for each track; they belong to
// the Handler, whose Run waits for them.
package whip
