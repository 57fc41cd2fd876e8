package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxKeep is how long a message is kept at most.
const MaxKeep = 7 * 24 * time.Hour

// Options say where the rows are and how many there may be. Path or URL is required; zero numbers are the defaults.
type Options struct {
	// Path is the file of SQLite. It is made when it is missing, with its folder.
	Path string
	// URL is that of a PostgreSQL database, postgres://user:password@host/name; it counts before Path.
	URL string
	// MaxKept and MaxHistory are how many messages are kept for one account (1000) and of one room (1000); beyond that
	// the oldest go.
	MaxKept, MaxHistory int
	// MaxQueue is how many deliveries may wait (1,000,000), MaxDead how many of those that were given up stay (10,000).
	MaxQueue, MaxDead int
	// Now is the clock (time.Now).
	Now func() time.Time
	Log *slog.Logger
}

func (o *Options) fill() {
	o.MaxKept = cmp.Or(o.MaxKept, 1000)
	o.MaxHistory = cmp.Or(o.MaxHistory, 1000)
	o.MaxQueue = cmp.Or(o.MaxQueue, 1_000_000)
	o.MaxDead = cmp.Or(o.MaxDead, 10_000)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Store is the database. Times in it have milliseconds. All methods are safe for concurrent use and wait for the disk;
// what they wrote has reached it when they return nil. A write that returns an error was not made, except where the
// connection to PostgreSQL broke during its commit: nobody knows then.
type Store struct {
	opts   Options
	reads  *sql.DB
	writes *committer
	stats  *Stats
}

// Open opens the database, and makes or updates its tables.
func Open(ctx context.Context, opts Options) (*Store, error) {
	opts.fill()
	open := openSQLite
	if opts.URL != "" {
		open = openPostgres
	}
	d, err := open(ctx, &opts)
	if err != nil {
		return nil, fmt.Errorf("cannot open the store: %w", err)
	}
	s := &Store{opts: opts, reads: d.reads, stats: newStats()}
	s.writes = newCommitter(d, s.stats)
	if err := s.prepare(ctx, d); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open the store: %w", d.fault(err)), s.Close())
	}
	return s, nil
}

// prepare brings the tables up to date and reads what is known by heart.
func (s *Store) prepare(ctx context.Context, d *database) error {
	if err := migrate(ctx, d, s.opts.Now()); err != nil {
		return err
	}
	return s.count(ctx)
}

// Close waits for the writes under way, refuses later ones and lets the database go.
func (s *Store) Close() error {
	return errors.Join(s.writes.close(), s.reads.Close())
}

// Stats are the store's figures, for Prometheus.
func (s *Store) Stats() *Stats { return s.stats }

// write makes a change, together with others. What is done must not call the store, and may be done twice: what it
// leaves in its variables is that of the last time. act ends "cannot …".
func (s *Store) write(ctx context.Context, act string, do func(access) error) error {
	if err := s.writes.write(ctx, do); err != nil {
		return fmt.Errorf("cannot %s: %w", act, err)
	}
	return nil
}

// read asks for rows. act ends "cannot …".
func (s *Store) read(ctx context.Context, act string, do func(access) error) error {
	if err := do(access{ctx, s.reads}); err != nil {
		err = s.writes.fault(err)
		s.stats.failed(err)
		return fmt.Errorf("cannot %s: %w", act, err)
	}
	return nil
}

const (
	// mostNames is how many names one statement has.
	mostNames = 500
	// mostRows is how many rows one statement adds: SQLite looks each value's number up among all of them.
	mostRows = 16
)

// access is a way to the rows: a transaction, or the connections for reading. It lives as long as one call, and so does
// its context.
type access struct {
	ctx context.Context
	db  querier
}

type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// exec makes a change and tells how many rows it touched.
func (a access) exec(query string, args ...any) (int64, error) {
	if err := checkTexts(args); err != nil {
		return 0, err
	}
	result, err := a.db.ExecContext(a.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// insert adds rows by one statement for many: head, VALUES (…), (…), tail.
func (a access) insert(head, tail string, rows [][]any) error {
	return parts(rows, mostRows, func(rows [][]any) error {
		var args []any
		lists := make([]string, len(rows))
		for i, row := range rows {
			lists[i] = places(len(args)+1, len(row))
			args = append(args, row...)
		}
		_, err := a.exec(head+" VALUES "+strings.Join(lists, ", ")+" "+tail, args...)
		return err
	})
}

// places is "($1, $2, $3)" for the values from a number on.
func places(from, n int) string {
	numbers := make([]string, n)
	for i := range numbers {
		numbers[i] = "$" + strconv.Itoa(from+i)
	}
	return "(" + strings.Join(numbers, ", ") + ")"
}

// scanner reads one row into variables.
type scanner func(into ...any) error

// list reads all rows of a query.
func list[T any](a access, read func(scanner) (T, error), query string, args ...any) (all []T, err error) {
	if err := checkTexts(args); err != nil {
		return nil, err
	}
	rows, err := a.db.QueryContext(a.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		item, err := read(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, rows.Err()
}

// one reads the row of a query, or returns ErrNotFound.
func one[T any](a access, read func(scanner) (T, error), query string, args ...any) (T, error) {
	all, err := list(a, read, query, args...)
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		var none T
		return none, err
	}
	return all[0], nil
}

// single reads a row that is one value.
func single[T any](scan scanner) (value T, err error) {
	err = scan(&value)
	return value, err
}

// inParts calls do with parts of a list of names that are not too long for one statement.
func inParts[T any](all []T, do func([]T) error) error { return parts(all, mostNames, do) }

func parts[T any](all []T, most int, do func([]T) error) error {
	for part := range slices.Chunk(all, most) {
		if err := do(part); err != nil {
			return err
		}
	}
	return nil
}

// orNotFound is err, or that there was no such row.
func orNotFound(err error) error {
	if err == nil {
		err = ErrNotFound
	}
	return err
}

// deleteOf deletes those rows of a room that have one of the names in a column.
func deleteOf(a access, table, column string, app int, room string, names []string) error {
	return inParts(names, func(names []string) error {
		_, err := a.exec("DELETE FROM "+table+" WHERE app = $1 AND room = $2 AND "+column+" IN "+places(3, len(names)),
			append([]any{app, room}, anys(names)...)...)
		return err
	})
}
