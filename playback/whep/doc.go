// Package whep is the door for viewers by WebRTC: the HTTP side of WHEP (draft-ietf-wish-whep-03) and the session behind
// each answer, which is a connection (rtc/peer) and what sends on it (rtc/sender).
//
// It serves trickle and ICE restart by PATCH, OPTIONS, and Links to STUN and TURN servers. Where the draft leaves a choice:
// an offer is answered, or refused with a problem, and never countered with another offer (4.2.2); a viewer that comes
// before the publisher waits, then gets 409 with Retry-After (4.2.8); GET is 405 like on every path that has nothing to
// show, where 4.1 would have it succeed; a section of what a viewer's token does not allow is declined. Codes of its
// problems beside those of room/api: bad_offer, bad_fragment, bad_layer, bad_pictures (400), session_not_found,
// layer_not_found (404), no_common_codec, video_has_b_frames (406), stream_not_found, stale_ice (409; 412 when the ETag says
// so), offer_too_large (413), not_sdp (415), if_match_required (428), too_many_connecting (429), server_full (503), and
// those of offers that cannot be served (422).
//
// Every session has two goroutines beside those of its connection; they belong to the Handler, whose Run waits for them.
package whep
