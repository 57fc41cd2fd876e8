package im

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func elem(typ, content string) Element { return Element{typ, json.RawMessage(content)} }

var goodElements = []struct {
	name string
	in   Element
	want string // "": as it is
}{
	{"text", elem(ElemText, `{"Text":"hi"}`), ""},
	{"empty text", elem(ElemText, `{"Text":""}`), ""},
	{"spaces go", elem(ElemText, " {\n\"Text\" :\t\"a  b\" }\r\n"), `{"Text":"a  b"}`},
	{"markup stays text", elem(ElemText, `{"Text":"<script>alert(1)</script>&amp;"}`), ""},
	{"characters as themselves", elem(ElemText, `{"Text":"\u4f60\u597d \ud83d\ude00 \/ \u0026"}`), `{"Text":"你好 😀 / &"}`},
	{"what must be escaped is", elem(ElemText, `{"Text":"\"\\\u0000\u001f\n\b\u0009"}`), `{"Text":"\"\\\u0000\u001f\n\u0008\t"}`},
	{"names too", elem(ElemText, `{"\u0054ext":"x"}`), `{"Text":"x"}`},
	{"unknown fields stay", elem(ElemText, `{"Text":"x","More":{"a":[1,2.50,null,true]}}`), ""},
	{"custom", elem(ElemCustom, `{"Data":"{\"a\":1}","Desc":"d","Ext":"e","Sound":"s"}`), ""},
	{"empty custom", elem(ElemCustom, `{}`), ""},
	{"face", elem(ElemFace, `{"Index":1,"Data":"d"}`), ""},
	{"location", elem(ElemLocation, `{"Desc":"d","Latitude":-29.34065,"Longitude":116.5e0}`), ""},
	{"image", elem(ElemImage, `{"UUID":"1","ImageFormat":255,"ImageInfoArray":[{"Type":1,"Size":1,"Width":1,"Height":1,"URL":"https://a/b.jpg"},{"Type":3,"URL":"/i/x"}]}`), ""},
	{"sound", elem(ElemSound, `{"UUID":"1","Size":62351,"Second":1,"Url":"http://a/b"}`), ""},
	{"file", elem(ElemFile, `{"UUID":"1","FileSize":1773552,"FileName":"a.txt"}`), ""},
	{"video", elem(ElemVideo, `{"VideoUUID":"1","VideoSize":1,"VideoSecond":8,"ThumbUrl":""}`), ""},
}

func TestCheckBodyTakes(t *testing.T) {
	for _, tc := range goodElements {
		t.Run(tc.name, func(t *testing.T) {
			got, err := CheckBody([]Element{tc.in}, "")
			want := tc.want
			if want == "" {
				want = string(tc.in.Content)
			}
			if err != nil || len(got) != 1 || string(got[0].Content) != want || got[0].Type != tc.in.Type {
				t.Errorf("got %v, %v; want %s", got, err, want)
			}
		})
	}
}

var badElements = []struct {
	name string
	in   Element
}{
	{"unknown type", elem("TIMOtherElem", `{}`)},
	{"what the room tells", elem(ElemTip, `{"OpType":1}`)},
	{"no content", elem(ElemText, ``)},
	{"not JSON", elem(ElemText, `{"Text":"x"`)},
	{"two values", elem(ElemText, `{"Text":"x"} {}`)},
	{"null", elem(ElemText, `null`)},
	{"a string", elem(ElemText, `"Text"`)},
	{"an array", elem(ElemText, `["Text"]`)},
	{"text is missing", elem(ElemText, `{}`)},
	{"text in another case", elem(ElemText, `{"text":"x"}`)},
	{"text is a number", elem(ElemText, `{"Text":1}`)},
	{"text is null", elem(ElemText, `{"Text":null}`)},
	{"text twice", elem(ElemText, `{"Text":"x","Text":"y"}`)},
	{"text twice, once escaped", elem(ElemText, `{"Text":"x","T\u0065xt":"y"}`)},
	{"half a pair", elem(ElemText, `{"Text":"\ud83d"}`)},
	{"two first halves", elem(ElemText, `{"Text":"\ud83d\ud83d"}`)},
	{"not UTF-8", elem(ElemText, "{\"Text\":\"\xff\"}")},
	{"too deep", elem(ElemCustom, `{"a":`+strings.Repeat("[", 8)+strings.Repeat("]", 8)+`}`)},
	{"a bomb", elem(ElemCustom, strings.Repeat("[", 20000))},
	{"too many fields", elem(ElemCustom, `{"0":0`+strings.Repeat(`,"x":0`, 40)+`}`)},
	{"data is an object", elem(ElemCustom, `{"Data":{}}`)},
	{"index is text", elem(ElemFace, `{"Index":"1"}`)},
	{"index is broken", elem(ElemFace, `{"Index":1.5}`)},
	{"index is huge", elem(ElemFace, `{"Index":4294967296}`)},
	{"latitude is missing", elem(ElemLocation, `{"Longitude":1}`)},
	{"latitude is text", elem(ElemLocation, `{"Latitude":"1","Longitude":1}`)},
	{"beyond the pole", elem(ElemLocation, `{"Latitude":90.1,"Longitude":1}`)},
	{"image format", elem(ElemImage, `{"ImageFormat":5,"ImageInfoArray":[{"Type":1,"URL":"/a"}]}`)},
	{"no images", elem(ElemImage, `{"ImageInfoArray":[]}`)},
	{"images are an object", elem(ElemImage, `{"ImageInfoArray":{}}`)},
	{"images of what", elem(ElemImage, `{"ImageInfoArray":[1]}`)},
	{"too many images", elem(ElemImage, `{"ImageInfoArray":[`+strings.Repeat(`{"Type":1,"URL":"/a"},`, 10)+`{"Type":1,"URL":"/a"}]}`)},
	{"a script for an address", elem(ElemImage, `{"ImageInfoArray":[{"Type":1,"URL":"javascript:alert(1)"}]}`)},
	{"one behind a space", elem(ElemImage, `{"ImageInfoArray":[{"Type":1,"URL":" javascript:alert(1)"}]}`)},
	{"one behind a tab", elem(ElemImage, `{"ImageInfoArray":[{"Type":1,"URL":"java\tscript:alert(1)"}]}`)},
	{"a page for an address", elem(ElemFile, `{"Url":"data:text/html,x"}`)},
	{"size below zero", elem(ElemSound, `{"Size":-1}`)},
}

func TestCheckBodyRefuses(t *testing.T) {
	for _, tc := range badElements {
		t.Run(tc.name, func(t *testing.T) {
			got, err := CheckBody([]Element{elem(ElemText, `{"Text":"x"}`), tc.in}, "")
			if got != nil || !errors.Is(err, ErrBadBody) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestCheckBodyBounds(t *testing.T) {
	text := elem(ElemText, `{"Text":"x"}`)
	for n, want := range map[int]error{0: ErrBadBody, 1: nil, maxElements: nil, maxElements + 1: ErrBadBody} {
		body := make([]Element, n)
		for i := range body {
			body[i] = text
		}
		if _, err := CheckBody(body, ""); !errors.Is(err, want) {
			t.Errorf("%d elements: %v", n, err)
		}
	}
	if _, err := CheckBody([]Element{text}, "\xff"); !errors.Is(err, ErrBadBody) {
		t.Errorf("cloud data of no UTF-8: %v", err)
	}
}

// E12: a message of 12,288 bytes is taken, one of 12,289 is not. Its length is that of its body in JSON and its cloud
// data, wherever the bytes are.
func TestE12Length(t *testing.T) {
	for _, cloud := range []string{"", strings.Repeat("c", 100)} {
		for over, want := range map[int]error{0: nil, 1: ErrTooLong} {
			body := []Element{elem(ElemText, `{"Text":""}`), elem(ElemCustom, `{"Data":"\u4f60"}`)}
			checked, err := CheckBody(body, cloud)
			if err != nil {
				t.Fatal(err)
			}
			wire, err := json.Marshal(checked)
			if err != nil {
				t.Fatal(err)
			}
			body[0] = elem(ElemText, `{"Text":"`+strings.Repeat("x", MaxMessage-len(wire)-len(cloud)+over)+`"}`)
			checked, err = CheckBody(body, cloud)
			if !errors.Is(err, want) {
				t.Fatalf("%d over: %v", over, err)
			}
			if wire, _ = json.Marshal(checked); err == nil && len(wire)+len(cloud) != MaxMessage {
				t.Errorf("taken with %d bytes", len(wire)+len(cloud))
			}
		}
	}
	if _, err := CheckBody([]Element{elem(ElemText, `{"Text":"x"}`+strings.Repeat(" ", maxRaw))}, ""); !errors.Is(err, ErrTooLong) {
		t.Errorf("a megabyte of spaces: %v", err)
	}
}

func TestTextOfAnElement(t *testing.T) {
	e := elem(ElemText, `{"A":[{"Text":"no"}],"Text":"a\"b\n你","Z":"Text"}`)
	got, ok := AppendText([]byte("> "), e)
	if string(got) != "> a\"b\n你" || !ok {
		t.Errorf("got %q, %v", got, ok)
	}
	if e = WithText(e, "\"*\x01"); string(e.Content) != `{"A":[{"Text":"no"}],"Text":"\"*\u0001","Z":"Text"}` {
		t.Errorf("got %s", e.Content)
	}
	if _, ok := AppendText(nil, elem(ElemCustom, `{"Text":"x"}`)); ok {
		t.Error("a custom element has a text")
	}
}

func TestTextAllocatesNothing(t *testing.T) {
	e := elem(ElemText, `{"A":1,"Text":"some text with a \" in it"}`)
	buf := make([]byte, 0, 100)
	if n := testing.AllocsPerRun(100, func() { buf, _ = AppendText(buf[:0], e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCheckBodyAllocatesLittle(t *testing.T) {
	body := []Element{elem(ElemText, `{"Text":"hello <b>you</b>"}`)}
	if n := testing.AllocsPerRun(100, func() { _, _ = CheckBody(body, "") }); n > 4 { // list, content, names of fields
		t.Errorf("%v allocations", n)
	}
}

func FuzzCheckBody(f *testing.F) {
	for _, tc := range goodElements {
		f.Add(tc.in.Type, []byte(tc.in.Content))
	}
	for _, tc := range badElements {
		f.Add(tc.in.Type, []byte(tc.in.Content))
	}
	f.Fuzz(func(t *testing.T, typ string, content []byte) {
		in := Element{typ, bytes.Clone(content)}
		got, err := CheckBody([]Element{in}, "")
		if !bytes.Equal(in.Content, content) {
			t.Fatal("the content was changed")
		}
		text, _ := AppendText(nil, in) // whatever it is
		WithText(in, string(text))
		if err != nil {
			return
		}
		before, after := parse(t, content), parse(t, got[0].Content)
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%s became %s", content, got[0].Content)
		}
		if again, err := CheckBody(got, ""); err != nil || !bytes.Equal(again[0].Content, got[0].Content) {
			t.Fatalf("%s is not the one form: %v, %v", got[0].Content, again, err)
		}
		if !utf8.Valid(got[0].Content) || bytes.ContainsAny(got[0].Content, "\n\t\r") {
			t.Fatalf("%q", got[0].Content)
		}
		text, ok := AppendText(nil, got[0])
		if m, _ := after.(map[string]any); ok && m["Text"] != string(text) {
			t.Fatalf("the text is %q, not %v", text, m["Text"])
		}
	})
}

func parse(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func BenchmarkCheckBody(b *testing.B) {
	body := []Element{elem(ElemText, `{"Text":"`+strings.Repeat("some text ", 20)+`"}`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := CheckBody(body, ""); err != nil {
			b.Fatal(err)
		}
	}
}
