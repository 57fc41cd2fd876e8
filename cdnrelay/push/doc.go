// Package push carries streams to other servers: to which ones, by which protocol, and what becomes of each.
//
//	Task ─► Destination: a task and a live stream ─► Output.Open ─► Session.Send ─► the other server
//	   rule, API, callback, automatic relay          waits, tries again
//
// A Task says what goes where; for each live stream that it means there is a Destination, with a goroutine, a cursor into the
// stream and a state of its own. So a slow or broken destination harms neither the stream nor the others. An Output knows one
// protocol and nothing of tasks. All goroutines belong to Manager.Run, which waits for them.
package push
