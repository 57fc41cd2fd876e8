package peer

import (
	"encoding/binary"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
)

// rtcpOverhead is what encryption adds to RTCP at most: index and tag (RFC 7714 9.2).
const rtcpOverhead = 4 + 16

// minRTCP is the smallest that can come: a header, the index, and the tag of AES-CM (RFC 3711 3.4).
const minRTCP = 8 + 4 + 10

// replayWindow is how far an RTCP packet may come behind the newest (RFC 3711 3.3.2).
const replayWindow = 64

// opener decrypts the RTCP of the remote side.
type opener struct {
	context *srtp.Context
	header  rtcp.Header // scratch
}

func newOpener(profile srtp.ProtectionProfile, key, salt []byte) (*opener, error) {
	c, err := srtp.CreateContext(key, salt, profile, srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return nil, err
	}
	return &opener{context: c}, nil
}

// open decrypts in place and reads what is there. An error is of no use to anybody: anyone may send bytes.
func (o *opener) open(b []byte) []rtcp.Packet {
	// RFC 5761 4: packet types 192 to 223 are RTCP. No media is taken in.
	if len(b) < minRTCP || b[1] < 192 || b[1] > 223 {
		return nil
	}
	plain, err := o.context.DecryptRTCP(b[:0], b, &o.header)
	if err != nil {
		return nil
	}
	if swells(plain) {
		return nil
	}
	packets, err := rtcp.Unmarshal(plain)
	if err != nil {
		return nil
	}
	return packets
}

// maxStatuses is how many packets one report of arrivals may tell of.
const maxStatuses = 2048

// swells tells whether reading the compound packet takes far more memory than it has bytes: a report of arrivals says in
// four bytes that 16,000 packets came, and each of them would be a value.
func swells(b []byte) bool {
	for len(b) >= 4 {
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if size > len(b) {
			return false // it cannot be read
		}
		isReport := b[1] == uint8(rtcp.TypeTransportSpecificFeedback) && b[0]&31 == rtcp.FormatTCC
		if isReport && size >= 16 && binary.BigEndian.Uint16(b[14:]) > maxStatuses {
			return true
		}
		b = b[size:]
	}
	return false
}

// receive takes a packet that is SRTP or SRTCP.
func (p *Peer) receive(b []byte) {
	in := p.in.Load()
	if in == nil || p.opts.Feedback == nil {
		return
	}
	if packets := in.open(b); len(packets) > 0 {
		p.opts.Feedback(packets)
	}
}

// rtcpSealer encrypts RTCP.
type rtcpSealer struct {
	context *srtp.Context
	header  rtcp.Header // scratch
}

func newRTCPSealer(profile srtp.ProtectionProfile, key, salt []byte) (*rtcpSealer, error) {
	c, err := srtp.CreateContext(key, salt, profile)
	if err != nil {
		return nil, err
	}
	return &rtcpSealer{context: c}, nil
}

// seal writes the compound packet b to dst, encrypted, and returns its size.
func (s *rtcpSealer) seal(dst, b []byte) (int, error) {
	out, err := s.context.EncryptRTCP(dst[:0], b, &s.header)
	return len(out), err
}
