package opus

import "time"

// SilenceDuration is how long a packet of Silence plays.
const SilenceDuration = 20 * time.Millisecond

// The table of contents of one CELT frame of 20 ms over the full band (RFC 6716 3.1, configuration 31), and the two
// bytes that its range coder needs to say "silence" (RFC 6716 4.3: the first symbol).
var (
	silentMono   = []byte{0xf8, 0xff, 0xfe}
	silentStereo = []byte{0xfc, 0xff, 0xfe}
)

// Silence is a packet of 20 ms of silence in 1 or 2 channels. It is shared and must not be changed.
func Silence(channels int) []byte {
	if channels == 1 {
		return silentMono
	}
	return silentStereo
}
