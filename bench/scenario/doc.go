// Package scenario is what the load tool does: each scenario starts a server, publishes a clip by WHIP, lets viewers
// come and says what was used and seen, as runs of package measure. It asserts nothing about speed. A scenario waits for
// every goroutine and process that it starts.
package scenario
