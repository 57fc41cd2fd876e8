package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// database is what differs between the two kinds.
type database struct {
	reads, writes *sql.DB
	// lock is the statement that each transaction begins with, so that there is one writer at a time over all processes;
	// empty where the database does so by itself.
	lock string
	// kind is what an error of the driver means: one of this package's, or nil.
	kind func(error) error
	// schema makes a statement of the schema one of this database.
	schema func(string) string
}

// begin begins a transaction that may write. Nobody else writes until its end.
func (d *database) begin(ctx context.Context) (*sql.Tx, error) {
	tx, err := d.writes.BeginTx(ctx, nil)
	if err != nil || d.lock == "" {
		return tx, err
	}
	if _, err := tx.ExecContext(ctx, d.lock); err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

// fault is an error of the driver with its meaning.
func (d *database) fault(err error) error {
	if err == nil {
		return nil
	}
	if kind := d.kind(err); kind != nil && !errors.Is(err, kind) {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}
