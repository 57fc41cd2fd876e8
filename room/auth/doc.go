// Package auth says who may do what: it checks ids, makes and verifies UserSig tokens, decides on requests and
// builds the addresses under which a stream is published and played.
//
// It is pure: it opens no file and no connection, keeps no session, takes the time from Options.Now, and
// starts no goroutine. Everything in it is safe for concurrent use. What it does not know it denies.
package auth
