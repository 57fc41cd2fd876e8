package filter

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	ahocorasick "github.com/BobuSumisu/aho-corasick"
	"golang.org/x/text/width"
)

func automatonOf(words ...string) *automaton {
	var list [][]rune
	for _, w := range words {
		list = append(list, folded(w))
	}
	return build(list)
}

func TestMask(t *testing.T) {
	words := automatonOf("bad", "敏感词", "straße", "worse", "ガス", "bad apple", "ﬁle", "x1")
	for _, tc := range []struct{ in, want string }{
		{"good", "good"},
		{"bad", "***"},
		{"so bad!", "so ***!"},
		{"BaD", "***"},
		{"ｂａｄ ＢＡＤ", "*** ***"},
		{"b.a-d", "*.*-*"},
		{"b \u200b a\u2060\n d", "* \u200b *\u2060\n *"},
		{"b🙂a🙂d", "*🙂*🙂*"},
		{"b\ufe0fa\u00add", "*\ufe0f*\u00ad*"},
		{"bád b́ad", "*** *\u0301**"},
		{"敏 感，词", "* *，*"},
		{"①②", "①②"},
		{"𝐛𝒶𝔡", "***"},
		{"STRAẞE", "******"},
		{"ｶﾞｽ", "***"}, // the mark is a character of its own there
		{"カス", "カス"},
		{"bad apple", "*** *****"},
		{"bad apples bad", "*** *****s ***"},
		{"baworse", "ba*****"},
		{"a ﬁ le", "a * **"},
		{"profile", "pro****"}, // the ligature is f and i
		{"x¹", "**"},
		{"x²", "x²"},
		{"b\xffa\xfed\xff", "*\xff*\xfe*\xff"},
		{"bababad", "baba***"},
		{"", ""},
	} {
		if got := words.mask(tc.in); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.in, got, tc.want)
		}
		if has(words, tc.in) != (tc.in != tc.want) || has(words, []byte(tc.in)) != (tc.in != tc.want) {
			t.Errorf("%q: found or not", tc.in)
		}
	}
}

func TestAutomatonOfNothing(t *testing.T) {
	for _, a := range []*automaton{build(nil), automatonOf("", "...", "🙂")} {
		if has(a, "some text ...🙂") {
			t.Error("found")
		}
	}
}

// words are of few letters, so that they are often parts of each other.
func randomWord(r *rand.Rand, letters string, most int) string {
	var word strings.Builder
	all := []rune(letters)
	for range 1 + r.IntN(most) {
		word.WriteRune(all[r.IntN(len(all))])
	}
	return word.String()
}

// The library finds the same (ADR 21).
func TestAutomatonAgainstALibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var words []string
		for range 1 + r.IntN(20) {
			words = append(words, randomWord(r, "abc你", 5))
		}
		other := ahocorasick.NewTrieBuilder().AddStrings(words).Build()
		text := randomWord(r, "abcd你好", 60)
		want := []byte(text)
		for _, m := range other.MatchString(text) {
			for i := range m.Match() {
				want[int(m.Pos())+i] = 0
			}
		}
		masked := automatonOf(words...).mask(text)
		got := []byte(nil)
		for i := 0; i < len(text); {
			_, n := utf8.DecodeRuneInString(text[i:])
			if masked[0] == '*' {
				got, masked = append(got, make([]byte, n)...), masked[1:]
			} else {
				got, masked = append(got, masked[:n]...), masked[n:]
			}
			i += n
		}
		if string(got) != string(want) {
			t.Fatalf("%q in %q: got %q, want %q", words, text, got, want)
		}
	}
}

var separators = []string{"", " ", ".", "  ", "\u200b", "\u200d\u200c", "・", "，", "_", "\u00ad", "\t\n", "❤", "\u0301", "\ufe0f", "\u3164"}

// variant is a word as somebody writes it who knows that it is not allowed, and what masking is to make of it.
func variant(r *rand.Rand, word string) (text, masked string) {
	for i, c := range []rune(word) {
		if i > 0 {
			s := separators[r.IntN(len(separators))]
			text, masked = text+s, masked+s
		}
		written := string(c)
		switch r.IntN(4) {
		case 0:
			written = strings.ToUpper(written)
		case 1:
			written = width.Widen.String(written)
		case 2:
			written = width.Widen.String(strings.ToUpper(written))
		}
		text, masked = text+written, masked+strings.Repeat("*", utf8.RuneCountInString(written))
	}
	return text, masked
}

// Every way to write a listed word is found, and masking leaves everything else byte for byte.
func TestVariantsAreFound(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		var words []string
		for range 1 + r.IntN(5) {
			words = append(words, randomWord(r, "abcdefghijkmnéжя敏感词测試9", 8))
		}
		a := automatonOf(words...)
		text, masked := variant(r, words[r.IntN(len(words))])
		const before, after = "OQ 漢! ", " ¿ZL?\xff"
		if got := a.mask(before + text + after); got != before+masked+after {
			t.Fatalf("%q, %q: got %q, want %q", words, text, got, before+masked+after)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add("bad\n敏感词", "so b.a.d, ＢＡＤ 敏 感 词")
	f.Add("a\naa\n", "\xffaa\u0301a\ufdfa")
	f.Fuzz(func(t *testing.T, list, text string) {
		words := strings.Split(list, "\n")
		a := automatonOf(words...)
		masked := a.mask(text)
		if has(a, text) != (masked != text) {
			t.Fatalf("%q in %q: masked %q", words, text, masked)
		}
		if utf8.RuneCountInString(masked) != utf8.RuneCountInString(text) {
			t.Fatalf("%q became %q", text, masked)
		}
		rest := masked
		for _, c := range text {
			got, n := utf8.DecodeRuneInString(rest)
			if got != c && got != '*' {
				t.Fatalf("%q became %q", text, masked)
			}
			rest = rest[n:]
		}
		for _, w := range words {
			if n := len(folded(w)); n > 0 && n <= maxLetters && !has(a, "x "+w) {
				t.Fatalf("%q is not found", w)
			}
		}
	})
}

// fullList is as many words as an app may have.
func fullList(letters string, most int) *automaton {
	r := rand.New(rand.NewPCG(5, 6))
	var words []string
	for len(words) < MaxWords {
		if w := randomWord(r, letters, most); utf8.RuneCountInString(w) >= 4 {
			words = append(words, w)
		}
	}
	return automatonOf(words...)
}

func TestCleanTextAllocatesNothing(t *testing.T) {
	a := fullList("abcdefghijkl", 12)
	for _, text := range []string{"zzz yyy, no word of the list! 42", "没有 Ｚｚ ẑ"} {
		bytes := []byte(text)
		if n := testing.AllocsPerRun(100, func() {
			if has(a, text) || has(a, bytes) {
				t.Error("found")
			}
		}); n != 0 {
			t.Errorf("%q: %v allocations", text, n)
		}
	}
}

func TestAutomatonIsSmall(t *testing.T) {
	a := fullList("abcdefghijklmnopqrstuvwxyz", 12)
	bytes := 4*(cap(a.edges)+cap(a.label)+cap(a.fail)) + cap(a.found)
	if bytes > 1<<20 {
		t.Errorf("%d states take %d bytes", len(a.found), bytes)
	}
	if !slices.IsSorted(a.edges) {
		t.Error("the states are out of order")
	}
}

func BenchmarkFilter5000Words(b *testing.B) {
	list := fullList("abcdefghijklmnopqrstuvwxyz", 12)
	for name, text := range map[string][]byte{
		"ascii":   []byte(strings.Repeat("Nothing that anybody could object to, really. ", 5)),
		"chinese": []byte(strings.Repeat("直播间里大家好，欢迎新来的朋友！", 10)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if has(list, text) {
					b.Fatal("found")
				}
			}
		})
	}
}
