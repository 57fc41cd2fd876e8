package v4

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// formed is a request with everything that a form can stand for.
type formed struct {
	Text  string
	Num   *int
	Real  float64
	List  []string
	Nums  []int64
	Items []struct {
		Key   string
		Value int
		Deep  []struct{ Name string }
	}
	Inner struct{ A, B string }
	Any   json.RawMessage
}

func TestForm(t *testing.T) {
	for _, tc := range []struct{ form, want string }{
		{"", `{}`},
		{"Text=user+1", `{"Text":"user 1"}`},
		{"Text=a%2Bb%26c%3D%22", `{"Text":"a+b&c=\""}`},
		{"Text=5&Num=5&Real=-1.5e3", `{"Text":"5","Num":5,"Real":-1.5e3}`},
		{"Num=", `{"Num":""}`},       // no number: reading it says so
		{"Num=0x5", `{"Num":"0x5"}`}, // the same
		{"Num=true", `{"Num":"true"}`},
		{"Num= 5", `{"Num":" 5"}`},
		{"Num=5&Num=6", `{"Num":["5","6"]}`},
		{"List[]=a&List[]=b", `{"List":["a","b"]}`}, // axios 1.x
		{"List=a&List=b", `{"List":["a","b"]}`},     // its indexes: null
		{"List=a", `{"List":["a"]}`},
		{"List[1]=b&List[0]=a", `{"List":["a","b"]}`}, // its indexes: true
		{"List[10]=c&List[9]=b&List[7]=a", `{"List":["a","b","c"]}`},
		{"List[x]=a", `{"List":{"x":"a"}}`},
		{"Nums[]=1&Nums[]=x", `{"Nums":[1,"x"]}`},
		{"Items[0][Key]=k&Items[0][Value]=7&Items[1][Key]=l", `{"Items":[{"Key":"k","Value":7},{"Key":"l"}]}`},
		{"Items%5B0%5D%5BKey%5D=k", `{"Items":[{"Key":"k"}]}`},
		{"Items[0][Deep][0][Name]=n", `{"Items":[{"Deep":[{"Name":"n"}]}]}`},
		{"Items[][Key]=k&Items[][Key]=l", `{"Items":[{"Key":"k"},{"Key":"l"}]}`}, // PHP
		{"Items=x", `{"Items":["x"]}`},
		{"Inner[B]=2&Inner[A]=1&Inner[C]=3", `{"Inner":{"A":"1","B":"2"}}`},
		{"Inner=x", `{"Inner":"x"}`},
		{"Any[a][]=1&Any[b]=2", `{"Any":{"a":["1"],"b":"2"}}`},
		{"None=1&None2[]=2", `{}`},
		{"Text=%ff", `{"Text":"` + "\ufffd" + `"}`},
		{"&&Text=a&", `{"Text":"a"}`},
	} {
		got, err := asJSON([]byte(tc.form), reflect.TypeFor[formed]())
		if err != nil || !sameJSON(got, []byte(tc.want)) {
			t.Errorf("%s: %s, %v; want %s", tc.form, got, err, tc.want)
		}
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

func TestFormRefuses(t *testing.T) {
	for _, form := range []string{
		"[1,2]", `"text"`, "null", "text", "=1", "[a]=1", "a[b=1", "a[b]c=1", "a]=1&b[=2", "%zz=1", "a=%zz",
		"a=1&a[b]=2", "a[b]=2&a=1", "a[]=1&a[b]=1", "a[b]=1&a[]=2",
		"a" + strings.Repeat("[b]", maxDepth) + "=1",
		strings.Repeat("a=1&", maxValues+1),
		strings.Repeat("a"+strings.Repeat("[]", maxDepth-1)+"=1&", maxValues/(maxDepth-3)), // few texts, many parts around them
	} {
		if got, err := asJSON([]byte(form), reflect.TypeFor[formed]()); err == nil {
			t.Errorf("%.60s becomes %.60s", form, got)
		}
	}
}

// JSON bombs: deep, wide, or no JSON at all. Nothing is made of them.
func TestJSONRefuses(t *testing.T) {
	for _, text := range []string{
		"{", "{]", `{"Text"}`, `{"Text":"a"}{}`, "{'Text':1}", `{"Text":"a",}`, "{\"Text\":\"a\x00\"}",
		strings.Repeat(`{"Any":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1),
		`{"Any":` + strings.Repeat("[", 500_000),
		`{"List":["` + strings.Repeat(`","`, maxValues) + `"]}`,
		`{"Items":[` + strings.Repeat("{},", maxValues) + `{}]}`,
	} {
		var q formed
		if err := groupService.decode([]byte(text), &q); err == nil || groupService.refusal(err).Number != 60003 {
			t.Errorf("%.60s: %v", text, err)
		}
	}
	var q formed
	if err := groupService.decode([]byte(` {"Text":"[[[[[[[[[[[[[[[[[[[[[[[[[[\"[[[{{{,,,\\"}`), &q); err != nil {
		t.Error(err)
	}
}

// TestBombsAreFlat: a body of 1 MB costs little more memory than it has, if it is refused.
func TestBombsAreFlat(t *testing.T) {
	wide := []byte(`{"Items":[` + strings.Repeat("{},", maxBody/3-10) + `{}]}`)
	if n := testing.AllocsPerRun(5, func() {
		var q formed
		if groupService.decode(wide, &q) == nil {
			t.Error("it is taken")
		}
	}); n > 20 {
		t.Errorf("%.0f allocations", n)
	}
	form := bytes.Repeat([]byte("a[b][c][d]=&"), maxBody/12)
	if n := testing.AllocsPerRun(2, func() {
		var q formed
		if groupService.decode(form, &q) == nil {
			t.Error("it is taken")
		}
	}); n > 4*maxValues {
		t.Errorf("%.0f allocations for a form", n)
	}
}

// FuzzForm: whatever comes, what is made of it is JSON, and no larger than a multiple of it.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"Identifier=user+1", "DeleteItem[0][UserID]=u1", "MsgBody%5B0%5D%5BMsgContent%5D%5BText%5D=hi&MsgBody%5B0%5D%5BMsgType%5D=TIMTextElem",
		"List[]=a&List[]=b", "Items[1][Value]=7&Items[0][Deep][][Name]=n", "Any[a][]=1&Num=1e400", "a=1&a[b]=2", "Inner[A]=%ff&Real=-0",
	} {
		f.Add([]byte(seed))
	}
	types := []reflect.Type{reflect.TypeFor[formed](), reflect.TypeFor[sendmsg](), reflect.TypeFor[createGroup]()}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, typ := range types {
			got, err := asJSON(text, typ)
			if err != nil || bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
				continue
			}
			if !json.Valid(got) || len(got) > 32*len(text)+2 {
				t.Errorf("%q becomes %q", text, got)
			}
		}
	})
}

// FuzzDecode: nothing that comes makes decoding panic, and what is taken has what is needed.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"To_Account":"u1","MsgRandom":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`))
	f.Add([]byte("To_Account=u1&MsgRandom=1&MsgBody[0][MsgType]=TIMTextElem&MsgBody[0][MsgContent][Text]=hi"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var q sendmsg
		if err := openimService.decode(text, &q); err == nil && (q.ToAccount == "" || q.MsgRandom == nil || len(q.MsgBody) == 0) {
			t.Errorf("%q is taken as %+v", text, q)
		}
	})
}
