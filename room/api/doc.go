// Package api is the REST side of the rooms: what is live, for everyone and for administrators, and the one
// way in which every HTTP error of weir is written.
//
// It serves what others know, asks a Lister for the streams, and starts no goroutine.
//
// Errors are application/problem+json (RFC 9457) with a code that does not change:
//
//	code                status  meaning
//	bad_id              400     a room, stream or user id has a form that none may have
//	bad_request         400     the request is malformed in another way; detail says how
//	bad_dialect         400     the dialect of signed addresses is unknown, or cannot say what is asked
//	token_missing       401     a UserSig is needed, or a signed address
//	token_invalid       401     the token is malformed, or not signed by this app's key
//	token_expired       401     the token was valid once
//	token_wrong_app     401     the token is for another app
//	token_wrong_user    401     the token is for another user
//	app_not_found       404     there is no app of this sdkappid
//	refused_by_callback 403     the application was asked and refuses it
//	callback_unanswered 403     the application, which decides on it, does not answer
//	app_configured      409     the app stands in the configuration, which alone can change it
//	app_id_taken        409     there is an app of this id
//	too_many_apps       409     there are as many apps as there may be
//	signature_invalid   403     the address is signed for something else, by another key, or was altered
//	signature_expired   403     the address was good once
//	address_used        403     the address was for one use
//	forbidden           403     the user is known and may not do this
//	origin_forbidden    403     http.origins does not have the page's origin
//	not_found           404     there is no such thing here
//	method_not_allowed  405     the thing is here and takes other methods, which Allow names
//	stream_not_found    404     the stream is not live
//	too_many_requests   429     less often, please; Retry-After says when
//	server_full         503     no more of these are taken now; Retry-After says when to try again
//	shutting_down       503     the server stops; ask another one, or later
//	internal            500     a fault of the server, which is in its log
//	no_space            507     the server's disk is full: nothing was changed
//
// What a room refuses has the code of im.Error, such as room_closed, no_permission or no_such_room. Doors add codes of their own and say so in their documentation.
package api
