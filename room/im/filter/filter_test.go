package filter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/room/im"
)

// memory is a store in memory.
type memory struct {
	mu    sync.Mutex
	words map[int][]string
	reads int
	fault error
}

func (m *memory) AddWords(_ context.Context, app int, words []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.words == nil {
		m.words = make(map[int][]string)
	}
	for _, w := range words {
		if !slices.Contains(m.words[app], w) {
			m.words[app] = append(m.words[app], w)
		}
	}
	return m.fault
}

func (m *memory) DeleteWords(_ context.Context, app int, words []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.words[app] = slices.DeleteFunc(m.words[app], func(w string) bool { return slices.Contains(words, w) })
	return m.fault
}

func (m *memory) Words(_ context.Context, app int) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	return slices.Clone(m.words[app]), m.fault
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = err
}

// nodes are several nodes in one process.
type nodes struct {
	handlers []func(context.Context, []byte) ([]byte, error)
}

func (n *nodes) Handle(op string, f func(context.Context, []byte) ([]byte, error)) {
	if op != changed {
		panic(op)
	}
	n.handlers = append(n.handlers, f)
}

func (n *nodes) Announce(_ string, data []byte) {
	for _, f := range n.handlers {
		_, _ = f(context.Background(), data)
	}
}

func newFilter(t *testing.T, o Options) *Filter {
	t.Helper()
	if o.Store == nil {
		o.Store = &memory{}
	}
	if o.Nodes == nil {
		o.Nodes = &nodes{}
	}
	o.Log = slog.New(slog.DiscardHandler)
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func text(s string) im.Element {
	content, _ := json.Marshal(map[string]string{"Text": s})
	return im.Element{Type: im.ElemText, Content: content}
}

// A33, B30, D09: a text with a word of the list is refused with 80001.
func TestA33RefusesTexts(t *testing.T) {
	f := newFilter(t, Options{})
	for in, want := range map[string]error{
		"hello":               nil,
		"weirbadword":         im.ErrSensitive,
		"so, W-e-i-r BADｗord": im.ErrSensitive,
		"敏 感 词 测 试":           im.ErrSensitive,
	} {
		if got, err := f.Text(t.Context(), 1, in); !errors.Is(err, want) || err == nil && got != in {
			t.Errorf("%q: %q, %v", in, got, err)
		}
		body := []im.Element{text("fine"), text(in)}
		if got, err := f.Body(t.Context(), 1, body); !errors.Is(err, want) || err == nil && &got[0] != &body[0] {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	if n := testutil.ToFloat64(f.stats.refused); n != 6 {
		t.Errorf("%v were counted", n)
	}
}

func TestMasksTexts(t *testing.T) {
	f := newFilter(t, Options{Mask: true})
	body := []im.Element{
		{Type: im.ElemText, Content: json.RawMessage(`{"Text":"a w.e.i.r.badword <\n>","More":"weirbadword"}`)},
		{Type: im.ElemCustom, Content: json.RawMessage(`{"Data":"weirbadword"}`)},
	}
	before := fmt.Sprintf("%s", body)
	got, err := f.Body(t.Context(), 1, body)
	if err != nil || string(got[0].Content) != `{"Text":"a *.*.*.*.******* <\n>","More":"weirbadword"}` {
		t.Errorf("got %s, %v", got, err)
	}
	if string(got[1].Content) != `{"Data":"weirbadword"}` {
		t.Error("a custom element was looked into")
	}
	if after := fmt.Sprintf("%s", body); after != before {
		t.Errorf("the body became %s", after)
	}
	if got, err := f.Text(t.Context(), 1, "ＷＥＩＲbadword!"); got != "***********!" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if n := testutil.CollectAndCount(f); n != 2 {
		t.Errorf("%d metrics", n)
	}
}

// A33: an app's own words hold for it alone, on all nodes, as soon as they were added.
func TestA33OwnWords(t *testing.T) {
	store, both := &memory{}, &nodes{}
	here := newFilter(t, Options{Store: store, Nodes: both})
	there := newFilter(t, Options{Store: store, Nodes: both})
	check := func(app int, in string, want error) {
		t.Helper()
		for _, f := range []*Filter{here, there} {
			if _, err := f.Text(t.Context(), app, in); !errors.Is(err, want) {
				t.Errorf("app %d, %q: %v", app, in, err)
			}
		}
	}
	check(1, "gourd", nil)
	if err := here.Add(t.Context(), 1, []string{"Gourd", "apple"}); err != nil {
		t.Fatal(err)
	}
	check(1, "g o u r d", im.ErrSensitive)
	check(1, "weirbadword", im.ErrSensitive)
	check(2, "gourd", nil)
	if words, err := there.Words(t.Context(), 1); err != nil || !slices.Equal(words, []string{"Gourd", "apple"}) {
		t.Errorf("words %q, %v", words, err)
	}
	if err := there.Delete(t.Context(), 1, []string{"Gourd", "never there"}); err != nil {
		t.Fatal(err)
	}
	check(1, "gourd", nil)
	check(1, "apple", im.ErrSensitive)
}

func TestRefusesWords(t *testing.T) {
	f := newFilter(t, Options{})
	for _, word := range []string{"", "🙂", " ", "a\nb", "\xff", strings.Repeat("a", MaxWord+1)} {
		if err := f.Add(t.Context(), 1, []string{"fine", word}); !errors.Is(err, im.ErrBadParameter) {
			t.Errorf("%q: %v", word, err)
		}
	}
	if err := f.Add(t.Context(), 1, []string{strings.Repeat("a", MaxWord)}); err != nil {
		t.Error(err)
	}
	words := make([]string, MaxWords)
	for i := range words {
		words[i] = fmt.Sprint("w", i)
	}
	if err := f.Add(t.Context(), 2, words); err != nil {
		t.Error(err)
	}
	if err := f.Add(t.Context(), 2, words[:10]); err != nil {
		t.Error("words that are there:", err)
	}
	if err := f.Add(t.Context(), 2, []string{"one more"}); !errors.Is(err, im.ErrBadParameter) {
		t.Errorf("one more: %v", err)
	}
}

func TestListFromAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(name, []byte("# weirbadword\n\n  Turnip \r\nlast"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFilter(t, Options{File: name})
	for in, want := range map[string]error{"turnip": im.ErrSensitive, "last": im.ErrSensitive, "weirbadword": nil} {
		if _, err := f.Text(t.Context(), 1, in); !errors.Is(err, want) {
			t.Errorf("%q: %v", in, err)
		}
	}
	for name, content := range map[string]string{"binary": "\xff", "long": strings.Repeat("a\n", maxFile)} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{Store: &memory{}, Nodes: &nodes{}, File: file}); err == nil {
			t.Errorf("a %s file is read", name)
		}
	}
	if _, err := New(Options{Store: &memory{}, Nodes: &nodes{}, File: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("no file is read")
	}
}

// What an app forbids does not pass because its list cannot be read.
func TestStoreFault(t *testing.T) {
	store := &memory{}
	f := newFilter(t, Options{Store: store})
	store.fail(errors.New("the disk is gone"))
	if _, err := f.Text(t.Context(), 1, "hello"); err == nil {
		t.Error("a text passes without a list")
	}
	store.fail(nil)
	if _, err := f.Text(t.Context(), 1, "hello"); err != nil {
		t.Error(err)
	}
	store.fail(errors.New("the disk is gone"))
	if f.Add(t.Context(), 1, []string{"hello"}) == nil || f.Delete(t.Context(), 1, []string{"hello"}) == nil {
		t.Error("nobody heard of it")
	}
}

// Texts are looked into while lists change.
func TestListsChangeMeanwhile(t *testing.T) {
	store, all := &memory{}, &nodes{}
	f := newFilter(t, Options{Store: store, Nodes: all, Mask: true})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if got, err := f.Text(t.Context(), 1, "weirbadword apple"); err != nil || !strings.HasPrefix(got, "***********") {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	for range 20 {
		if err := errors.Join(f.Add(t.Context(), 1, []string{"apple"}), f.Delete(t.Context(), 1, []string{"apple"})); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

func TestCleanBodyAllocatesNothing(t *testing.T) {
	f := newFilter(t, Options{})
	body := []im.Element{text("Some text that \"nobody\" could object to."), {Type: im.ElemCustom, Content: json.RawMessage(`{}`)}}
	ctx := t.Context()
	if _, err := f.Body(ctx, 1, body); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = f.Body(ctx, 1, body) }); n > 1 { // the race detector has the pool lose buffers
		t.Errorf("%v allocations", n)
	}
}

// A list that nobody was told of is read within a minute, and what cannot be read again stays.
func TestLostWord(t *testing.T) {
	store := &memory{}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	f := newFilter(t, Options{Store: store, Now: func() time.Time { return now }})
	check := func(want error) {
		t.Helper()
		if _, err := f.Text(t.Context(), 1, "gourd"); !errors.Is(err, want) {
			t.Errorf("%v: %v", now, err)
		}
	}
	check(nil)
	if err := store.AddWords(t.Context(), 1, []string{"gourd"}); err != nil {
		t.Fatal(err)
	}
	check(nil)
	now = now.Add(keepList)
	check(im.ErrSensitive)
	store.fail(errors.New("the disk is gone"))
	now = now.Add(keepList)
	check(im.ErrSensitive)
	store.fail(nil)
	reads := store.reads
	check(im.ErrSensitive)
	check(im.ErrSensitive)
	if store.reads != reads+1 {
		t.Errorf("read %d times", store.reads-reads)
	}
}
