package rtmp

import (
	"errors"
	"reflect"
	"testing"
)

func TestFlowAnswers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		m      Message
		answer Message
		taken  bool
		err    error
	}{
		{"7.1.7 a ping", Control(EventPing, 1, 2, 3, 4), Control(EventPong, 1, 2, 3, 4), true, nil},
		{"7.1.7 another event", Control(EventBegin, 0, 0, 0, 1), Message{}, true, nil},
		{"7.1.7 no event", Message{Type: TypeControl}, Message{}, true, nil},
		{"5.4.3 an acknowledgement", Number(TypeAck, 7), Message{}, true, nil},
		{"5.4.5 peer bandwidth", Number(TypeBandwidth, 7, 2), Message{}, true, nil},
		{"5.4.4 a window cut short", Message{Type: TypeWindow, Body: []byte{1, 2}}, Message{}, true, ErrProtocol},
		{"a picture", Message{Type: TypeVideo}, Message{}, false, nil},
		{"no type at all", Message{}, Message{}, false, nil},
	} {
		var f Flow
		answer, taken, err := f.Take(tc.m)
		if !reflect.DeepEqual(answer, tc.answer) || taken != tc.taken || !errors.Is(err, tc.err) {
			t.Errorf("%s: got %+v, %v, %v", tc.name, answer, taken, err)
		}
	}
}

// TestFlowAcknowledges: 5.4.3, once a window, however small the peer would have it.
func TestFlowAcknowledges(t *testing.T) {
	var f Flow
	if _, due := f.Ack(DefaultWindow - 1); due {
		t.Error("due before the default window was full")
	}
	if m, due := f.Ack(DefaultWindow); !due || !reflect.DeepEqual(m, Number(TypeAck, DefaultWindow)) {
		t.Errorf("got %+v, %v", m, due)
	}
	if _, _, err := f.Take(Number(TypeWindow, 1)); err != nil {
		t.Fatal(err)
	}
	if _, due := f.Ack(DefaultWindow + minWindow - 1); due {
		t.Error("due for every read")
	}
	if m, due := f.Ack(1<<32 + 5); !due || !reflect.DeepEqual(m, Number(TypeAck, 5)) {
		t.Errorf("got %+v, %v", m, due)
	}
}
