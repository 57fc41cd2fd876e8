package fmp4

import (
	"encoding/binary"
	"slices"
)

// Sample is one coded access unit in a part. Duration and PTSOffset (PTS less DTS) are in the track's time
// scale; Key is true for a sample that decodes without those before it. Data is copied into the part.
type Sample struct {
	Duration  uint32
	PTSOffset int32
	Key       bool
	Data      []byte
}

// PartTrack is what a part holds of one track: samples whose decoding times follow one another by their
// durations, the first at BaseTime, in the track's time scale. ID is as TrackID makes it.
type PartTrack struct {
	ID       uint32
	BaseTime uint64
	Samples  []Sample
}

// Part is a movie fragment. Sequence rises from part to part. All in all it must stay below 2 GiB.
type Part struct {
	Sequence uint32
	Tracks   []PartTrack
}

// The flags of the boxes, as ISO/IEC 14496-12 numbers them.
const (
	tfhdDefaultBaseIsMoof = 0x020000 // 8.8.7.1

	trunDataOffset  = 0x000001 // 8.8.8.1
	trunDuration    = 0x000100
	trunSize        = 0x000200
	trunFlags       = 0x000400
	trunComposition = 0x000800

	sampleKey   = 0x02000000 // 8.8.3.1: sample_depends_on 2, of no other
	sampleDelta = 0x01010000 // sample_depends_on 1, of others; sample_is_non_sync_sample
)

const (
	mfhdSize = boxHead + 8
	tfhdSize = boxHead + 8
	tfdtSize = boxHead + 12
	trunHead = boxHead + 12
)

// Size is the number of bytes that AppendPart appends.
func (p Part) Size() int {
	n := p.moofSize() + boxHead
	for i := range p.Tracks {
		n += p.Tracks[i].dataSize()
	}
	return n
}

// AppendPart appends the part's moof and mdat boxes. A track without samples is left out. When dst has room
// for Part.Size bytes nothing is allocated.
func AppendPart(dst []byte, p Part) []byte {
	dst = slices.Grow(dst, p.Size())
	moof := p.moofSize()
	dst = appendBox(dst, moof, "moof")
	dst = appendFullBox(dst, mfhdSize, "mfhd", 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, p.Sequence)
	// 8.8.8.2: data offsets count from the beginning of the moof box (default-base-is-moof).
	offset := moof + boxHead
	for i := range p.Tracks {
		if t := &p.Tracks[i]; len(t.Samples) > 0 {
			dst = t.appendTraf(dst, offset)
			offset += t.dataSize()
		}
	}
	dst = appendBox(dst, offset-moof, "mdat")
	for i := range p.Tracks {
		for j := range p.Tracks[i].Samples {
			dst = append(dst, p.Tracks[i].Samples[j].Data...)
		}
	}
	return dst
}

func (t *PartTrack) appendTraf(dst []byte, dataOffset int) []byte {
	dst = appendBox(dst, t.trafSize(), "traf")
	dst = appendFullBox(dst, tfhdSize, "tfhd", 0, tfhdDefaultBaseIsMoof)
	dst = binary.BigEndian.AppendUint32(dst, t.ID)
	dst = appendFullBox(dst, tfdtSize, "tfdt", 1, 0) // version 1: 64 bits
	dst = binary.BigEndian.AppendUint64(dst, t.BaseTime)

	flags := t.trunFlags()
	dst = appendFullBox(dst, t.trunSize(), "trun", 1, flags) // version 1: signed composition offsets
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(t.Samples)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(dataOffset))
	for i := range t.Samples {
		dst = t.Samples[i].append(dst, flags)
	}
	return dst
}

func (s *Sample) append(dst []byte, flags uint32) []byte {
	dst = binary.BigEndian.AppendUint32(dst, s.Duration)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s.Data)))
	if flags&trunFlags != 0 {
		f := uint32(sampleDelta)
		if s.Key {
			f = sampleKey
		}
		dst = binary.BigEndian.AppendUint32(dst, f)
	}
	if flags&trunComposition != 0 {
		dst = binary.BigEndian.AppendUint32(dst, uint32(s.PTSOffset))
	}
	return dst
}

// trunFlags says which fields each sample has: those that some sample needs. Without sample flags the trex
// box of the init section makes all samples sync samples, which is right for audio.
func (t *PartTrack) trunFlags() uint32 {
	flags := uint32(trunDataOffset | trunDuration | trunSize)
	for i := range t.Samples {
		if !t.Samples[i].Key {
			flags |= trunFlags
		}
		if t.Samples[i].PTSOffset != 0 {
			flags |= trunComposition
		}
	}
	return flags
}

func (p Part) moofSize() int {
	n := boxHead + mfhdSize
	for i := range p.Tracks {
		if t := &p.Tracks[i]; len(t.Samples) > 0 {
			n += t.trafSize()
		}
	}
	return n
}

func (t *PartTrack) trafSize() int { return boxHead + tfhdSize + tfdtSize + t.trunSize() }

func (t *PartTrack) trunSize() int {
	sample, flags := 8, t.trunFlags()
	if flags&trunFlags != 0 {
		sample += 4
	}
	if flags&trunComposition != 0 {
		sample += 4
	}
	return trunHead + sample*len(t.Samples)
}

func (t *PartTrack) dataSize() int {
	n := 0
	for i := range t.Samples {
		n += len(t.Samples[i].Data)
	}
	return n
}

func appendBox(dst []byte, size int, kind string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	return append(dst, kind...)
}

func appendFullBox(dst []byte, size int, kind string, version byte, flags uint32) []byte {
	dst = appendBox(dst, size, kind)
	return binary.BigEndian.AppendUint32(dst, uint32(version)<<24|flags)
}
