package im

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"unicode/utf8"
)

// MaxMessage is the longest message in bytes: its body as JSON in the form that CheckBody gives it, and its cloud data.
const MaxMessage = 12 << 10

const (
	maxElements = 50
	maxFields   = 32
	// maxRaw bounds what is parsed before its length in the one form is known: what is compacted to a message that may be
	// sent, all of it in \u escapes.
	maxRaw = 6 * MaxMessage
)

// CheckBody checks what somebody wants to send, as the types of its elements demand, and gives it back in one form:
// compact, characters as themselves, with unknown fields kept and no text changed. cloud is counted in. The refusals
// are ErrBadBody and ErrTooLong; for a message into a room callers show the former as ErrBadParameter. The body that it
// is given is left as it is.
func CheckBody(body []Element, cloud string) ([]Element, error) {
	if len(body) == 0 || len(body) > maxElements {
		return nil, ErrBadBody.With("MsgBody has 1 to %d elements", maxElements)
	}
	if !utf8.ValidString(cloud) {
		return nil, ErrBadBody.With("CloudCustomData is not UTF-8")
	}
	raw := len(cloud)
	for _, e := range body {
		raw += len(e.Content)
	}
	if raw > maxRaw {
		return nil, ErrTooLong
	}
	checked := make([]Element, len(body))
	for i, e := range body {
		content, err := checkElement(e)
		if err != nil {
			return nil, err
		}
		checked[i] = Element{Type: e.Type, Content: content}
	}
	if size(checked)+len(cloud) > MaxMessage {
		return nil, ErrTooLong
	}
	return checked, nil
}

// size is how long a body is as JSON.
func size(body []Element) int {
	n := len(`[]`) + len(body) - 1
	for _, e := range body {
		n += len(`{"MsgType":"","MsgContent":}`) + len(e.Type) + len(e.Content)
	}
	return n
}

// checkElement checks one element, and gives back its content in the one form.
func checkElement(e Element) (json.RawMessage, error) {
	shape, known := shapes[e.Type]
	if !known {
		return nil, ErrBadBody.With("MsgType is none that may be sent")
	}
	if !utf8.Valid(e.Content) || !json.Valid(e.Content) {
		return nil, ErrBadBody.With("the MsgContent of a %s is not JSON", e.Type)
	}
	content, ok := appendCompact(make([]byte, 0, len(e.Content)), e.Content)
	if !ok {
		return nil, ErrBadBody.With("the MsgContent of a %s is nested too deep, or its text is not Unicode", e.Type)
	}
	if field, ok := shape.fits(content); !ok {
		return nil, ErrBadBody.With("the MsgContent of a %s is wrong: %s", e.Type, field)
	}
	return content, nil
}

// shape is what the known fields of an object have to be.
type shape map[string]field

// field is what one field has to be.
type field struct {
	fits     func(value []byte) bool
	required bool
}

// shapes are the elements that may be sent. What a server tells by itself (ElemTip and the like) is not among them.
var shapes = map[string]shape{
	ElemText:     {"Text": {isString, true}},
	ElemCustom:   {"Data": {isString, false}, "Desc": {isString, false}, "Ext": {isString, false}, "Sound": {isString, false}},
	ElemFace:     {"Index": {isInt32, true}, "Data": {isString, false}},
	ElemLocation: {"Desc": {isString, false}, "Latitude": {within(90), true}, "Longitude": {within(180), true}},
	ElemImage:    {"UUID": {isString, false}, "ImageFormat": {oneOf("1", "2", "3", "4", "255"), false}, "ImageInfoArray": {isImages, true}},
	ElemSound: {
		"Url": {isAddress, false}, "UUID": {isString, false}, "Size": {isUint32, false}, "Second": {isUint32, false},
		"Download_Flag": {isUint32, false},
	},
	ElemFile: {
		"Url": {isAddress, false}, "UUID": {isString, false}, "FileSize": {isUint32, false}, "FileName": {isString, false},
		"Download_Flag": {isUint32, false},
	},
	ElemVideo: {
		"VideoUrl": {isAddress, false}, "VideoUUID": {isString, false}, "VideoSize": {isUint32, false},
		"VideoSecond": {isUint32, false}, "VideoFormat": {isString, false}, "VideoDownloadFlag": {isUint32, false},
		"ThumbUrl": {isAddress, false}, "ThumbUUID": {isString, false}, "ThumbSize": {isUint32, false},
		"ThumbWidth": {isUint32, false}, "ThumbHeight": {isUint32, false}, "ThumbFormat": {isString, false},
		"ThumbDownloadFlag": {isUint32, false},
	},
}

// imageShape is one size of a picture.
var imageShape = shape{
	"Type": {oneOf("1", "2", "3"), true}, "URL": {isAddress, true},
	"Size": {isUint32, false}, "Width": {isUint32, false}, "Height": {isUint32, false},
}

// fits tells whether a value is an object with these fields, and which field is wrong. A name may not be there twice:
// readers do not agree on which counts, and what the filter saw has to be what viewers see.
func (s shape) fits(value []byte) (wrong string, ok bool) {
	if value[0] != '{' {
		return "it is not an object", false
	}
	var seen []string
	for f := openObject(value); f.next(); {
		name := string(f.name)
		if len(seen) == maxFields || slices.Contains(seen, name) {
			return "it has too many fields, or one twice", false
		}
		seen = append(seen, name)
		if known, ok := s[name]; ok && !known.fits(f.value) {
			return name, false
		}
	}
	for name, f := range s {
		if f.required && !slices.Contains(seen, name) {
			return name + " is missing", false
		}
	}
	return "", true
}

func isString(value []byte) bool { return value[0] == '"' }

func isInt32(value []byte) bool {
	_, err := strconv.ParseInt(string(value), 10, 32)
	return err == nil
}

func isUint32(value []byte) bool {
	_, err := strconv.ParseUint(string(value), 10, 32)
	return err == nil
}

// within is a number between -limit and limit.
func within(limit float64) func([]byte) bool {
	return func(value []byte) bool {
		n, err := strconv.ParseFloat(string(value), 64)
		return err == nil && -limit <= n && n <= limit
	}
}

func oneOf(values ...string) func([]byte) bool {
	return func(value []byte) bool { return slices.Contains(values, string(value)) }
}

// isAddress is an address of the web, or a path on this server: whoever shows it may link to it, so that it must not be
// a script.
func isAddress(value []byte) bool {
	text, ok := appendString(nil, value)
	if !ok {
		return false
	}
	if len(text) == 0 {
		return true
	}
	u, err := url.Parse(string(text))
	if err != nil {
		return false
	}
	return u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "" && text[0] == '/'
}

// maxImages bounds the sizes of one picture: there are an original, a large and a small one.
const maxImages = 10

func isImages(value []byte) bool {
	if value[0] != '[' {
		return false
	}
	n := 0
	for item := openArray(value); item.next(); n++ {
		if _, ok := imageShape.fits(item.value); !ok || n == maxImages {
			return false
		}
	}
	return n > 0
}

// AppendText appends what a text element says. It reports false for elements that are none.
func AppendText(dst []byte, e Element) ([]byte, bool) {
	if e.Type != ElemText {
		return dst, false
	}
	for f := openObject(e.Content); f.next(); {
		if string(f.name) == "Text" {
			return appendString(dst, f.value)
		}
	}
	return dst, false
}

// WithText is a text element that says something else; what else is in it stays.
func WithText(e Element, text string) Element {
	content := make([]byte, 0, len(e.Content)+len(text))
	content = append(content, '{')
	for f := openObject(e.Content); f.next(); {
		if len(content) > 1 {
			content = append(content, ',')
		}
		content = append(content, f.quoted...)
		content = append(content, ':')
		if string(f.name) == "Text" {
			content = appendQuoted(content, text)
		} else {
			content = append(content, f.value...)
		}
	}
	return Element{Type: e.Type, Content: append(content, '}')}
}
