package rtmp

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

var casesAMF = []struct {
	name  string
	bytes []byte
	want  []any
}{
	{"2.2 number", []byte{0, 0x40, 0x08, 0, 0, 0, 0, 0, 0}, []any{3.0}},
	{"2.3 boolean", []byte{1, 1, 1, 0}, []any{true, false}},
	{"2.4 string", []byte("\x02\x00\x04live"), []any{"live"}},
	{"2.5 object", []byte("\x03\x00\x03app\x02\x00\x01a\x00\x01n\x05\x00\x00\x09"), []any{object{"app": "a", "n": nil}}},
	{"2.7 null and 2.8 undefined", []byte{5, 6}, []any{nil, nil}},
	{"2.10 ECMA array", []byte("\x08\x00\x00\x00\x01\x00\x01k\x01\x01\x00\x00\x09"), []any{object{"k": true}}},
	{"2.12 strict array", []byte("\x0a\x00\x00\x00\x02\x02\x00\x04av01\x02\x00\x04hvc1"), []any{[]any{"av01", "hvc1"}}},
	{"2.13 date", []byte{11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []any{nil}},
	{"2.14 long string", []byte("\x0c\x00\x00\x00\x01x"), []any{"x"}},
}

func TestDecodeAMF(t *testing.T) {
	for _, tc := range casesAMF {
		got, err := decodeAMF(tc.bytes)
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %#v, %v, want %#v", tc.name, got, err, tc.want)
		}
		for n := range tc.bytes {
			if got, err := decodeAMF(tc.bytes[:n]); err != nil && !errors.Is(err, errProtocol) || err == nil && len(got) == len(tc.want) {
				t.Errorf("%s: the first %d bytes: got %#v, %v", tc.name, n, got, err)
			}
		}
	}
}

// TestAMFBombs: what is deep or long is refused before it costs anything.
func TestAMFBombs(t *testing.T) {
	for name, b := range map[string][]byte{
		"objects in objects": bytes.Repeat([]byte("\x03\x00\x01a"), 4000),
		"arrays in arrays":   bytes.Repeat([]byte("\x0a\xff\xff\xff\xff"), 4000),
		"many values":        bytes.Repeat([]byte{5}, maxValues+1),
		"an array of many":   append([]byte("\x0a\xff\xff\xff\xff"), bytes.Repeat([]byte{5}, maxValues)...),
	} {
		if _, err := decodeAMF(b); !errors.Is(err, errTooMuch) {
			t.Errorf("%s: got %v, want %v", name, err, errTooMuch)
		}
	}
	if _, err := decodeAMF([]byte{16}); !errors.Is(err, errProtocol) {
		t.Errorf("a typed object: got %v", err)
	}
}

func TestAppendAMF(t *testing.T) {
	b := appendAMF(nil, "_result", 1.0, true, nil, []property{{"level", "status"}, {"inner", []property{{"n", 2.0}}}})
	got, err := decodeAMF(b)
	want := []any{"_result", 1.0, true, nil, object{"level": "status", "inner": object{"n": 2.0}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, %v, want %#v", got, err, want)
	}
}

func FuzzCommand(f *testing.F) {
	for _, tc := range casesAMF {
		f.Add(tc.bytes)
	}
	f.Add(appendAMF(nil, "connect", 1.0, []property{{"app", "live"}, {"fourCcList", "av01"}}))
	f.Add(appendAMF(nil, "publish", 5.0, nil, "demo/cam?usersig=x", "live"))
	f.Fuzz(func(t *testing.T, b []byte) {
		cmd, err := parseCommand(message{typ: typeCommand, body: b})
		if err != nil {
			return
		}
		app, _ := cmd.object["app"].(string)
		to, err := parseTarget(app, cmd.text(0))
		if err == nil && (to.room == "" || to.stream == "") {
			t.Errorf("%q and %q became %+v", app, cmd.text(0), to)
		}
	})
}
