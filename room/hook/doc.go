// Package hook tells other programs what happens here: the callbacks of the room's channel to an app's own server, and
// stream events in weir's own form, in the cloud's and in SRS's.
//
// What is asked before something happens is answered within two seconds or goes on as if nobody had been asked. What is
// told afterwards goes through a durable queue with retries and never holds up whoever tells it. The package decides
// nothing by itself and knows neither rooms nor media. It starts no goroutine before Run, which owns all of them.
package hook
