package filter

import (
	"slices"
	"unicode/utf8"
)

// automaton finds words in a text in one pass (Aho and Corasick). A state is a beginning of words; states are numbered
// by their length, the root is 0, and the edge with index i leads to state i+1, so that neither children nor edges need
// pointers: 13 bytes a letter of the list at most (ADR 21).
type automaton struct {
	edges []int32 // of a state: label[edges[s]:edges[s+1]]
	label []rune  // sorted within a state
	fail  []int32 // the longest end of a state's letters that is a state, too
	// found is how long the longest word is with which a state's letters end; 0: none.
	found []uint8
}

// maxLetters is the most letters of a word: as many as its bytes, but for those characters that stand for several.
const maxLetters = 255

// span is the words of a sorted list that begin with the same letters.
type span struct{ from, to int }

// build makes the automaton of words, which are folded. Words without a letter, or with too many, are left out.
func build(words [][]rune) *automaton {
	words = slices.DeleteFunc(slices.Clone(words), func(w []rune) bool { return len(w) == 0 || len(w) > maxLetters })
	slices.SortFunc(words, slices.Compare)
	words = slices.CompactFunc(words, slices.Equal)
	a := &automaton{}
	level := []span{{0, len(words)}}
	for depth := 0; len(level) > 0; depth++ {
		level = a.grow(words, level, depth)
	}
	a.edges = append(a.edges, int32(len(a.label)))
	a.link()
	return a
}

// grow adds the states of one length, and returns the words that go on from each of those one longer.
func (a *automaton) grow(words [][]rune, level []span, depth int) (longer []span) {
	for _, s := range level {
		a.edges = append(a.edges, int32(len(a.label)))
		a.found = append(a.found, 0)
		if s.from < s.to && len(words[s.from]) == depth {
			a.found[len(a.found)-1] = uint8(depth)
			s.from++
		}
		for s.from < s.to {
			c, next := words[s.from][depth], s.from+1
			for next < s.to && words[next][depth] == c {
				next++
			}
			a.label = append(a.label, c)
			longer = append(longer, span{s.from, next})
			s.from = next
		}
	}
	return longer
}

// link sets where each state goes on from when a letter does not fit. It goes by length, since that is always a shorter
// state.
func (a *automaton) link() {
	a.fail = make([]int32, len(a.found))
	for s := range int32(len(a.found)) {
		for e := a.edges[s]; e < a.edges[s+1]; e++ {
			child := e + 1
			if s > 0 {
				a.fail[child] = a.step(a.fail[s], a.label[e])
			}
			if a.found[child] == 0 {
				a.found[child] = a.found[a.fail[child]]
			}
		}
	}
}

// step is the state after one more letter.
func (a *automaton) step(s int32, c rune) int32 {
	for {
		from := a.edges[s]
		if i, ok := slices.BinarySearch(a.label[from:a.edges[s+1]], c); ok {
			return from + int32(i) + 1
		}
		if s == 0 {
			return 0
		}
		s = a.fail[s]
	}
}

// has tells whether one of the words is in a text.
func has[T string | []byte](a *automaton, text T) bool {
	l := letters[T]{text: text}
	for s := int32(0); ; {
		r := l.next()
		if r == 0 {
			return false
		}
		if s = a.step(s, r); a.found[s] > 0 {
			return true
		}
	}
}

// mask is a text with an asterisk in the place of each character that belongs to one of the words; what stands between
// them is left.
func (a *automaton) mask(text string) string {
	var at []int // where each letter's character stands
	hide := make([]bool, len(text))
	l := letters[string]{text: text}
	for s := int32(0); ; {
		r := l.next()
		if r == 0 {
			break
		}
		at = append(at, l.at)
		s = a.step(s, r)
		for _, i := range at[len(at)-int(a.found[s]):] {
			hide[i] = true
		}
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		_, n := utf8.DecodeRuneInString(text[i:])
		if hide[i] {
			out = append(out, '*')
		} else {
			out = append(out, text[i:i+n]...)
		}
		i += n
	}
	return string(out)
}
