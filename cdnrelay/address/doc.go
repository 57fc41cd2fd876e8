// Package address is what addresses of other servers are made of: what of them may be shown, and how they are signed. It is
// pure: no network, no clock, no goroutine.
package address
