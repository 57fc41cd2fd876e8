//go:build linux

package floor

import (
	"bytes"
	"testing"
)

func TestMessages(t *testing.T) {
	for _, size := range []int{0, 1000, 3000, 70_000} {
		frame := Messages(10, size)
		if n := bytes.Count(frame, []byte("TIMTextElem")); n != 10 {
			t.Errorf("%d messages in a frame of %d bytes", n, size)
		}
		if len(frame) > max(size, 200)+10 || len(frame) < size-20 {
			t.Errorf("%d bytes instead of %d", len(frame), size)
		}
	}
}
