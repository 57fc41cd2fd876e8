package opus

import (
	"errors"
	"fmt"
)

var (
	// ErrHead means that bytes are no OpusHead of a mono or stereo stream.
	ErrHead = errors.New("opus: bad identification header")
	// ErrPacket means that a packet breaks one of the rules of RFC 6716 3.4.
	ErrPacket = errors.New("opus: bad packet")
)

// One error for each rule of RFC 6716 3.4, made once: the check runs for every packet that comes in.
var (
	errR1 = fmt.Errorf("%w: empty (R1)", ErrPacket)
	errR2 = fmt.Errorf("%w: frame of more than 1275 bytes (R2)", ErrPacket)
	errR3 = fmt.Errorf("%w: two equal frames in an odd number of bytes (R3)", ErrPacket)
	errR4 = fmt.Errorf("%w: two frames, the first longer than the packet (R4)", ErrPacket)
	errR5 = fmt.Errorf("%w: no frame, or more than 120 ms (R5)", ErrPacket)
	errR6 = fmt.Errorf("%w: equal frames and padding do not fill it (R6)", ErrPacket)
	errR7 = fmt.Errorf("%w: frames and padding are longer than it (R7)", ErrPacket)
)
