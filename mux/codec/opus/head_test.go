package opus

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"weir/testdata"
)

var casesHead = []struct {
	name string
	head Head
	bin  string
}{
	{"stereo", Head{2, 312}, "OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"},
	{"mono without pre-skip", Head{1, 0}, "OpusHead\x01\x01\x00\x00\x80\xbb\x00\x00\x00\x00\x00"},
}

func TestHead(t *testing.T) {
	for _, c := range casesHead {
		t.Run(c.name, func(t *testing.T) {
			if got := AppendHead([]byte("x"), c.head.Channels, c.head.PreSkip); string(got) != "x"+c.bin {
				t.Errorf("appended %q", got)
			}
			if got, err := ParseHead([]byte(c.bin)); got != c.head || err != nil {
				t.Errorf("parsed %+v, %v", got, err)
			}
		})
	}
}

// The header that libopus wrote must be read, and made again byte for byte.
func TestHeadOfLibopus(t *testing.T) {
	ogg, err := os.ReadFile(testdata.Path("tone.ogg"))
	if err != nil {
		t.Fatal(err)
	}
	_, page, ok := bytes.Cut(ogg, []byte(magic))
	if !ok {
		t.Fatal("the sample has no head")
	}
	page = append([]byte(magic), page[:headSize-len(magic)]...)
	h, err := ParseHead(page)
	if err != nil || h.Channels != 2 {
		t.Fatalf("%+v, %v", h, err)
	}
	if got := AppendHead(nil, h.Channels, h.PreSkip); !bytes.Equal(got, page) {
		t.Errorf("made %x of %x", got, page)
	}
}

func TestParseHeadRefuses(t *testing.T) {
	change := func(i int, b byte) []byte {
		bad := []byte(casesHead[0].bin)
		bad[i] = b
		return bad
	}
	for name, b := range map[string][]byte{
		"nothing":          nil,
		"18 bytes":         []byte(casesHead[0].bin)[:18],
		"another magic":    change(4, 'T'),
		"major version 1":  change(8, 0x10),
		"no channel":       change(9, 0),
		"three channels":   change(9, 3),
		"mapping family 1": change(18, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if h, err := ParseHead(b); !errors.Is(err, ErrHead) {
				t.Errorf("%+v, %v", h, err)
			}
		})
	}
	if _, err := ParseHead(change(8, 0x0f)); err != nil {
		t.Errorf("RFC 7845 5.1: a newer minor version is compatible: %v", err)
	}
}

func FuzzParseHead(f *testing.F) {
	for _, c := range casesHead {
		f.Add([]byte(c.bin))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHead(b)
		if err != nil {
			return
		}
		again, err := ParseHead(AppendHead(nil, h.Channels, h.PreSkip))
		if again != h || err != nil {
			t.Fatalf("%+v came back as %+v, %v", h, again, err)
		}
	})
}
