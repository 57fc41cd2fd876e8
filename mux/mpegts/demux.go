package mpegts

import (
	"encoding/binary"
	"fmt"

	"weir/mux/av"
)

// What Demux takes in at most.
const (
	maxStreams = 32
	maxSection = 1024 // ISO/IEC 13818-1 2.4.4.5, 2.4.4.9
)

// Demux takes a part of a transport stream apart that begins with the tables, such as a segment of HLS, and hands the packets
// of its first programme to each, in the order in which they end. Damaged transport packets are passed over.
//
// Errors: ErrStream when there is no transport stream, or no programme in it; each's.
func Demux(b []byte, each func(p *PESPacket) error) error {
	d := demuxer{each: each, pmt: noPID}
	for len(b) >= PacketSize {
		if b[0] != syncByte {
			b = b[1:]
			continue
		}
		if len(b) > PacketSize && b[PacketSize] != syncByte { // a byte like that in the middle of something else
			b = b[1:]
			continue
		}
		if err := d.packet(b[:PacketSize]); err != nil {
			return err
		}
		b = b[PacketSize:]
	}
	if len(d.streams) == 0 {
		return fmt.Errorf("%w: it has no programme", ErrStream)
	}
	for _, s := range d.streams {
		if err := d.flush(s); err != nil {
			return err
		}
	}
	return nil
}

// noPID is one more than there are.
const noPID = 0x2000

// demuxer is what is known of a transport stream.
type demuxer struct {
	each    func(p *PESPacket) error
	pmt     uint16
	section []byte // of the tables, as far as it came
	streams []*stream
}

// stream is an elementary stream.
type stream struct {
	pid      uint16
	order    int
	codec    av.Codec
	channels int
	counter  byte
	begun    bool // counter is one
	open     bool // data is of a packet whose begin was seen
	damaged  bool
	data     []byte
}

// packet takes a transport packet (2.4.3.2).
func (d *demuxer) packet(b []byte) error {
	pid := binary.BigEndian.Uint16(b[1:]) & 0x1fff
	start := b[1]&0x40 != 0
	if b[1]&0x80 != 0 || b[3]&0xc0 != 0 || b[3]&0x10 == 0 { // damaged on its way, scrambled, or without a payload
		return nil
	}
	counter, payload := b[3]&0x0f, b[4:]
	broken := false
	if b[3]&0x20 != 0 {
		n := int(payload[0]) + 1
		if n > len(payload) {
			return nil
		}
		broken = n > 1 && payload[1]&0x80 != 0 // discontinuity_indicator
		payload = payload[n:]
	}
	if pid == pidPAT || pid == d.pmt {
		d.table(pid, start, payload)
		return nil
	}
	for _, s := range d.streams {
		if s.pid == pid {
			return d.media(s, start, counter, broken, payload)
		}
	}
	return nil
}

// media takes the payload of a packet of an elementary stream.
func (d *demuxer) media(s *stream, start bool, counter byte, broken bool, payload []byte) error {
	switch {
	case s.begun && !broken && counter == s.counter: // 2.4.3.3: sent twice
		return nil
	case s.begun && !broken && counter != (s.counter+1)&0x0f:
		s.damaged = true
	}
	s.begun, s.counter = true, counter
	if start {
		if err := d.flush(s); err != nil { // what is missing was its
			return err
		}
		s.open = true
	}
	if s.open {
		s.data = append(s.data, payload...)
	}
	return nil
}

// flush hands on what came of a packet.
func (d *demuxer) flush(s *stream) error {
	data, open, damaged := s.data, s.open, s.damaged
	s.data, s.open, s.damaged = nil, false, false
	if !open {
		return nil
	}
	p, ok := parsePES(data)
	if !ok {
		return nil
	}
	p.PID, p.Order, p.Codec, p.Channels, p.Damaged = s.pid, s.order, s.codec, s.channels, damaged
	return d.each(&p)
}

// table takes the payload of a packet of the tables (2.4.4.1).
func (d *demuxer) table(pid uint16, start bool, payload []byte) {
	if start {
		if len(payload) == 0 || int(payload[0]) >= len(payload) {
			return
		}
		d.section = append(d.section[:0], payload[1+int(payload[0]):]...)
	} else {
		if len(d.section) == 0 || len(d.section) > maxSection {
			return
		}
		d.section = append(d.section, payload...)
	}
	if len(d.section) < 3 {
		return
	}
	n := 3 + int(binary.BigEndian.Uint16(d.section[1:])&0x0fff)
	if n > maxSection || n > len(d.section) || n < 12 {
		return
	}
	s := d.section[:n]
	d.section = d.section[:0]
	if checksum(s) != 0 { // over itself and its checksum it is 0 (annex A)
		return
	}
	switch body := s[8 : n-4]; {
	case pid == pidPAT && s[0] == tablePAT:
		d.programmes(body)
	case pid == d.pmt && s[0] == tablePMT:
		d.programme(body)
	}
}

// programmes takes the list of programmes, of which the first counts (2.4.4.3).
func (d *demuxer) programmes(b []byte) {
	for ; len(b) >= 4; b = b[4:] {
		if binary.BigEndian.Uint16(b) != 0 { // 0 is the network's information
			d.pmt = binary.BigEndian.Uint16(b[2:]) & 0x1fff
			return
		}
	}
}

// programme takes the list of a programme's elementary streams (2.4.4.8).
func (d *demuxer) programme(b []byte) {
	if len(b) < 4 {
		return
	}
	skip := 4 + int(binary.BigEndian.Uint16(b[2:])&0x0fff)
	if skip > len(b) {
		return
	}
	for b = b[skip:]; len(b) >= 5; {
		pid, n := binary.BigEndian.Uint16(b[1:])&0x1fff, int(binary.BigEndian.Uint16(b[3:])&0x0fff)
		if 5+n > len(b) {
			return
		}
		codec, channels := codecOf(b[0], b[5:5+n])
		d.stream(pid, codec, channels)
		b = b[5+n:]
	}
}

// stream notes what an elementary stream is.
func (d *demuxer) stream(pid uint16, codec av.Codec, channels int) {
	for _, s := range d.streams {
		if s.pid == pid {
			s.codec, s.channels = codec, channels
			return
		}
	}
	if len(d.streams) < maxStreams {
		d.streams = append(d.streams, &stream{pid: pid, order: len(d.streams), codec: codec, channels: channels})
	}
}

// codecOf is what a stream type and the descriptors say.
func codecOf(kind byte, descriptors []byte) (c av.Codec, channels int) {
	switch kind {
	case typeH264:
		return av.CodecH264, 0
	case typeH265:
		return av.CodecH265, 0
	case typeADTS:
		return av.CodecAAC, 0
	case typePrivate:
		return opusOf(descriptors)
	default:
		return av.CodecNone, 0
	}
}

// opusOf looks for the descriptors of Opus; see opusDescriptors.
func opusOf(b []byte) (c av.Codec, channels int) {
	const tagRegistration, tagExtension, extensionOpus = 0x05, 0x7f, 0x80
	for len(b) >= 2 && 2+int(b[1]) <= len(b) {
		body := b[2 : 2+int(b[1])]
		switch {
		case b[0] == tagRegistration && string(body) == "Opus":
			c = av.CodecOpus
		case b[0] == tagExtension && len(body) == 2 && body[0] == extensionOpus:
			channels = int(body[1])
		}
		b = b[2+len(body):]
	}
	if c == av.CodecOpus && (channels < 1 || channels > 2) {
		return av.CodecNone, 0 // more of them are in several streams
	}
	return c, channels
}
