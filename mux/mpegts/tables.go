package mpegts

import (
	"encoding/binary"

	"weir/mux/av"
)

const (
	// The PIDs are those that ffmpeg gives, which some receivers expect.
	pidPAT   = 0
	pidPMT   = 0x1000
	pidVideo = 0x100
	pidAudio = 0x101

	programme = 1

	// ISO/IEC 13818-1 2.4.4.
	tablePAT = 0
	tablePMT = 2

	tablesSize = 2 * PacketSize
)

// stream types of ISO/IEC 13818-1 table 2-34.
const (
	typePrivate = 0x06 // what it is, its descriptors say
	typeADTS    = 0x0f
	typeH264    = 0x1b
	typeH265    = 0x24
)

// opusDescriptors are those of Opus in a transport stream (registered format "Opus"; the channel configuration, in an
// extension descriptor, is the last byte).
const opusDescriptors = "\x05\x04Opus\x7f\x02\x80"

// tables are the programme's tables as packets, whose continuity counters are set when they are sent.
type tables struct {
	packets  [tablesSize]byte
	version  byte // of the PMT, modulo 32
	pat, pmt elementary
}

func newTables() tables {
	return tables{pat: elementary{pid: pidPAT}, pmt: elementary{pid: pidPMT}}
}

// set describes the programme anew.
func (t *tables) set(ts av.Tracks) {
	t.version++
	out := appendSection(t.packets[:0], pidPAT, appendPAT(nil))
	appendSection(out, pidPMT, appendPMT(nil, t.version, ts))
}

// append appends both tables.
func (t *tables) append(dst []byte) []byte {
	for i, e := range []*elementary{&t.pat, &t.pmt} {
		at := i * PacketSize
		dst = e.appendHeader(dst, flagStart, flagPayload)
		dst = append(dst, t.packets[at+headerSize:at+PacketSize]...)
	}
	return dst
}

// appendSection appends a section as one packet: a pointer (2.4.4.2), the section, stuffing.
func appendSection(dst []byte, pid uint16, section []byte) []byte {
	end := len(dst) + PacketSize
	e := elementary{pid: pid}
	dst = e.appendHeader(dst, flagStart, flagPayload)
	dst = append(dst, 0)
	dst = append(dst, section...)
	for len(dst) < end {
		dst = append(dst, 0xff)
	}
	return dst
}

// appendPAT appends the table of the one programme (2.4.4.3).
func appendPAT(dst []byte) []byte {
	from := len(dst)
	dst = appendTable(dst, tablePAT, 1, 0)
	dst = binary.BigEndian.AppendUint16(dst, programme)
	dst = binary.BigEndian.AppendUint16(dst, 0xe000|pidPMT)
	return closeTable(dst, from)
}

// appendPMT appends the table of the programme's tracks (2.4.4.8).
func appendPMT(dst []byte, version byte, ts av.Tracks) []byte {
	from := len(dst)
	dst = appendTable(dst, tablePMT, programme, version)
	video, audio := ts.Video(), ts.Audio()
	clock := uint16(pidVideo)
	if video == nil {
		clock = pidAudio
	}
	dst = binary.BigEndian.AppendUint16(dst, 0xe000|clock)
	dst = binary.BigEndian.AppendUint16(dst, 0xf000) // nothing to say of the programme
	if video != nil {
		dst = appendTrack(dst, pidVideo, video)
	}
	if audio != nil {
		dst = appendTrack(dst, pidAudio, audio)
	}
	return closeTable(dst, from)
}

func appendTrack(dst []byte, pid uint16, t *av.Track) []byte {
	kind, descriptors := byte(typePrivate), ""
	switch t.Codec {
	case av.CodecH264:
		kind = typeH264
	case av.CodecH265:
		kind = typeH265
	case av.CodecAAC:
		kind = typeADTS
	case av.CodecOpus:
		descriptors = opusDescriptors + string(rune(t.Channels))
	default:
	}
	dst = append(dst, kind)
	dst = binary.BigEndian.AppendUint16(dst, 0xe000|pid)
	dst = binary.BigEndian.AppendUint16(dst, 0xf000|uint16(len(descriptors)))
	return append(dst, descriptors...)
}

// appendTable begins a section that has the long form; closeTable sets its length.
func appendTable(dst []byte, table byte, id uint16, version byte) []byte {
	dst = append(dst, table, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, id)
	return append(dst, 0xc0|version&0x1f<<1|1, 0, 0) // valid now; section 0 of 0
}

func closeTable(dst []byte, from int) []byte {
	// What follows the length, the checksum included.
	binary.BigEndian.PutUint16(dst[from+1:], 0xb000|uint16(len(dst)-from-3+4))
	return binary.BigEndian.AppendUint32(dst, checksum(dst[from:]))
}

// checksum is the CRC of ISO/IEC 13818-1 annex A, which hash/crc32 has not: the most significant bit goes first.
func checksum(b []byte) uint32 {
	sum := ^uint32(0)
	for _, c := range b {
		sum ^= uint32(c) << 24
		for range 8 {
			carry := sum >> 31
			sum <<= 1
			sum ^= 0x04c11db7 * carry
		}
	}
	return sum
}
