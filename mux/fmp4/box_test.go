package fmp4

import "testing"

func TestReplaceBoxRefusesWhatItCannotFind(t *testing.T) {
	path := []step{{kind: "moov"}, {kind: "trak", nth: 1}}
	for name, b := range map[string][]byte{
		"empty":               nil,
		"another box":         {0, 0, 0, 8, 'f', 't', 'y', 'p'},
		"only one of them":    {0, 0, 0, 16, 'm', 'o', 'o', 'v', 0, 0, 0, 8, 't', 'r', 'a', 'k'},
		"longer than the end": {0, 0, 0, 99, 'm', 'o', 'o', 'v'},
		"size 0":              {0, 0, 0, 0, 'm', 'o', 'o', 'v'},
	} {
		if _, ok := replaceBox(b, path, []byte{1}); ok {
			t.Errorf("%s: replaced", name)
		}
	}
}
