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

func TestNoDecoder(t *testing.T) {
	asc := []byte{0x11, 0x90}
	if err := Decodes(asc); !errors.Is(err, ErrNoDecoder) {
		t.Errorf("got %v, want ErrNoDecoder", err)
	}
	if _, err := NewAACToOpus(asc); !errors.Is(err, ErrNoDecoder) {
		t.Errorf("got %v, want ErrNoDecoder", err)
	}
}
