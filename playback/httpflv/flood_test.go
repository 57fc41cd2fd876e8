package httpflv

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// TestFloodIsPaced: whatever a client sends, few frames a second are looked at.
func TestFloodIsPaced(t *testing.T) {
	const frames = 100
	for name, frame := range map[string][]byte{
		"data": masked(finalFrame|opText, ""),
		"pong": masked(finalFrame|opPong, ""),
		"ping": masked(finalFrame|opPing, ""),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				in := wsInput{from: bytes.NewReader(bytes.Repeat(frame, frames)), pace: inputPace}
				var err error
				for err == nil {
					_, _, err = in.next()
				}
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				if took := time.Since(begin); took < (frames-1)*inputPace {
					t.Errorf("%d frames within %v", frames, took)
				}
			})
		})
	}
}
