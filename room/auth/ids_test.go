package auth

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckRoom(t *testing.T) {
	for _, tc := range []struct {
		name, id string
		ok       bool
	}{
		{"one byte", "r", true},
		{"48 bytes", strings.Repeat("r", 48), true},
		{"digits", "12345", true},
		{"space inside", "my room", true},
		{"marks", "a#b&c=d+e;f:g@h", true},
		{"dot inside", "a.b", true},
		{"ends as a file", "cam.flv", true},
		{"all marks but the four", "!\"#$&'()*+,-.:;<=>@[]^_`{|}~", true},
		{"empty", "", false},
		{"49 bytes", strings.Repeat("r", 49), false},
		{"slash", "a/b", false},
		{"backslash", `a\b`, false},
		{"percent: encoded twice", "a%2fb", false},
		{"question mark", "a?b", false},
		{"parent", "..", false},
		{"hidden", ".room", false},
		{"space first", " room", false},
		{"space last", "room ", false},
		{"only a space", " ", false},
		{"line end", "a\nb", false},
		{"NUL", "a\x00b", false},
		{"DEL", "a\x7fb", false},
		{"UTF-8", "房间", false},
		{"bad UTF-8", "a\xffb", false},
	} {
		check(t, tc.name, CheckRoom(tc.id), tc.ok)
	}
}

func TestCheckStream(t *testing.T) {
	for _, tc := range []struct {
		name, id string
		ok       bool
	}{
		{"one byte", "s", true},
		{"128 bytes", strings.Repeat("s", 128), true},
		{"cloud convention", "1400000000_room_user_main", true},
		{"dash first", "-s", true},
		{"dot inside", "a.b", true},
		{"dot last", "a.", true},
		{"other ending", "a.mp4", true},
		{"ending in capitals", "a.FLV", true},
		{"empty", "", false},
		{"129 bytes", strings.Repeat("s", 129), false},
		{"FLV ending", "a.flv", false},
		{"HLS ending", "a.m3u8", false},
		{"only an ending", ".flv", false},
		{"parent", "..", false},
		{"hidden", ".a", false},
		{"slash", "a/b", false},
		{"space", "a b", false},
		{"percent", "a%20b", false},
		{"line end last", "a\n", false},
		{"UTF-8", "流", false},
	} {
		check(t, tc.name, CheckStream(tc.id), tc.ok)
	}
}

func TestCheckUser(t *testing.T) {
	for _, tc := range []struct {
		name, id string
		ok       bool
	}{
		{"one byte", "u", true},
		{"32 bytes", strings.Repeat("u", 32), true},
		{"every kind", "aZ09_-", true},
		{"empty", "", false},
		{"33 bytes", strings.Repeat("u", 33), false},
		{"dot", "a.b", false},
		{"line end", "a\nTLS.sdkappid:1", false},
	} {
		check(t, tc.name, CheckUser(tc.id), tc.ok)
	}
}

func check(t *testing.T, name string, err error, ok bool) {
	t.Helper()
	if ok && err != nil {
		t.Errorf("%s: refused: %v", name, err)
	}
	if !ok && !errors.Is(err, ErrBadID) {
		t.Errorf("%s: got %v, want ErrBadID", name, err)
	}
}

// fileNames are cases of SplitFile and seeds of its fuzz test.
var fileNames = []struct {
	name, stream string
	form         Form
	ok           bool
}{
	{"cam.flv", "cam", FormFLV, true},
	{"cam.m3u8", "cam", FormHLS, true},
	{"a.b.flv", "a.b", FormFLV, true},
	{"a.mp4.m3u8", "a.mp4", FormHLS, true},
	{"cam", "", FormNone, false},
	{"cam.ts", "", FormNone, false},
	{"cam.FLV", "", FormNone, false},
	{".flv", "", FormFLV, false},
	{"", "", FormNone, false},
	{"cam.flv.flv", "cam.flv", FormFLV, false},
	{"cam.m3u8.flv", "cam.m3u8", FormFLV, false},
	{"../cam.flv", "../cam", FormFLV, false},
	{"c%61m.flv", "c%61m", FormFLV, false},
}

func TestSplitFile(t *testing.T) {
	for _, tc := range fileNames {
		stream, form, ok := SplitFile(tc.name)
		if stream != tc.stream || form != tc.form || ok != tc.ok {
			t.Errorf("%q: got %q %v %v, want %q %v %v", tc.name, stream, form, ok, tc.stream, tc.form, tc.ok)
		}
	}
}

func FuzzSplitFile(f *testing.F) {
	for _, tc := range fileNames {
		f.Add(tc.name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		stream, form, ok := SplitFile(name)
		if !ok {
			return
		}
		if CheckStream(stream) != nil || stream+"."+map[Form]string{FormFLV: "flv", FormHLS: "m3u8"}[form] != name {
			t.Errorf("%q: got %q %v", name, stream, form)
		}
		if strings.ContainsAny(name, "/\\%?# \r\n\x00") || name[0] == '.' {
			t.Errorf("%q is taken for a file", name)
		}
	})
}

func TestFormNames(t *testing.T) {
	for form, want := range map[Form]string{FormNone: "none", FormFLV: "flv", FormHLS: "hls", 99: "none"} {
		if got := form.String(); got != want {
			t.Errorf("form %d: got %q, want %q", form, got, want)
		}
	}
}
