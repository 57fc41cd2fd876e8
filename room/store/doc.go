// Package store is what has to survive a restart: the rows of apps, accounts, rooms and messages in a database, SQLite by
// default and PostgreSQL by configuration, and the uses of addresses in a file.
//
// It knows nothing of HTTP or of media, decides nothing and sends nothing. Whoever calls it waits for the disk; calls at
// the same time share a commit. Its one goroutine is that of Run, which throws away what is over.
package store
