//go:build nolgpl

package transcode

import (
	"errors"
	"testing"
)

func TestNoEncoder(t *testing.T) {
	if Available() {
		t.Error("available in a build without the encoder")
	}
	if x, err := NewOpusToAAC(); x != nil || !errors.Is(err, ErrNoEncoder) {
		t.Errorf("made %v, %v, want ErrNoEncoder", x, err)
	}
}
