package depacket

import (
	"weir/mux/av"
	"weir/mux/codec/opus"
)

const audioChunk = 4 << 10 // arena chunk: half a second at 64 kbit/s

// AudioStats count since the start.
type AudioStats struct {
	Units   uint64 // handed on
	Damaged uint64 // not an Opus packet
}

// Opus depacketizes RFC 7587: each packet is one Opus packet.
type Opus struct {
	out      Receiver
	arena    arena
	channels int
	changed  bool
	stats    AudioStats
}

// NewOpus returns a depacketizer that hands packets to out. channels is what the SDP says (RFC 7587 6.1,
// sprop-stereo); a packet in stereo makes a mono track stereo from there on, and for good: encoders switch
// between both as the bitrate allows, and every decoder plays mono packets in stereo.
func NewOpus(out Receiver, channels int) *Opus {
	return &Opus{out: out, arena: arena{chunk: audioChunk}, channels: channels, changed: true}
}

// Stats are the counts so far.
func (d *Opus) Stats() AudioStats { return d.stats }

// packet takes the next packet in order; see sink.
func (d *Opus) packet(p *Packet, _ int) {
	if len(p.Payload) == 0 {
		return
	}
	if _, err := opus.PacketDuration(p.Payload); err != nil {
		d.stats.Damaged++
		return
	}
	if c := opus.PacketChannels(p.Payload); c > d.channels {
		d.channels, d.changed = c, true
	}
	d.arena.append(p.Payload...)
	d.stats.Units++
	d.out.Unit(Unit{Timestamp: p.Timestamp, Arrival: p.Arrival, Key: true, Data: d.arena.take(), Config: d.config()})
}

func (d *Opus) config() *av.Track {
	if !d.changed {
		return nil
	}
	d.changed = false
	return &av.Track{
		Codec: av.CodecOpus, ClockRate: opus.ClockRate, Channels: d.channels,
		Config: opus.AppendHead(nil, d.channels, 0), // a live stream has nothing to skip
	}
}
