// Package apps knows the apps of a server: those that are configured, and those that were made at run time and are kept
// in the store. It is who room/auth asks for an app's keys.
//
// What it knows is one immutable snapshot, so a look-up takes no lock. It does not decide who may make an app. Its one
// goroutine is Run.
package apps
