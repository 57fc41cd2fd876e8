package im

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep the content of an element may be nested.
const maxDepth = 8

// cursor goes through the members of an object or an array. It wants text that json.Valid has seen, and at worst ends
// early on other text.
type cursor struct {
	text   []byte
	object bool
	name   []byte // of an object's member, as it stands between its quotes
	quoted []byte // with them
	value  []byte
}

func openObject(text []byte) cursor { return open(text, '{') }
func openArray(text []byte) cursor  { return open(text, '[') }

func open(text []byte, bracket byte) cursor {
	text = skipSpace(text)
	if len(text) == 0 || text[0] != bracket {
		return cursor{}
	}
	return cursor{text: text[1:], object: bracket == '{'}
}

// next goes to the next member, if there is one.
func (c *cursor) next() bool {
	c.text = skipSpace(c.text)
	if len(c.text) > 0 && c.text[0] == ',' {
		c.text = skipSpace(c.text[1:])
	}
	if c.object {
		if len(c.text) == 0 || c.text[0] != '"' {
			return false
		}
		n := lengthOf(c.text)
		if n < 2 {
			return false
		}
		c.quoted, c.name = c.text[:n], c.text[1:n-1]
		c.text = skipSpace(c.text[n:])
		if len(c.text) == 0 || c.text[0] != ':' {
			return false
		}
		c.text = skipSpace(c.text[1:])
	}
	n := lengthOf(c.text)
	c.value, c.text = c.text[:n], c.text[n:]
	return n > 0
}

func skipSpace(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\n' || text[0] == '\r' || text[0] == '\t') {
		text = text[1:]
	}
	return text
}

// lengthOf is how long the value is with which text begins; 0: there is none.
func lengthOf(text []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
			if !quoted && depth == 0 {
				return i + 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth == 0 {
				return i // the end of what a number or a name is in
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case depth == 0 && (c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\r' || c == '\t'):
			return i
		}
	}
	if depth > 0 || quoted {
		return 0
	}
	return len(text)
}

// appendCompact appends a value without spaces and with characters as themselves: whatever of a string need not be
// escaped is not. It reports false for what is nested too deep and for halves of surrogate pairs.
func appendCompact(dst, text []byte) ([]byte, bool) {
	depth := 0
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case ' ', '\n', '\r', '\t':
			i++
		case '"':
			n := lengthOf(text[i:])
			var ok bool
			if dst, ok = appendRequoted(dst, text[i:i+n]); !ok || n == 0 {
				return dst, false
			}
			i += n
		default:
			if c == '{' || c == '[' {
				depth++
			} else if c == '}' || c == ']' {
				depth--
			}
			if depth > maxDepth {
				return dst, false
			}
			dst = append(dst, c)
			i++
		}
	}
	return dst, true
}

// appendRequoted appends a string of JSON with its characters as themselves.
func appendRequoted(dst, quoted []byte) ([]byte, bool) {
	if !slices.Contains(quoted, '\\') {
		return append(dst, quoted...), true
	}
	text, ok := appendString(make([]byte, 0, len(quoted)), quoted)
	if !ok {
		return dst, false
	}
	return appendQuoted(dst, text), true
}

// appendQuoted appends a text as a string of JSON. Only what has to be is escaped (RFC 8259 7): a less-than sign is
// itself, those who put it into a page have to know.
func appendQuoted[T string | []byte](dst []byte, text T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// appendString appends what a string of JSON says. It reports false for what is none, and for halves of surrogate
// pairs, which are no characters.
func appendString(dst, quoted []byte) ([]byte, bool) {
	if len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
		return dst, false
	}
	for text := quoted[1 : len(quoted)-1]; len(text) > 0; {
		if text[0] != '\\' {
			dst = append(dst, text[0])
			text = text[1:]
			continue
		}
		c, n := unescape(text)
		if n == 0 {
			return dst, false
		}
		dst = utf8.AppendRune(dst, c)
		text = text[n:]
	}
	return dst, true
}

// unescape reads the character that an escape stands for, and how long the escape is; 0: it is none.
func unescape(text []byte) (rune, int) {
	if len(text) < 2 {
		return 0, 0
	}
	switch c := text[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	first, ok := unit(text)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(first) {
		return first, 6
	}
	second, ok := unit(text[6:])
	c := utf16.DecodeRune(first, second)
	if !ok || c == utf8.RuneError {
		return 0, 0
	}
	return c, 12
}

// unit reads an escape of the form \uXXXX.
func unit(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	var v rune
	for _, c := range text[2:6] {
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			v = v<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}
