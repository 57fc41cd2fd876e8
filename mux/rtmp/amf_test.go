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
	{"2.5 object", []byte("\x03\x00\x03app\x02\x00\x01a\x00\x01n\x05\x00\x00\x09"), []any{Object{"app": "a", "n": nil}}},
	{"2.7 null and 2.8 undefined", []byte{5, 6}, []any{nil, nil}},
	{"2.10 ECMA array", []byte("\x08\x00\x00\x00\x01\x00\x01k\x01\x01\x00\x00\x09"), []any{Object{"k": true}}},
	{"2.12 strict array", []byte("\x0a\x00\x00\x00\x02\x02\x00\x04av01\x02\x00\x04hvc1"), []any{[]any{"av01", "hvc1"}}},
	{"2.13 date", []byte{11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []any{nil}},
	{"2.14 long string", []byte("\x0c\x00\x00\x00\x01x"), []any{"x"}},
}

func TestDecodeAMF(t *testing.T) {
	for _, tc := range casesAMF {
		got, err := DecodeAMF(tc.bytes)
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %#v, %v, want %#v", tc.name, got, err, tc.want)
		}
		for n := range tc.bytes {
			if got, err := DecodeAMF(tc.bytes[:n]); err != nil && !errors.Is(err, ErrProtocol) || err == nil && len(got) == len(tc.want) {
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
		if _, err := DecodeAMF(b); !errors.Is(err, ErrTooMuch) {
			t.Errorf("%s: got %v, want %v", name, err, ErrTooMuch)
		}
	}
	if _, err := DecodeAMF([]byte{16}); !errors.Is(err, ErrProtocol) {
		t.Errorf("a typed object: got %v", err)
	}
}

func TestAppendAMF(t *testing.T) {
	b := AppendAMF(nil, "_result", 1.0, true, nil, []Property{{"level", "status"}, {"inner", []Property{{"n", 2.0}}}}, []any{"av01", 1.0})
	got, err := DecodeAMF(b)
	want := []any{"_result", 1.0, true, nil, Object{"level": "status", "inner": Object{"n": 2.0}}, []any{"av01", 1.0}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, %v, want %#v", got, err, want)
	}
}

func TestParseCommand(t *testing.T) {
	b := AppendAMF(nil, "onStatus", 3.0, nil, []Property{{"code", "NetStream.Publish.Start"}}, "name")
	for _, m := range []Message{{Type: TypeCommand, Body: b}, {Type: TypeCommand3, Body: append([]byte{0}, b...)}} {
		cmd, err := ParseCommand(m)
		if err != nil || cmd.Name != "onStatus" || cmd.Transaction != 3 || cmd.Text(1) != "name" || cmd.Text(0) != "" || cmd.Text(2) != "" {
			t.Errorf("type %d: got %+v, %v", m.Type, cmd, err)
		}
		if code := cmd.Info()["code"]; code != "NetStream.Publish.Start" {
			t.Errorf("type %d: code %v", m.Type, code)
		}
	}
	one, err := ParseCommand(NewCommand(0, "onFCPublish")) // ffmpeg sends such
	if err != nil || one.Name != "onFCPublish" || one.Info() != nil {
		t.Errorf("a command of one value: got %+v, %v", one, err)
	}
	if _, err := ParseCommand(NewCommand(0, 1.0)); !errors.Is(err, ErrProtocol) {
		t.Errorf("no name: got %v", err)
	}
}

func FuzzCommand(f *testing.F) {
	for _, tc := range casesAMF {
		f.Add(tc.bytes)
	}
	f.Add(AppendAMF(nil, "connect", 1.0, []Property{{"app", "live"}, {"fourCcList", "av01"}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		cmd, err := ParseCommand(Message{Type: TypeCommand, Body: b})
		if err == nil && cmd.Name == "" {
			t.Error("a command without a name")
		}
	})
}
