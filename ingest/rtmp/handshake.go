package rtmp

import (
	"crypto/rand"
	"fmt"
	"io"
)

const (
	version       = 3
	handshakeSize = 1536
)

// handshake is the server's part (Adobe RTMP 5.2). S1 has version 0, which tells clients that know the digest form
// of Flash players that this is the plain one.
func handshake(rw io.ReadWriter) error {
	var c [1 + handshakeSize]byte // C0 and C1
	if _, err := io.ReadFull(rw, c[:]); err != nil {
		return err
	}
	if c[0] != version { // 6 is RTMPE, whose encryption protects nothing
		return fmt.Errorf("%w: version %d", errProtocol, c[0])
	}
	s := make([]byte, 1+2*handshakeSize) // S0, S1, S2
	s[0] = version
	_, _ = rand.Read(s[9 : 1+handshakeSize]) // never fails; behind time and zero, 4 bytes each
	copy(s[1+handshakeSize:], c[1:])         // 5.2.4: S2 echoes C1
	if _, err := rw.Write(s); err != nil {
		return err
	}
	_, err := io.ReadFull(rw, c[1:]) // C2, an echo of S1 that some clients get wrong
	return err
}
