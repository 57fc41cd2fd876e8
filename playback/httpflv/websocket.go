package httpflv

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
)

// WS-FLV is the same bytes as HTTP-FLV in WebSocket messages (RFC 6455): each write is a binary one. weir writes the
// few bytes of that by itself, since what is sent must be framed once for all viewers, and nearly nothing is read.

// Opcodes (RFC 6455 5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa

	finalFrame = 0x80
	maskedBit  = 0x80
)

// Status codes of a close frame (RFC 6455 7.4.1).
const (
	closeNormal   = 1000
	closeProtocol = 1002
	closeTooBig   = 1009
	closeInternal = 1011
)

// webSocketGUID is what every server answers a key with (RFC 6455 1.3).
const webSocketGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// wantsWebSocket tells whether a request asks to go on as a WebSocket.
func wantsWebSocket(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.Method == http.MethodGet && hasToken(r.Header, "Upgrade", "websocket")
}

// checkWebSocket refuses a handshake that is none.
//
// Errors: errHandshake, errVersion.
func checkWebSocket(r *http.Request) error {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case !r.ProtoAtLeast(1, 1) || !hasToken(r.Header, "Connection", "upgrade"):
		return errHandshake
	case r.Header.Get("Sec-WebSocket-Version") != "13": // RFC 6455 4.2.2: another one is answered with 426
		return errVersion
	case err != nil || len(key) != 16 || len(r.Header.Values("Sec-WebSocket-Key")) != 1: // RFC 6455 4.2.1
		return errHandshake
	}
	return nil
}

// upgrade are the headers of the answer to a handshake (RFC 6455 4.2.2). Neither an extension nor a subprotocol is
// taken: media does not get smaller.
func upgrade(head http.Header, r *http.Request) {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + webSocketGUID))
	head.Set("Upgrade", "websocket")
	head.Set("Connection", "Upgrade")
	head.Set("Sec-WebSocket-Accept", base64.StdEncoding.EncodeToString(sum[:]))
	head.Del("Content-Type")
}

// hasToken tells whether a header that is a list has the token, in any case.
func hasToken(h http.Header, name, token string) bool {
	for _, value := range h.Values(name) {
		for item := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}

// appendFrameHead appends what stands before a whole message of n bytes from a server, which masks nothing (RFC 6455
// 5.1, 5.2).
func appendFrameHead(dst []byte, opcode byte, n int) []byte {
	dst = append(dst, finalFrame|opcode)
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n <= 1<<16-1:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
}

// appendClose appends a close frame with its status and its reason, which must be short.
func appendClose(dst []byte, status uint16, reason string) []byte {
	dst = appendFrameHead(dst, opClose, 2+len(reason))
	return append(binary.BigEndian.AppendUint16(dst, status), reason...)
}
