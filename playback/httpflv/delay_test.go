package httpflv

import (
	"testing"
	"time"
)

// TestDelay: a viewer gets no more delay than it asked for, in few different values.
func TestDelay(t *testing.T) {
	for _, c := range []struct {
		value string
		want  time.Duration
		bad   bool
	}{
		{value: "", want: 100 * ms},
		{value: "0", want: 0},
		{value: "49", want: 0},
		{value: "50", want: 50 * ms},
		{value: "120", want: 100 * ms},
		{value: "499", want: 350 * ms},
		{value: "4000000000", want: 500 * ms},
		{value: "-1", bad: true},
		{value: "1s", bad: true},
		{value: "99999999999999999999", bad: true},
	} {
		var d delay
		if ok := d.set(c.value); ok == c.bad {
			t.Errorf("%q is taken: %v", c.value, ok)
		}
		if got := d.within(100*ms, 500*ms); !c.bad && got != c.want {
			t.Errorf("%q: joined %v, want %v", c.value, got, c.want)
		}
	}
}
