package store

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// writerLock is what each transaction that writes holds: the letters of weir.
const writerLock = "SELECT pg_advisory_xact_lock(2003134834)"

// limits let go of the lock when a node stops in the middle, or its network.
var limits = map[string]string{
	"application_name":                    "weir",
	"idle_in_transaction_session_timeout": "15s",
	"lock_timeout":                        "20s",
	"statement_timeout":                   "30s",
}

// openPostgres opens a database on a server, with one connection that writes and several that read.
func openPostgres(ctx context.Context, opts *Options) (*database, error) {
	config, err := pgx.ParseConfig(opts.URL)
	if err != nil {
		return nil, errors.New("store.url is not an address of a PostgreSQL database") // the error has the address in it
	}
	for name, value := range limits {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	// A commit that another setting of the server would acknowledge before it is on the disk is none.
	config.RuntimeParams["synchronous_commit"] = "on"
	d := &database{
		reads: stdlib.OpenDB(*config), writes: stdlib.OpenDB(*config),
		lock: writerLock, kind: postgresKind,
		// Texts are in the order of their bytes, as in SQLite.
		schema: strings.NewReplacer(" BLOB", " BYTEA", " TEXT", ` TEXT COLLATE "C"`).Replace,
	}
	d.reads.SetMaxOpenConns(2 * readers)
	d.reads.SetMaxIdleConns(2 * readers)
	d.writes.SetMaxOpenConns(1)
	if err := d.writes.PingContext(ctx); err != nil {
		return nil, errors.Join(err, d.reads.Close(), d.writes.Close())
	}
	return d, nil
}

// The classes of errors: https://www.postgresql.org/docs/current/errcodes-appendix.html
func postgresKind(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return nil
	}
	switch e.Code {
	case "23503": // foreign_key_violation
		return ErrNotFound
	case "23505": // unique_violation
		return ErrExists
	case "53100": // disk_full
		return ErrNoSpace
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return ErrDamaged
	}
	return nil
}
