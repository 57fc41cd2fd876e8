// Package filter finds words in texts that an app does not allow, however they are spaced, cased or set in width, and
// refuses the text or masks them.
//
// It decides on texts alone: who may say what is decided elsewhere, and custom elements pass. It starts no goroutine.
package filter
