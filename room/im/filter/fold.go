package filter

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ascii is what each ASCII character is compared as; 0: it only separates.
var ascii = func() (table [utf8.RuneSelf]rune) {
	for c := range table {
		if r := rune(c); unicode.IsLetter(r) || unicode.IsDigit(r) {
			table[c] = unicode.ToLower(r)
		}
	}
	return table
}()

// letters goes through a text by what is compared: letters and digits, of one width and case, without accents. Spaces,
// punctuation, symbols and what nobody sees only separate, and are passed over.
type letters[T string | []byte] struct {
	text T
	// at and end are where in the text the present character stands.
	at, end int
	// rest is what the present character still stands for: the ligature ﬁ is two letters.
	rest []byte
}

// next is the next letter; 0 at the end.
func (l *letters[T]) next() rune {
	for {
		for len(l.rest) > 0 {
			r, n := utf8.DecodeRune(l.rest)
			l.rest = l.rest[n:]
			if r = fold(r); r != 0 {
				return r
			}
		}
		l.at = l.end
		if l.at == len(l.text) {
			return 0
		}
		if c := l.text[l.at]; c < utf8.RuneSelf {
			l.end++
			if r := ascii[c]; r != 0 {
				return r
			}
			continue
		}
		if r := l.wide(); r != 0 {
			return r
		}
	}
}

// wide reads a character beyond ASCII. It returns 0 for one that only separates, or whose letters are in rest.
func (l *letters[T]) wide() rune {
	text := string(l.text[l.at:min(l.at+utf8.UTFMax, len(l.text))])
	r, n := utf8.DecodeRuneInString(text)
	l.end += n
	switch {
	case r == utf8.RuneError:
		return 0
	case '一' <= r && r <= '鿿': // Han is itself: most of what comes by here
		return r
	}
	if l.rest = norm.NFKD.PropertiesString(text).Decomposition(); l.rest != nil {
		return 0
	}
	return fold(r)
}

// fold is what a character is compared as, after its decomposition; 0: it only separates.
func fold(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return ascii[r]
	case r == 0x3099 || r == 0x309a: // the voiced and half-voiced sound marks make another letter
		return r
	case unicode.Is(unicode.Inherited, r), // accents of any script
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), // letters that nobody sees, such as the Hangul filler
		unicode.Is(unicode.Variation_Selector, r):
		return 0
	case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r):
		return unicode.ToLower(unicode.ToUpper(r)) // both, since ſ and ς have but one upper case with s and σ
	}
	return 0
}

// folded is a whole word as it is compared.
func folded(word string) []rune {
	var out []rune
	for l := (letters[string]{text: word}); ; {
		r := l.next()
		if r == 0 {
			return out
		}
		out = append(out, r)
	}
}
