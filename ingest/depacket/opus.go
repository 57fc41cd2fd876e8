package depacket

import (
	"time"

	"weir/mux/av"
	"weir/mux/codec/opus"
)

const (
	audioChunk = 4 << 10 // arena chunk: half a second at 64 kbit/s
	// maxFill is the longest hole that is filled: past it, it is no loss and no pause between words, and the
	// source may be another one.
	maxFill = 2 * time.Second
	// maxOutage is the same for a hole as long as the time in which nothing came: the path was interrupted. Of a
	// longer one the stream's viewers know.
	maxOutage = 5 * time.Second
	// fillDelay is how far a sender that pauses may be behind before its pause is filled: jitter
	// must not cost the first word after it.
	fillDelay = 120 * time.Millisecond
	// maxPause is the longest packet that says "silence from here on" (RFC 6716 2.1.9): libopus makes one or two
	// bytes, of which senders send the first and then nothing, up to a refresh every 400 ms.
	maxPause = 2
)

// AudioStats count since the start.
type AudioStats struct {
	Units     uint64        // handed on, those made here included
	Damaged   uint64        // not an Opus packet
	Dropped   uint64        // of a time that had come or been filled already
	Gaps      uint64        // holes filled because packets were lost
	Concealed time.Duration // of what was lost and is left to the decoder to conceal
	Paused    time.Duration // the same for what was not sent, because nobody spoke (DTX)
}

// Opus depacketizes RFC 7587: each packet is one Opus packet. Its units leave no hole: where packets are missing,
// or a sender pauses (DTX), it puts packets of no sound, which decoders conceal or fill with comfort noise.
type Opus struct {
	out      Receiver
	arena    arena
	channels int
	changed  bool
	stats    AudioStats

	started bool
	next    uint32        // timestamp at which the next packet is expected
	arrival time.Duration // when it is expected: behind the last one that came by the time between them
	last    byte          // first byte of the last packet that came
	pausing bool          // the last packet that came said so
	made    time.Duration // since it came
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
func (d *Opus) packet(p *Packet, lost int) {
	if len(p.Payload) == 0 {
		return
	}
	duration, err := opus.PacketDuration(p.Payload)
	if err != nil {
		d.stats.Damaged++
		return // the next one finds the hole
	}
	ticks := uint32(av.Ticks(duration, opus.ClockRate))
	if d.started && !d.continues(p, ticks, lost) {
		d.stats.Dropped++
		return
	}
	d.started, d.next, d.arrival = true, p.Timestamp+ticks, p.Arrival+duration
	d.last, d.pausing, d.made = p.Payload[0], len(p.Payload) <= maxPause, 0
	if c := opus.PacketChannels(p.Payload); c > d.channels {
		d.channels, d.changed = c, true
	}
	d.arena.append(p.Payload...)
	d.hand(Unit{Timestamp: p.Timestamp, Arrival: p.Arrival})
}

// continues fills the hole before a packet, if there is one. It tells whether the packet is new: what was filled
// while its sender seemed to pause may come after all.
func (d *Opus) continues(p *Packet, ticks uint32, lost int) bool {
	step := int32(p.Timestamp - d.next) // RFC 3550 5.1: wraps at 2^32
	if step < 0 {
		// Half of it new is better than nothing; that far back it is another source.
		return step+int32(ticks)/2 > 0 || step < -opus.ClockRate
	}
	gap, most := av.Duration(int64(step), opus.ClockRate), maxFill
	if gap <= p.Arrival-d.arrival+maxFill {
		most = maxOutage
	}
	if gap+d.made > most {
		return true
	}
	paused := d.pausing && lost == 0
	if filled := d.fill(gap, p.Arrival); paused {
		d.stats.Paused += filled
	} else if filled > 0 {
		d.stats.Gaps++
		d.stats.Concealed += filled
	}
	return true
}

// Tick fills what a sender that pauses has left out so far, so that no output has to wait for its next word.
func (d *Opus) Tick(now time.Duration) {
	if !d.pausing {
		return
	}
	gap := min(now-d.arrival-fillDelay, maxFill-d.made)
	// Whole frames of the sender's own: its next packet will begin where one of them ends.
	_, step := opus.Lost(d.last, maxFill)
	d.stats.Paused += d.fill(gap-gap%step, now)
}

// fill puts packets of no sound over the time from next on, as far as they fit, and returns how much that is.
func (d *Opus) fill(gap, now time.Duration) time.Duration {
	var filled time.Duration
	for {
		toc, duration := opus.Lost(d.last, gap-filled)
		if duration == 0 {
			return filled
		}
		d.arena.append(toc)
		d.hand(Unit{Timestamp: d.next, Arrival: now, Made: true})
		d.next += uint32(av.Ticks(duration, opus.ClockRate))
		d.arrival += duration
		d.made += duration
		filled += duration
	}
}

// hand hands on the open unit.
func (d *Opus) hand(u Unit) {
	d.stats.Units++
	u.Key, u.Data, u.Config = true, d.arena.take(), d.config()
	d.out.Unit(u)
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
