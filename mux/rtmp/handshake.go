package rtmp

import (
	"fmt"
	"io"
)

const (
	version = 3
	// greeting is the size of C1, C2, S1 and S2 (Adobe RTMP 5.2.3), which begin with a time and a zero of 4 bytes.
	greeting     = 1536
	greetingHead = 8
)

// Random is what makes a side's greeting its own (5.2.3).
type Random [greeting - greetingHead]byte

// Accept is the server's part of the handshake (5.2). S1 has version 0, which tells clients that know the digest form of
// Flash players that this is the plain one.
//
// Errors: ErrProtocol, or those of rw.
func Accept(rw io.ReadWriter, random *Random) error {
	var c [1 + greeting]byte // C0 and C1
	if _, err := io.ReadFull(rw, c[:]); err != nil {
		return err
	}
	if err := checkVersion(c[0]); err != nil {
		return err
	}
	s := make([]byte, 0, 1+2*greeting)              // S0, S1, S2
	s = append(appendGreeting(s, random), c[1:]...) // 5.2.4: S2 echoes C1
	if _, err := rw.Write(s); err != nil {
		return err
	}
	_, err := io.ReadFull(rw, c[1:]) // C2, an echo of S1 that some clients get wrong
	return err
}

// Greet is the client's part of the handshake, in its plain form.
//
// Errors: ErrProtocol, or those of rw.
func Greet(rw io.ReadWriter, random *Random) error {
	if _, err := rw.Write(appendGreeting(make([]byte, 0, 1+greeting), random)); err != nil {
		return err
	}
	var s [1 + 2*greeting]byte
	if _, err := io.ReadFull(rw, s[:1+greeting]); err != nil { // S0 and S1
		return err
	}
	if err := checkVersion(s[0]); err != nil {
		return err
	}
	if _, err := rw.Write(s[1 : 1+greeting]); err != nil { // 5.2.4: C2 echoes S1; some servers wait for it before S2
		return err
	}
	_, err := io.ReadFull(rw, s[1+greeting:]) // S2, an echo that some servers get wrong
	return err
}

// appendGreeting appends the version and C1 or S1.
func appendGreeting(dst []byte, random *Random) []byte {
	dst = append(dst, version, 0, 0, 0, 0, 0, 0, 0, 0)
	return append(dst, random[:]...)
}

func checkVersion(v byte) error {
	if v != version { // 6 is RTMPE, whose encryption protects nothing
		return fmt.Errorf("%w: version %d", ErrProtocol, v)
	}
	return nil
}
