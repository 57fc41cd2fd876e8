package filter

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

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

// Options are what a Filter needs; Store and Nodes are required.
type Options struct {
	Store Store
	Nodes Nodes
	// File has the words for all apps, one on a line, in the place of the built-in ones; empty: the built-in ones.
	File string
	// Mask replaces words by asterisks; otherwise texts with one are refused.
	Mask bool
	Now  func() time.Time // nil: time.Now
	Log  *slog.Logger     // nil: nothing is logged
}

// Bounds of lists.
const (
	// MaxWord is the longest word in bytes, MaxWords the most words that an app has of its own.
	MaxWord  = 200
	MaxWords = 5000

	maxFile = 4 << 20
)

// changed is what nodes tell each other when the list of an app changed; with it comes the app's id.
const changed = "filter.words"

const (
	// reloadTime bounds how long a list may take to be read again.
	reloadTime = 10 * time.Second
	// keepList is how long a list is not read again. It is when it changes; this is for words between nodes that get lost.
	keepList = time.Minute
)

//go:embed words.txt
var builtIn string

// Filter is the word lists of all apps. It is safe for concurrent use.
type Filter struct {
	o        Options
	common   [][]rune   // the words for all apps, folded
	everyone *automaton // of an app without words of its own
	stats    stats

	lists atomic.Pointer[map[int]*list] // by app; the map is never changed
	mu    sync.Mutex                    // held while lists is replaced
}

// list is what an app does not allow.
type list struct {
	own []string // sorted
	*automaton
	until time.Time // when it is read again
}

// New reads the words for all apps. It starts nothing.
func New(o Options) (*Filter, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	text := builtIn
	if o.File != "" {
		read, err := readFile(o.File)
		if err != nil {
			return nil, fmt.Errorf("cannot read the list of words: %w", err)
		}
		text = read
	}
	f := &Filter{o: o, common: parse(text), stats: newStats()}
	f.everyone = build(f.common)
	f.lists.Store(&map[int]*list{})
	o.Nodes.Handle(changed, f.changed)
	return f, nil
}

func readFile(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if info.Size() > maxFile {
		return "", fmt.Errorf("%s is longer than %d bytes", name, maxFile)
	}
	text, err := os.ReadFile(name)
	if err == nil && !utf8.Valid(text) {
		err = fmt.Errorf("%s is not UTF-8", name)
	}
	return string(text), err
}

// parse reads words, one on a line; what begins with # is a comment.
func parse(text string) (words [][]rune) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			words = append(words, folded(line))
		}
	}
	return words
}

// Text is a text as it may be sent: the same, or with words masked. im.ErrSensitive: it may not be sent.
func (f *Filter) Text(ctx context.Context, app int, text string) (string, error) {
	l, err := f.list(ctx, app)
	if err != nil || !has(l.automaton, text) {
		return text, err
	}
	return f.hit(l, text)
}

// hit does what is to be done with a text that has one of the words.
func (f *Filter) hit(l *list, text string) (string, error) {
	if !f.o.Mask {
		f.stats.refused.Inc()
		return "", im.ErrSensitive
	}
	f.stats.masked.Inc()
	return l.mask(text), nil
}

// buffers are for the texts of elements.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Body is a message's body as it may be sent; it looks into texts alone. The body that it is given is not changed.
// im.ErrSensitive: it may not be sent.
func (f *Filter) Body(ctx context.Context, app int, body []im.Element) ([]im.Element, error) {
	l, err := f.list(ctx, app)
	if err != nil {
		return nil, err
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	clean := true
	for i, e := range body {
		var ok bool
		if *buf, ok = im.AppendText((*buf)[:0], e); !ok || !has(l.automaton, *buf) {
			continue
		}
		text, err := f.hit(l, string(*buf))
		if err != nil {
			return nil, err
		}
		if clean {
			clean, body = false, slices.Clone(body)
		}
		body[i] = im.WithText(e, text)
	}
	return body, nil
}

// list is the list of an app. Reading it locks nothing once it is there.
func (f *Filter) list(ctx context.Context, app int) (*list, error) {
	if l := (*f.lists.Load())[app]; l != nil {
		if f.o.Now().Before(l.until) || !f.mu.TryLock() {
			return l, nil
		}
		defer f.mu.Unlock()
		if again, err := f.loadLocked(ctx, app); err == nil {
			return again, nil
		}
		return l, nil // tried again with the next text
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if l := (*f.lists.Load())[app]; l != nil {
		return l, nil
	}
	return f.loadLocked(ctx, app)
}

// loadLocked reads the list of an app from the store.
func (f *Filter) loadLocked(ctx context.Context, app int) (*list, error) {
	own, err := f.o.Store.Words(ctx, app)
	if err != nil {
		return nil, fmt.Errorf("cannot read the words of an app: %w", err)
	}
	slices.Sort(own)
	l := &list{own: own, automaton: f.everyone, until: f.o.Now().Add(keepList)}
	before := (*f.lists.Load())[app]
	switch {
	case before != nil && slices.Equal(before.own, own):
		l.automaton = before.automaton
	case len(own) > 0:
		words := slices.Clone(f.common)
		for _, word := range own {
			words = append(words, folded(word))
		}
		l.automaton = build(words)
	}
	f.replaceLocked(app, l)
	return l, nil
}

// replaceLocked puts another list of an app in the place of the one before; nil: none.
func (f *Filter) replaceLocked(app int, l *list) {
	next := maps.Clone(*f.lists.Load())
	if l == nil {
		delete(next, app)
	} else {
		next[app] = l
	}
	f.lists.Store(&next)
}

// changed reads the list of an app again, which a node changed.
func (f *Filter) changed(ctx context.Context, data []byte) ([]byte, error) {
	app, err := strconv.Atoi(string(data))
	if err != nil {
		return nil, fmt.Errorf("cannot read which app's words changed: %w", err)
	}
	return nil, f.reload(ctx, app)
}

// reload reads the list of an app again. When it cannot, the app has no list, and nothing is sent until it can: what an
// app forbids does not pass because a disk is full.
func (f *Filter) reload(ctx context.Context, app int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reloadTime)
	defer cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.loadLocked(ctx, app)
	if err != nil {
		f.replaceLocked(app, nil)
		f.o.Log.Warn("words not read again", "app", app, "error", err)
	}
	return err
}

// Words are the words that an app has of its own, sorted.
func (f *Filter) Words(ctx context.Context, app int) ([]string, error) {
	l, err := f.list(ctx, app)
	if err != nil {
		return nil, err
	}
	return slices.Clone(l.own), nil
}

// Add adds words to an app's own list, in effect on all nodes at once. im.ErrBadParameter: one of them is none, or
// there would be more than MaxWords.
func (f *Filter) Add(ctx context.Context, app int, words []string) error {
	for _, word := range words {
		if err := checkWord(word); err != nil {
			return err
		}
	}
	own, err := f.Words(ctx, app)
	if err != nil {
		return err
	}
	own = append(own, words...)
	slices.Sort(own)
	if len(slices.Compact(own)) > MaxWords {
		return im.ErrBadParameter.With("an app has at most %d words", MaxWords)
	}
	if err := f.o.Store.AddWords(ctx, app, words); err != nil {
		return fmt.Errorf("cannot keep words: %w", err)
	}
	return f.tell(ctx, app)
}

// checkWord refuses what is no word for a list.
func checkWord(word string) error {
	switch {
	case word == "" || len(word) > MaxWord || !utf8.ValidString(word):
		return im.ErrBadParameter.With("a word has 1 to %d bytes", MaxWord)
	case strings.ContainsFunc(word, unicode.IsControl):
		return im.ErrBadParameter.With("a word has no control characters")
	case len(folded(word)) == 0 || len(folded(word)) > maxLetters:
		return im.ErrBadParameter.With("a word has letters or digits: nothing else is compared")
	}
	return nil
}

// Delete takes words out of an app's own list. Words that are not in it are passed over.
func (f *Filter) Delete(ctx context.Context, app int, words []string) error {
	if len(words) > MaxWords {
		return im.ErrBadParameter.With("an app has at most %d words", MaxWords)
	}
	if err := f.o.Store.DeleteWords(ctx, app, words); err != nil {
		return fmt.Errorf("cannot delete words: %w", err)
	}
	return f.tell(ctx, app)
}

// tell has the list of an app read again, here before it returns and on the other nodes soon after.
func (f *Filter) tell(ctx context.Context, app int) error {
	err := f.reload(ctx, app)
	f.o.Nodes.Announce(changed, strconv.AppendInt(nil, int64(app), 10))
	return err
}
