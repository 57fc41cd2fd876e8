package rtmp

import (
	"errors"
	"reflect"
	"testing"
)

// tag is an FLV tag of an aggregate.
func tag(typ byte, at uint32, body string) []byte {
	b := []byte{typ, 0, 0, byte(len(body)), byte(at >> 16), byte(at >> 8), byte(at), byte(at >> 24), 0, 0, 0}
	return append(append(b, body...), 0, 0, 0, byte(len(body)+tagHead))
}

func TestAggregate(t *testing.T) {
	whole := cat(tag(TypeVideo, 0x01000010, "picture"), tag(TypeAudio, 0x0100001a, "sound"), tag(TypeAudio, 0x01000020, ""))
	m := Message{Type: TypeAggregate, Stream: 1, Time: 500, Body: whole}
	want := []Message{
		{Type: TypeVideo, Stream: 1, Time: 500, Body: []byte("picture")},
		{Type: TypeAudio, Stream: 1, Time: 510, Body: []byte("sound")},
		{Type: TypeAudio, Stream: 1, Time: 516, Body: []byte{}},
	}
	if got, err := AppendParts(nil, m); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("7.1.6: got %+v, %v", got, err)
	}
	for n := 1; n < len(whole); n++ {
		m.Body = whole[:n]
		got, err := AppendParts(nil, m)
		if err != nil && !errors.Is(err, ErrProtocol) || err == nil && len(got) == len(want) {
			t.Errorf("the first %d bytes: got %+v, %v", n, got, err)
		}
	}
}

func FuzzAggregate(f *testing.F) {
	f.Add(cat(tag(TypeVideo, 7, "picture"), tag(TypeAudio, 9, "sound")))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, _ := AppendParts(nil, Message{Body: b})
		total := 0
		for _, m := range got {
			total += len(m.Body) + tagHead + tagTail
		}
		if total > len(b) {
			t.Errorf("%d bytes became messages of %d", len(b), total)
		}
	})
}
