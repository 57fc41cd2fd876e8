package srt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"weir/cdnrelay/push"
)

const (
	handshakeSize = 48

	// Handshake types (draft 3.2.1, table 4); from rejected on they are reasons.
	induction  = 1
	conclusion = 0xffffffff
	rejected   = 1000

	magic = 0x4a17 // of a listener of version 5 in its answer to the induction (draft 4.3.1.1)

	// Extensions (draft 3.2.1, table 5), and their flags in the handshake.
	extensionHSReq, extensionHSRsp = 1, 2
	extensionKMReq, extensionKMRsp = 3, 4
	extensionSID                   = 5
	flagHS, flagKM, flagConfig     = 1, 2, 4

	srtVersion = 0x010401
	// What this side does and wants (draft 3.2.1.1.1): packets are delivered by their times and dropped when they are late,
	// losses are reported again and again, retransmissions are marked; CRYPT means that the field KK is understood.
	srtFlags   = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x20
	flagStream = 0x40 // a listener that wants no messages, but a byte stream

	flowWindow   = 8192 // packets
	maxStreamID  = 512
	maxExtension = 1024 // bytes of all extensions of an answer
)

// handshake is the content of a handshake packet.
type handshake struct {
	version            uint32
	encryption, fields uint16
	sequence           uint32
	mtu, window        uint32
	kind               uint32
	socket, cookie     uint32

	hello []byte // extension HSREQ or HSRSP
	key   []byte // KMREQ or KMRSP
	sid   string
}

// appendHandshake appends the content. The peer's address, which nobody looks at, is zero.
func appendHandshake(dst []byte, h *handshake) []byte {
	dst = binary.BigEndian.AppendUint32(dst, h.version)
	dst = binary.BigEndian.AppendUint16(dst, h.encryption)
	dst = binary.BigEndian.AppendUint16(dst, h.fields)
	for _, v := range []uint32{h.sequence, h.mtu, h.window, h.kind, h.socket, h.cookie, 0, 0, 0, 0} {
		dst = binary.BigEndian.AppendUint32(dst, v)
	}
	if h.hello != nil {
		dst = appendExtension(dst, extensionHSReq, h.hello)
	}
	if h.key != nil {
		dst = appendExtension(dst, extensionKMReq, h.key)
	}
	if h.sid != "" {
		dst = appendExtension(dst, extensionSID, turned([]byte(h.sid)))
	}
	return dst
}

func appendExtension(dst []byte, kind uint16, content []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, kind)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(content)/4)) //nolint:gosec // of maxExtension at most
	return append(dst, content...)
}

// turned is a text as words of 32 bits whose bytes stand in the opposite order (draft 3.2.1.3).
func turned(b []byte) []byte {
	out := make([]byte, (len(b)+3)/4*4)
	for i, c := range b {
		out[i^3] = c
	}
	return out
}

// helloOf is what the caller says of itself; latency, in milliseconds, is that of either direction.
func helloOf(latency uint16) []byte {
	b := binary.BigEndian.AppendUint32(nil, srtVersion)
	b = binary.BigEndian.AppendUint32(b, srtFlags)
	b = binary.BigEndian.AppendUint16(b, latency)
	return binary.BigEndian.AppendUint16(b, latency)
}

// latency is how long the listener holds what it receives (draft 3.2.1.1, receiver TSBPD delay).
func (h *handshake) latency() time.Duration {
	return time.Duration(binary.BigEndian.Uint16(h.hello[8:])) * time.Millisecond
}

var errHandshake = errors.New("it is no handshake")

// parseHandshake reads the content of a handshake packet.
func parseHandshake(b []byte) (h handshake, err error) {
	if len(b) < handshakeSize || len(b) > handshakeSize+maxExtension {
		return h, errHandshake
	}
	word := func(i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }
	h = handshake{
		version: word(0), encryption: uint16(word(1) >> 16), fields: uint16(word(1) & 0xffff), sequence: word(2),
		mtu: word(3), window: word(4), kind: word(5), socket: word(6), cookie: word(7),
	}
	if h.kind != conclusion {
		return h, nil
	}
	for rest := b[handshakeSize:]; len(rest) >= 4; {
		kind, n := binary.BigEndian.Uint16(rest), 4*int(binary.BigEndian.Uint16(rest[2:]))
		if rest = rest[4:]; n > len(rest) {
			return h, errHandshake
		}
		switch kind {
		case extensionHSRsp:
			h.hello = rest[:n]
		case extensionKMRsp:
			h.key = rest[:n]
		}
		rest = rest[n:]
	}
	return h, nil
}

// checkInduction tells whether an answer to the induction can be gone on with.
func (h *handshake) checkInduction() error {
	switch {
	case h.kind >= rejected && h.kind != conclusion:
		return h.rejection()
	case h.kind != induction || h.version != 5 || h.fields != magic:
		return fmt.Errorf("%w: it speaks no SRT of version 1.3 or later", push.ErrProtocol)
	default:
		return nil
	}
}

// checkConclusion tells whether the listener takes the stream.
func (h *handshake) checkConclusion(encrypted bool) error {
	switch {
	case h.kind != conclusion && h.kind >= rejected:
		return h.rejection()
	case h.kind != conclusion || len(h.hello) < 12:
		return fmt.Errorf("%w: its handshake is not one of version 5", push.ErrProtocol)
	case binary.BigEndian.Uint32(h.hello[4:])&flagStream != 0:
		return fmt.Errorf("%w: it is not in live mode", push.ErrProtocol)
	case encrypted && len(h.key) <= 4: // draft 3.2.1.2: a status in place of the key
		return fmt.Errorf("%w: it does not take the passphrase", push.ErrRefused)
	default:
		return nil
	}
}

// rejections are the reasons of draft 4.3 (table 7), and what servers say in the words of HTTP.
var rejections = map[uint32]string{
	1000: "unknown", 1002: "peer", 1003: "resource", 1004: "rogue", 1005: "backlog", 1006: "internal error", 1007: "close",
	1008: "version", 1009: "wrong cookie", 1010: "bad passphrase", 1011: "a passphrase is required, or none is",
	1012: "message mode", 1013: "congestion control", 1014: "packet filter", 1015: "group", 1016: "timeout",
	1400: "bad request", 1401: "unauthorized", 1402: "overload", 1403: "forbidden", 1404: "not found", 1405: "bad mode",
	1406: "unacceptable", 1409: "conflict", 1415: "media not supported", 1423: "locked",
}

func (h *handshake) rejection() error {
	text := rejections[h.kind]
	if text == "" {
		text = "unknown"
	}
	return fmt.Errorf("%w: it rejects the connection (%d, %s)", push.ErrRefused, h.kind, text)
}
