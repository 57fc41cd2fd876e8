package auth

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rights are the bits of a privilege map.
type Rights uint32

// The rights, as the cloud's PrivateMapKey numbers them.
const (
	RightCreateRoom Rights = 1 << iota
	RightEnterRoom
	RightSendAudio
	RightReceiveAudio
	RightSendVideo
	RightReceiveVideo
	RightSendScreen
	RightReceiveScreen

	// RightsAll is what a token without a map has.
	RightsAll Rights = 1<<8 - 1

	toSend    = RightSendAudio | RightSendVideo
	toReceive = RightReceiveAudio | RightReceiveVideo
)

// screenSuffix ends the name of a stream that shows a screen, as the cloud names such a stream beside a user's main one.
const screenSuffix = "_aux"

// in are the rights to the sound and the picture of a stream: who may not enter its room receives nothing, and the
// picture of a screen has rights of its own.
func (r Rights) in(stream string) Rights {
	if !r.Has(RightEnterRoom) {
		r &^= toReceive | RightReceiveScreen
	}
	if !strings.HasSuffix(stream, screenSuffix) {
		return r
	}
	r &^= RightSendVideo | RightReceiveVideo
	if r.Has(RightSendScreen) {
		r |= RightSendVideo
	}
	if r.Has(RightReceiveScreen) {
		r |= RightReceiveVideo
	}
	return r
}

// Has tells whether any of the wanted rights is there.
func (r Rights) Has(wanted Rights) bool { return r&wanted != 0 }

// Receives tells whether sound may be received, and whether pictures may.
func (r Rights) Receives() (sound, pictures bool) {
	return r.Has(RightReceiveAudio), r.Has(RightReceiveVideo)
}

// ReceivesAll tells whether both may be received.
func (r Rights) ReceivesAll() bool { return r&toReceive == toReceive }

// Limit is the privilege map that a token can carry (PrivateMapKey, TLS.userbuf): it binds the token to one
// room and to some rights in it.
type Limit struct {
	// Room is the only room that the token is for; a numeric room is written in decimal.
	Room string
	// Rights are what it allows there.
	Rights Rights
	// Expires is when the map ends, which may be before the token does.
	Expires time.Time
}

// May tells whether the user may do in a room what the right is for. It says nothing about what the room allows.
func (u *User) May(right Rights, room string) bool {
	return u.Limit == nil || u.Limit.Room == room && u.Limit.Rights.Has(right)
}

// fixedUserBuf is the size of what a map holds after its account: app, room, expiry, rights, account type.
const fixedUserBuf = 5 * 4

// parseUserBuf reads the map of a token whose signature has been checked. A map that cannot be read makes the
// token worthless: it was meant to narrow it.
//
//	ver(1) len(2) account(len) app(4) room(4) expiry(4) rights(4) account type(4) [len(2) room(len)]
//
// All numbers are big endian; ver 0 has the room as a number, ver 1 as the text at the end.
func parseUserBuf(text string, doc *sigDoc) (*Limit, error) {
	bad := func(why string) (*Limit, error) {
		return nil, fmt.Errorf("%w: its privilege map %s", ErrBadToken, why)
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) < 3 {
		return bad("cannot be decoded")
	}
	version, account := b[0], int(binary.BigEndian.Uint16(b[1:]))
	b = b[3:]
	if version > 1 || len(b) < account+fixedUserBuf {
		return bad("has a wrong version or length")
	}
	if string(b[:account]) != doc.User || int64(binary.BigEndian.Uint32(b[account:])) != doc.App {
		return bad("is for another user or app")
	}
	b = b[account+4:]
	limit := &Limit{
		Room:    strconv.FormatUint(uint64(binary.BigEndian.Uint32(b)), 10),
		Expires: time.Unix(int64(binary.BigEndian.Uint32(b[4:])), 0),
		Rights:  Rights(binary.BigEndian.Uint32(b[8:])),
	}
	b = b[fixedUserBuf-4:]
	if version == 1 {
		if len(b) < 2 || len(b) != 2+int(binary.BigEndian.Uint16(b)) {
			return bad("has a wrong length")
		}
		limit.Room = string(b[2:])
	}
	return limit, nil
}
