package opus

import "time"

const (
	// maxDuration is the longest packet (RFC 6716 3.2.5).
	maxDuration = 120 * time.Millisecond
	// maxFrame is the longest frame in bytes (RFC 6716 3.2.1).
	maxFrame = 1275
)

// PacketChannels is 1 or 2: whether the packet is coded in mono or stereo (RFC 6716 3.1). It may change
// from packet to packet and says nothing of what the stream was announced as. It is 0 for an empty packet.
func PacketChannels(pkt []byte) int {
	if len(pkt) == 0 {
		return 0
	}
	return 1 + int(pkt[0]>>2&1)
}

// PacketDuration is how long the packet plays. It refuses what RFC 6716 3.4 forbids, with an error that
// wraps ErrPacket, so that a packet with a duration is well formed outside of its frames. It allocates nothing.
func PacketDuration(pkt []byte) (time.Duration, error) {
	if len(pkt) == 0 {
		return 0, errR1
	}
	d := frameDuration(pkt[0])
	n, err := frameCount(pkt[0], pkt[1:])
	if err != nil {
		return 0, err
	}
	if d *= time.Duration(n); d > maxDuration {
		return 0, errR5
	}
	return d, nil
}

// frameCount is how many frames the packet has, once its lengths are found to be in order.
func frameCount(toc byte, body []byte) (int, error) {
	switch toc & 3 {
	case 0:
		return 1, checkOne(body)
	case 1:
		return 2, checkTwoEqual(body)
	case 2:
		return 2, checkTwo(body)
	default:
		if len(body) == 0 {
			return 0, errR6
		}
		if m := int(body[0] & 0x3f); m > 0 {
			return m, checkMany(body, m)
		}
		return 0, errR5
	}
}

// frameDuration is the duration of each frame of a packet with this first byte (RFC 6716 table 2).
func frameDuration(toc byte) time.Duration {
	config := toc >> 3
	switch {
	case config < 12: // SILK
		return [4]time.Duration{10e6, 20e6, 40e6, 60e6}[config&3]
	case config < 16: // hybrid
		return 10 * time.Millisecond << (config & 1)
	default: // CELT
		return 2500 * time.Microsecond << (config & 3)
	}
}

func checkOne(body []byte) error {
	if len(body) > maxFrame {
		return errR2
	}
	return nil
}

func checkTwoEqual(body []byte) error {
	if len(body)%2 != 0 {
		return errR3
	}
	if len(body)/2 > maxFrame {
		return errR2
	}
	return nil
}

func checkTwo(body []byte) error {
	first, used := frameSize(body)
	if used == 0 || first > len(body)-used {
		return errR4
	}
	if len(body)-used-first > maxFrame {
		return errR2
	}
	return nil
}

// checkMany checks a packet of code 3 and m frames, from its frame count byte on (RFC 6716 3.2.5), whose
// upper bits tell whether frame lengths vary (v) and whether there is padding (p).
func checkMany(body []byte, m int) error {
	v, p := body[0]&0x80 != 0, body[0]&0x40 != 0
	tooShort := errR6
	if v {
		tooShort = errR7
	}
	body = body[1:]
	if p {
		padding, used := paddingSize(body)
		if used == 0 || padding > len(body)-used {
			return tooShort
		}
		body = body[used : len(body)-padding]
	}
	if !v {
		return checkEqual(body, m)
	}
	return checkVarying(body, m)
}

func checkEqual(body []byte, m int) error {
	if len(body)%m != 0 {
		return errR6
	}
	if len(body)/m > maxFrame {
		return errR2
	}
	return nil
}

func checkVarying(body []byte, m int) error {
	sum := 0
	for range m - 1 {
		size, used := frameSize(body)
		if used == 0 {
			return errR7
		}
		sum, body = sum+size, body[used:]
	}
	if sum > len(body) {
		return errR7
	}
	if len(body)-sum > maxFrame {
		return errR2
	}
	return nil
}

// frameSize reads a frame's length of one or two bytes (RFC 6716 3.2.1); used is 0 when it is cut short.
func frameSize(b []byte) (size, used int) {
	switch {
	case len(b) > 0 && b[0] < 252:
		return int(b[0]), 1
	case len(b) > 1:
		return 4*int(b[1]) + int(b[0]), 2
	default:
		return 0, 0
	}
}

// paddingSize reads the number of padding bytes behind the frames (RFC 6716 3.2.5): each 255 stands for 254
// and goes on. used is 0 when it is cut short.
func paddingSize(b []byte) (size, used int) {
	for i, c := range b {
		if c != 255 {
			return size + int(c), i + 1
		}
		size += 254
	}
	return 0, 0
}
