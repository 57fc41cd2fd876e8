package auth

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a value that no log, error or answer may show. string(s) is the value itself.
type Secret string

// String is a mask, or empty when there is nothing to hide.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[redacted]"
}

// Format writes the mask whatever the verb: %d and %#v would get past String.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue keeps the value out of every slog handler.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps the value out of JSON, also as a map's key.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
