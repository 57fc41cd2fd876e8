package v4

import (
	"bytes"
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"weir/room/im"
)

// The bounds of a body.
const (
	maxBody   = 1 << 20
	maxDepth  = 16
	maxValues = 20_000
)

// node is a part of a form: texts that share a name, or more parts below it.
type node struct {
	texts []string
	many  bool     // written as a list, however many texts there are
	keys  []string // of below, in the order in which they came
	below map[string]*node
	next  int  // the index that the next [] has
	made  *int // how many parts the whole form has
}

// parseForm reads a=1&b[0][c]=2&d[]=3 into a tree. Nothing in it has a type yet.
func parseForm(text []byte) (*node, error) {
	root, values := &node{made: new(int)}, 0
	for pair := range strings.SplitSeq(string(text), "&") {
		if pair == "" {
			continue
		}
		if values++; values > maxValues {
			return nil, errJSON.With("the body has more than %d values", maxValues)
		}
		rawName, rawValue, ok := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(strings.TrimSpace(rawName))
		if err != nil || !ok {
			return nil, errJSON
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, errJSON
		}
		if err := root.add(name, value); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// add puts a value where its name says: first[second][third].
func (n *node) add(name, value string) error {
	first, rest, nested := strings.Cut(name, "[")
	if first == "" || nested && !strings.HasSuffix(rest, "]") {
		return errJSON.With("the body is no JSON object, and %.40q names nothing in a form", name)
	}
	at, err := n.child(first)
	if err != nil {
		return err
	}
	if nested {
		keys := strings.Split(rest[:len(rest)-1], "][")
		if len(keys) >= maxDepth {
			return errJSON.With("the body is deeper than %d levels", maxDepth)
		}
		last := len(keys) - 1
		many := keys[last] == "" // a[]=1&a[]=2 are two texts of a
		if many {
			keys = keys[:last]
		}
		for _, key := range keys {
			if key == "" {
				key = strconv.Itoa(at.next)
			}
			if at, err = at.child(key); err != nil {
				return err
			}
		}
		at.many = at.many || many
	}
	if at.below != nil {
		return errJSON.With("%.40q is a value and a list in one", name)
	}
	at.texts = append(at.texts, value)
	return nil
}

// child is the part below n of a name, made if there is none.
func (n *node) child(key string) (*node, error) {
	if n.texts != nil {
		return nil, errJSON.With("%.40q is below a value", key)
	}
	if c := n.below[key]; c != nil {
		return c, nil
	}
	if *n.made++; *n.made > maxValues {
		return nil, errJSON.With("the body has more than %d values", maxValues)
	}
	if n.below == nil {
		n.below = make(map[string]*node)
	}
	if i, err := strconv.Atoi(key); err == nil && i >= n.next && i < maxValues {
		n.next = i + 1
	}
	c := &node{made: n.made}
	n.below[key] = c
	n.keys = append(n.keys, key)
	return c, nil
}

// The types that a form's parts become in another way than their kind says.
var (
	typeElement = reflect.TypeFor[im.Element]()
	typeRaw     = reflect.TypeFor[json.RawMessage]()
)

// contents are what the elements of messages hold, as far as it is not all texts.
var contents = map[string]reflect.Type{
	im.ElemFace: reflect.TypeFor[struct {
		Index int64
		Data  string
	}](),
	im.ElemLocation: reflect.TypeFor[struct {
		Desc                string
		Latitude, Longitude float64
	}](),
	im.ElemImage: reflect.TypeFor[struct {
		UUID           string
		ImageFormat    int64
		ImageInfoArray []struct {
			Type, Size, Width, Height int64
			URL                       string
		}
	}](),
}

// json writes the part as the JSON that a value of type t is read from. What does not fit t is written as the text that
// it is, so that reading it says what is wrong; what t does not have is left out.
func (n *node) json(out *bytes.Buffer, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == typeElement:
		n.element(out)
	case t == typeRaw:
		n.plain(out)
	case t.Kind() == reflect.Struct && n.texts == nil:
		n.object(out, t)
	case t.Kind() == reflect.Slice:
		n.list(out, t.Elem())
	case len(n.texts) == 1 && isNumber(t.Kind()) && isJSONNumber(n.texts[0]):
		out.WriteString(n.texts[0])
	default:
		n.plain(out)
	}
}

// plain writes the part with texts only: an object, a list of several texts, or one text.
func (n *node) plain(out *bytes.Buffer) {
	switch {
	case len(n.texts) == 1 && !n.many:
		writeText(out, n.texts[0])
	case n.texts != nil:
		n.list(out, reflect.TypeFor[string]())
	default:
		out.WriteByte('{')
		for i, key := range n.keys {
			writeKey(out, i, key)
			n.below[key].plain(out)
		}
		out.WriteByte('}')
	}
}

// object writes the part as a struct with the fields of t, found by their names in JSON.
func (n *node) object(out *bytes.Buffer, t reflect.Type) {
	out.WriteByte('{')
	written := 0
	for field := range fields(t) {
		if c := n.below[field.name]; c != nil {
			writeKey(out, written, field.name)
			c.json(out, field.typ)
			written++
		}
	}
	out.WriteByte('}')
}

// list writes the part as a list: its texts, or what is below it in the order of its indices.
func (n *node) list(out *bytes.Buffer, elem reflect.Type) {
	keys := slices.Clone(n.keys)
	for _, key := range keys {
		if i, err := strconv.Atoi(key); err != nil || i < 0 {
			n.plain(out) // no list
			return
		}
	}
	slices.SortStableFunc(keys, func(a, b string) int {
		i, _ := strconv.Atoi(a)
		j, _ := strconv.Atoi(b)
		return i - j
	})
	out.WriteByte('[')
	for i, text := range n.texts {
		writeComma(out, i)
		(&node{texts: []string{text}}).json(out, elem)
	}
	for i, key := range keys {
		writeComma(out, i)
		n.below[key].json(out, elem)
	}
	out.WriteByte(']')
}

// element writes an element of a message, whose type says which of its fields are numbers.
func (n *node) element(out *bytes.Buffer) {
	kind, content := n.below["MsgType"], n.below["MsgContent"]
	if kind == nil || content == nil || len(kind.texts) != 1 {
		n.plain(out)
		return
	}
	writeKey(out, 0, "MsgType", '{')
	writeText(out, kind.texts[0])
	writeKey(out, 1, "MsgContent")
	if t := contents[kind.texts[0]]; t != nil {
		content.json(out, t)
	} else {
		content.plain(out)
	}
	out.WriteByte('}')
}

func writeText(out *bytes.Buffer, text string) {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals; invalid UTF-8 becomes U+FFFD
	}
	out.Write(quoted)
}

func writeKey(out *bytes.Buffer, i int, key string, before ...byte) {
	out.Write(before)
	writeComma(out, i)
	writeText(out, key)
	out.WriteByte(':')
}

func writeComma(out *bytes.Buffer, i int) {
	if i > 0 {
		out.WriteByte(',')
	}
}

func isNumber(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Float64 }

// isJSONNumber tells whether a text is a number as JSON writes it (RFC 8259 6).
func isJSONNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s))
}
