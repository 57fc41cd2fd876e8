package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// readers is how many read at once.
const readers = 4

// pragmas hold for every connection. FULL syncs the log at each commit: what is acknowledged survives the machine, not
// only the process.
var pragmas = url.Values{"_pragma": {
	"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "journal_size_limit(67108864)",
}}

// openSQLite opens the file, with one connection that writes and several that read what was committed (WAL).
func openSQLite(ctx context.Context, opts *Options) (*database, error) {
	if err := touch(opts.Path); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(opts.Path)
	if err != nil {
		return nil, err
	}
	file := url.URL{Scheme: "file", Path: path}
	// A transaction that may write takes the lock when it begins: one that only finds out later has to fail.
	writes, err := sql.Open("sqlite", file.String()+"?_txlock=immediate&"+pragmas.Encode())
	if err != nil {
		return nil, err
	}
	writes.SetMaxOpenConns(1)
	reads, err := sql.Open("sqlite", file.String()+"?_pragma=query_only(ON)&"+pragmas.Encode())
	if err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	reads.SetMaxOpenConns(readers)
	reads.SetMaxIdleConns(readers)
	d := &database{reads: reads, writes: writes, kind: sqliteKind, schema: func(text string) string { return text }}
	if err := examine(ctx, writes); err != nil {
		return nil, errors.Join(d.fault(err), reads.Close(), writes.Close())
	}
	return d, nil
}

// touch makes the file, readable for its owner alone: there are keys in it.
func touch(path string) error {
	if path == "" {
		return errors.New("there is neither a file nor an address of a database")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// examine reads the file through, before anything is written into it.
func examine(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, verdict)
	}
	return nil
}

func sqliteKind(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return nil
	}
	switch e.Code() {
	case codes.SQLITE_CONSTRAINT_FOREIGNKEY:
		return ErrNotFound
	case codes.SQLITE_CONSTRAINT_PRIMARYKEY, codes.SQLITE_CONSTRAINT_UNIQUE:
		return ErrExists
	}
	switch e.Code() & 0xff { // the rest says where it happened
	case codes.SQLITE_FULL:
		return ErrNoSpace
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return ErrDamaged
	}
	return nil
}
