package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// checkTexts finds what PostgreSQL would not take for a text, so that both databases take the same. Whatever may be in a
// free text is stored as bytes.
func checkTexts(args []any) error {
	for _, arg := range args {
		if text, ok := arg.(string); ok && (!utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0) {
			return fmt.Errorf("%w: %q", ErrBadText, text)
		}
	}
	return nil
}

// anys is the values of a list as arguments.
func anys[T any](list []T) []any {
	args := make([]any, len(list))
	for i, item := range list {
		args[i] = item
	}
	return args
}

// millis is a time as it is stored: Unix milliseconds, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// pack makes the bytes of facts that no query asks for.
func pack(facts any) ([]byte, error) {
	text, err := json.Marshal(facts)
	if err != nil {
		return nil, fmt.Errorf("cannot be stored: %w", err)
	}
	return text, nil
}

// unpack reads what pack made.
func unpack(text []byte, facts any) error {
	if err := json.Unmarshal(text, facts); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}
