//go:build nolgpl

package transcode

// Available tells whether this binary can encode AAC.
func Available() bool { return false }

func newEncoder() (Encoder, error) { return nil, ErrNoEncoder }
