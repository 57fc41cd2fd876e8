package store

import (
	"context"
	"slices"
)

// AddWords adds to an app's list of words; app 0 has what changed of the list that holds for all.
func (s *Store) AddWords(ctx context.Context, app int, words []string) error {
	return s.write(ctx, "add words", func(a access) error {
		var rows [][]any
		for _, word := range slices.Compact(slices.Sorted(slices.Values(words))) {
			rows = append(rows, []any{app, word})
		}
		return a.insert("INSERT INTO words (app, word)", "ON CONFLICT (app, word) DO NOTHING", rows)
	})
}

// DeleteWords takes words out of an app's list. Those that are not in it are passed over.
func (s *Store) DeleteWords(ctx context.Context, app int, words []string) error {
	return s.write(ctx, "delete words", func(a access) error {
		return inParts(words, func(words []string) error {
			_, err := a.exec("DELETE FROM words WHERE app = $1 AND word IN "+places(2, len(words)), append([]any{app}, anys(words)...)...)
			return err
		})
	})
}

// Words are those of an app's list, in order.
func (s *Store) Words(ctx context.Context, app int) (words []string, err error) {
	err = s.read(ctx, "read words", func(a access) error {
		words, err = list(a, single[string], "SELECT word FROM words WHERE app = $1 ORDER BY word", app)
		return err
	})
	return words, err
}
