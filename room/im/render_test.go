package im

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// wire is a message as clients read it.
type wire struct {
	Room      string    `json:"g"`
	To        string    `json:"to"`
	Seq       uint64    `json:"q"`
	Time      int64     `json:"t"`
	From      string    `json:"f"`
	Nick      string    `json:"n"`
	Avatar    string    `json:"a"`
	Level     uint32    `json:"l"`
	Kind      Kind      `json:"k"`
	Priority  string    `json:"p"`
	Body      []Element `json:"b"`
	Cloud     string    `json:"c"`
	Random    uint32    `json:"r"`
	Media     int64     `json:"mt"`
	Broadcast bool      `json:"bc"`
}

func TestAppendMessage(t *testing.T) {
	body := []Element{{ElemText, json.RawMessage(`{"Text":"hello"}`)}}
	for _, test := range []struct {
		name     string
		m        Message
		want     string
		personal string // what stands before it on an account's own channel
	}{
		{
			"only what is set",
			Message{App: 1, Room: "AV1", Seq: 5, Time: 1700000000, From: "ann", Body: body},
			`{"q":5,"t":1700000000,"f":"ann","p":"Normal","b":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hello"}}]}`,
			`"g":"AV1",`,
		},
		{
			"everything",
			Message{
				Room: "AV1", From: "ann", Nick: "Ann", Avatar: "https://a/b", Level: 7, Kind: KindMessage, Seq: 1, Random: 9,
				Time: 2, Media: 3, Priority: High, Body: append(body, body...), Cloud: "c", Broadcast: true,
			},
			`{"q":1,"t":2,"f":"ann","n":"Ann","a":"https://a/b","l":7,"p":"High","b":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hello"}},` +
				`{"MsgType":"TIMTextElem","MsgContent":{"Text":"hello"}}],"c":"c","r":9,"mt":3,"bc":true}`,
			`"g":"AV1",`,
		},
		{"a tip", Message{To: "bob", Kind: KindTip}, `{"k":1,"b":[]}`, `"to":"bob",`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := string(AppendMessage([]byte("x"), &test.m)); got != "x"+test.want {
				t.Errorf("got  %s\nwant x%s", got, test.want)
			}
			if got, want := string(AppendPersonal(nil, &test.m)), "{"+test.personal+test.want[1:]; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
	got := string(AppendPublication(nil, AppendMessage, &Message{Seq: 1}, &Message{Seq: 2}))
	if want := `{"m":[{"q":1,"p":"Normal","b":[]},{"q":2,"p":"Normal","b":[]}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whatever somebody writes arrives as it was: markup, ends of lines, controls, directions.
func TestAppendMessageVerbatim(t *testing.T) {
	for _, s := range []string{
		"<script>alert(1)</script>&amp;", "a\r\nb\n\nc", "\x1b[31mred\x1b[0m\x07", "\u202egnp.exe\u202c \u2066x\u2069",
		"\u2028\u2029\x7f", "\x00\x01\x1f", `"\`, "🎁", "\uFEFF", "\uFFFD", `{"m":[]}`,
	} {
		content, err := json.Marshal(map[string]string{"Text": s})
		if err != nil {
			t.Fatal(err)
		}
		m := Message{From: s, Nick: s, Avatar: s, Cloud: s, Body: []Element{{ElemText, content}}}
		data := AppendMessage(nil, &m)
		var got wire
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		var text struct{ Text string }
		if err := json.Unmarshal(got.Body[0].Content, &text); err != nil {
			t.Fatal(err)
		}
		if got.From != s || got.Nick != s || got.Avatar != s || got.Cloud != s || text.Text != s {
			t.Errorf("%q arrives as %q in %s", s, got.Nick, data)
		}
		if strings.ContainsAny(string(data), "\r\n\x00\x1b") {
			t.Errorf("there is a control character on the wire: %q", data)
		}
	}
}

// What is no UTF-8 or no JSON does not get onto the wire.
func TestAppendMessageRepairs(t *testing.T) {
	m := Message{Nick: "a\xffb", Body: []Element{
		{"x\xff", json.RawMessage(`{"Text":`)},
		{ElemText, json.RawMessage("{\"Text\":\"\xff\"}")},
		{ElemText, nil},
		{ElemText, json.RawMessage("{\r\n\"Text\": \"a\"\n}")},
	}}
	want := `{"n":"a` + "\uFFFD" + `b","p":"Normal","b":[{"MsgType":"x` + "\uFFFD" + `","MsgContent":{}},{"MsgType":"TIMTextElem","MsgContent":{}},` +
		`{"MsgType":"TIMTextElem","MsgContent":{}},{"MsgType":"TIMTextElem","MsgContent":{"Text": "a"}}]}`
	if got := string(AppendMessage(nil, &m)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzAppendMessage(f *testing.F) {
	f.Add("ann", "Ann <b>", "TIMTextElem", `{"Text":"hello"}`, "cloud", uint64(1), int64(2), uint32(3), uint8(1))
	f.Add("\xff\x00\r\n", "\u202e", "\"", "{\"Text\":\"\xff\"}", "\x1b[31m", ^uint64(0), int64(-1), ^uint32(0), uint8(255))
	f.Add("", "", "", "{\n}", "", uint64(0), int64(0), uint32(0), uint8(0))
	f.Fuzz(func(t *testing.T, from, nick, typ, content, cloud string, seq uint64, at int64, random uint32, flags uint8) {
		m := Message{
			From: from, Nick: nick, Seq: seq, Time: at, Random: random, Media: -at, Cloud: cloud, Room: nick, To: from,
			Kind: Kind(flags % 4), Priority: Priority(flags / 4), Broadcast: flags > 127,
			Body: []Element{{typ, json.RawMessage(content)}},
		}
		for _, data := range [][]byte{AppendMessage(nil, &m), AppendPersonal(nil, &m)} {
			if !utf8.Valid(data) || strings.ContainsAny(string(data), "\r\n") {
				t.Fatalf("not one line of UTF-8: %q", data)
			}
			var got wire
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatalf("%v: %s", err, data)
			}
			if utf8.ValidString(from) && utf8.ValidString(nick) && utf8.ValidString(cloud) && (got.From != from || got.Nick != nick || got.Cloud != cloud) {
				t.Fatalf("%+v arrives as %+v", m, got)
			}
			if got.Seq != seq || got.Time != at || got.Random != random || got.Kind != m.Kind || got.Broadcast != m.Broadcast {
				t.Fatalf("%+v arrives as %+v", m, got)
			}
			if json.Valid([]byte(content)) && utf8.ValidString(content) && !sameJSON(t, got.Body[0].Content, content) {
				t.Fatalf("the content %q arrives as %q", content, got.Body[0].Content)
			}
		}
	})
}

func sameJSON(t *testing.T, a []byte, b string) bool {
	t.Helper()
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func TestAppendMessageDoesNotAllocate(t *testing.T) {
	m := Message{
		Seq: 5, Time: 1700000000, From: "ann", Nick: "Ann", Priority: High, Random: 7, Media: 1700000000000,
		Body: []Element{{ElemText, json.RawMessage(`{"Text":"hello"}`)}},
	}
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf = AppendMessage(buf[:0], &m) }); n > 0 {
		t.Errorf("%.1f allocations a message, want none", n)
	}
}

func BenchmarkAppendMessage(b *testing.B) {
	content, _ := json.Marshal(map[string]string{"Text": strings.Repeat("x", 200)})
	m := Message{
		Seq: 5, Time: 1700000000, From: "ann", Nick: "Ann", Random: 7, Media: 1700000000000, Body: []Element{{ElemText, content}},
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendMessage(buf[:0], &m)
	}
}
