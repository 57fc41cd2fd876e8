package store

import (
	"context"
	"embed"
	"fmt"
	"time"
)

// The schema grows by files of SQL that both databases understand, numbered from 1 on. One that was released is never
// changed.
//
//go:embed schema
var schemaFiles embed.FS

// migrate applies what of the schema the database lacks, in one transaction.
func migrate(ctx context.Context, d *database, now time.Time) error {
	files, err := schemaFiles.ReadDir("schema") // in order of their names
	if err != nil {
		return err
	}
	tx, err := d.begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	a := access{ctx, tx}
	version, err := schemaVersion(a)
	if err != nil {
		return err
	}
	if version > len(files) {
		return fmt.Errorf("%w: its schema is version %d, and version %d is the newest known here", ErrNewer, version, len(files))
	}
	for i, file := range files[version:] {
		text, err := schemaFiles.ReadFile("schema/" + file.Name())
		if err != nil {
			return err
		}
		if _, err := a.exec(d.schema(string(text))); err != nil {
			return fmt.Errorf("%s: %w", file.Name(), err)
		}
		if _, err := a.exec("INSERT INTO schema_versions (version, applied) VALUES ($1, $2)", version+i+1, millis(now)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func schemaVersion(a access) (int, error) {
	if _, err := a.exec("CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT PRIMARY KEY, applied BIGINT NOT NULL)"); err != nil {
		return 0, err
	}
	return one(a, single[int], "SELECT COALESCE(MAX(version), 0) FROM schema_versions")
}
