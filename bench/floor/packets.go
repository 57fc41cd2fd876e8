package floor

import (
	"encoding/binary"
	"time"

	"weir/bench/publish"
)

// The sizes of what is sent: an RTP header (RFC 3550 5.1) without extensions, pictures cut into datagrams of 1,200 bytes
// with it, and sound of 64 kbit/s in packets of 20 ms.
const (
	rtpHead   = 12
	packetMax = 1200
	soundSize = 160
	soundTime = 20 * time.Millisecond
)

// burst are the packets that every viewer gets at one time: a picture's, of the same size but for the last, or one of
// sound.
type burst struct {
	due   time.Duration
	kind  byte // RTP payload type
	parts [][]byte
}

// The payload types that the bursts have.
const (
	pictures = 102
	sound    = 111
)

// Bursts are what is sent of pictures, once around.
type Bursts struct {
	list   []burst
	length time.Duration
}

// Cut makes bursts of pictures, and of sound beside them.
func Cut(units []publish.AccessUnit, fps int) Bursts {
	b := Bursts{length: time.Duration(len(units)) * time.Second / time.Duration(fps)}
	silence, spoken := make([]byte, soundSize), time.Duration(0)
	for i, u := range units {
		due := time.Duration(i) * time.Second / time.Duration(fps)
		for ; spoken <= due; spoken += soundTime {
			b.list = append(b.list, burst{spoken, sound, [][]byte{silence}})
		}
		var data []byte
		for _, nal := range u.NALs {
			data = append(data, nal...)
		}
		p := burst{due: due, kind: pictures}
		for len(data) > 0 {
			n := min(len(data), packetMax-rtpHead)
			p.parts = append(p.parts, data[:n])
			data = data[n:]
		}
		b.list = append(b.list, p)
	}
	return b
}

// head writes an RTP header.
func head(dst []byte, kind byte, last bool, seq uint16, ts uint32) []byte {
	if last {
		kind |= 0x80
	}
	dst = append(dst, 0x80, kind)
	dst = binary.BigEndian.AppendUint16(dst, seq)
	dst = binary.BigEndian.AppendUint32(dst, ts)
	return binary.BigEndian.AppendUint32(dst, uint32(kind&0x7f)) // an SSRC for each kind
}
