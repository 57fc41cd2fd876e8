package filter

import (
	"context"
	"log/slog"

	"weir/room/im"
)

// Store is what of room/store the lists need.
type Store interface {
	AddWords(ctx context.Context, app int, words []string) error
	DeleteWords(ctx context.Context, app int, words []string) error
	Words(ctx context.Context, app int) ([]string, error)
}

// Nodes tells all nodes of a change, this one included.
type Nodes interface {
	Announce(op string, data []byte)
	Handle(op string, f func(ctx context.Context, data []byte) ([]byte, error))
}

// Options are what a Filter needs; Store, Nodes and Log are required.
type Options struct {
	Store Store
	Nodes Nodes
	// File has the words for all apps, one on a line, in the place of the built-in ones; empty: the built-in ones.
	File string
	// Mask replaces words by asterisks; otherwise texts with one are refused.
	Mask bool
	Log  *slog.Logger
}

// Filter is the word lists of all apps. It is safe for concurrent use.
type Filter struct {
	o Options
}

// New reads the words for all apps. It starts nothing.
func New(o Options) (*Filter, error) {
	return &Filter{o: o}, nil
}

// Text is a text as it may be sent: the same, or with words masked. im.ErrSensitive: it may not be sent.
func (f *Filter) Text(ctx context.Context, app int, text string) (string, error) { return text, nil }

// Body is a message's body as it may be sent; it looks into texts alone. The body that it is given is not changed.
// im.ErrSensitive: it may not be sent.
func (f *Filter) Body(ctx context.Context, app int, body []im.Element) ([]im.Element, error) {
	return body, nil
}

// Words are the words that an app has of its own, sorted.
func (f *Filter) Words(ctx context.Context, app int) ([]string, error) { return nil, im.ErrInternal }

// Add adds words to an app's own list, in effect on all nodes at once.
func (f *Filter) Add(ctx context.Context, app int, words []string) error { return im.ErrInternal }

// Delete takes words out of an app's own list. Words that are not in it are passed over.
func (f *Filter) Delete(ctx context.Context, app int, words []string) error { return im.ErrInternal }
