package im

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// AppendMessage appends a message as clients get it on its room's channel: one JSON object on one line, whatever the
// message holds. Empty fields are left out.
func AppendMessage(dst []byte, m *Message) []byte {
	return append(appendFields(append(dst, '{'), m), '}')
}

// AppendPersonal appends a message as clients get it on their account's own channel, where it also says which room
// ("g") or account ("to") it is for, the number with which its key begins ("s"), and that it does not count as unread
// ("nu").
func AppendPersonal(dst []byte, m *Message) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "g", m.Room)
	dst = appendText(dst, "to", m.To)
	dst = appendNumber(dst, "s", uint64(m.Ref))
	if m.Quiet {
		dst = append(appendKey(dst, "nu"), "true"...)
	}
	return append(appendFields(dst, m), '}')
}

// AppendPublication appends messages as one publication on a channel.
func AppendPublication(dst []byte, render func([]byte, *Message) []byte, messages ...*Message) []byte {
	dst = append(dst, `{"m":[`...)
	for i, m := range messages {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = render(dst, m)
	}
	return append(dst, "]}"...)
}

func appendFields(dst []byte, m *Message) []byte {
	dst = appendNumber(dst, "q", m.Seq)
	if m.Time != 0 {
		dst = strconv.AppendInt(appendKey(dst, "t"), m.Time, 10)
	}
	dst = appendText(dst, "f", m.From)
	dst = appendText(dst, "n", m.Nick)
	dst = appendText(dst, "a", m.Avatar)
	dst = appendNumber(dst, "l", uint64(m.Level))
	dst = appendNumber(dst, "k", uint64(m.Kind))
	if m.Kind == KindMessage {
		dst = appendText(dst, "p", m.Priority.String())
	}
	dst = appendBody(appendKey(dst, "b"), m.Body)
	dst = appendText(dst, "c", m.Cloud)
	dst = appendNumber(dst, "r", uint64(m.Random))
	if m.Media != 0 {
		dst = strconv.AppendInt(appendKey(dst, "mt"), m.Media, 10)
	}
	if m.Broadcast {
		dst = append(appendKey(dst, "bc"), "true"...)
	}
	return dst
}

func appendBody(dst []byte, body []Element) []byte {
	dst = append(dst, '[')
	for i, e := range body {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendQuoted(append(dst, `{"MsgType":`...), clean(e.Type))
		dst = append(dst, `,"MsgContent":`...)
		dst = append(appendRaw(dst, e.Content), '}')
	}
	return append(dst, ']')
}

// appendKey appends the name of the next field of an object that was just opened or has fields.
func appendKey(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, name...)
	return append(dst, `":`...)
}

func appendNumber(dst []byte, name string, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return strconv.AppendUint(appendKey(dst, name), v, 10)
}

func appendText(dst []byte, name, v string) []byte {
	if v == "" {
		return dst
	}
	return appendQuoted(appendKey(dst, name), clean(v))
}

// appendRaw appends JSON as it is, without line ends, which part messages on the wire. What is no JSON or no UTF-8
// does not come through CheckBody; it becomes an empty object.
func appendRaw(dst []byte, raw json.RawMessage) []byte {
	if !json.Valid(raw) || !utf8.Valid(raw) {
		return append(dst, "{}"...)
	}
	if bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') < 0 {
		return append(dst, raw...)
	}
	for _, c := range raw {
		if c != '\n' && c != '\r' { // in strings they are escaped (RFC 8259 7)
			dst = append(dst, c)
		}
	}
	return dst
}

// clean is a text in UTF-8; browsers close a WebSocket for anything else (RFC 6455 8.1).
func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
