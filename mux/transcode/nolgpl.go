//go:build nolgpl

package transcode

// Available tells whether this binary can encode and decode AAC.
func Available() bool { return false }

func newEncoder() (Encoder, error) { return nil, ErrNoEncoder }

func newDecoder([]byte, int) (Decoder, error) { return nil, ErrNoDecoder }
