// Package store is what has to survive a restart, in files of the data folder.
//
// It knows nothing of HTTP or of media, and starts no goroutine: whoever calls it waits for the disk.
package store
