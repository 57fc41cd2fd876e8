package mpegts

import (
	"time"

	"weir/mux/av"
)

// PacketSize is the size of a transport packet in bytes (ISO/IEC 13818-1 2.4.3.2).
const PacketSize = 188

// Unit is one access unit as transport packets, with the tables before it where they are due. It is made once, shared by
// all who send it, and immutable.
type Unit struct {
	// Data are whole packets.
	Data []byte
	// Codec is that of the access unit.
	Codec av.Codec
	// Key tells that the access unit can be decoded without any before it.
	Key bool
	// DTS is on the stream's clock.
	DTS time.Duration

	join, beat bool
}

// Bytes is the memory that the unit keeps alive.
func (u *Unit) Bytes() int { return cap(u.Data) }

// Time is the unit's decoding time on the stream's clock.
func (u *Unit) Time() time.Duration { return u.DTS }

// Join tells whether a receiver may start here: the tables stand before it.
func (u *Unit) Join() bool { return u.join }

// Beat tells whether the unit is a picture, or sound of a stream without any.
func (u *Unit) Beat() bool { return u.beat }
