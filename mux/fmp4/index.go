package fmp4

import "encoding/binary"

// MaxReferences is how many references one index has room for.
const MaxReferences = 1<<16 - 1

// maxReference is the largest part that one reference covers, in bytes: 31 bits.
const maxReference = 1<<31 - 1

const (
	sidxHead      = boxHead + 32 // version 1, without references
	sidxReference = 12
	// startsWithSAP says that a reference's part begins with a key frame: starts_with_SAP, SAP_type 1.
	startsWithSAP = 0x90000000
)

// Index says where the fragments of a file are and how long they last (ISO/IEC 14496-12 8.16.3), so that players know the
// file's duration and can seek in it. It stands before the fragments.
type Index struct {
	// TrackID and TimeScale are those of the track whose times it tells, Earliest is the first of these.
	TrackID, TimeScale uint32
	Earliest           uint64
	// Gap is how many bytes stand between the index and the first fragment.
	Gap        uint64
	References []Reference
}

// Reference is a part of a file that is made of whole fragments. Size is in bytes, below 2 GiB; Duration is in the index's
// time scale; Key says that the part begins with a key frame.
type Reference struct {
	Size     uint32
	Duration uint32
	Key      bool
}

// Size is the number of bytes that AppendIndex appends.
func (x *Index) Size() int { return IndexSize(len(x.References)) }

// IndexSize is the size of an index with n references.
func IndexSize(n int) int { return sidxHead + sidxReference*n }

// AppendIndex appends the index, a sidx box. It must not have more than MaxReferences.
func AppendIndex(dst []byte, x *Index) []byte {
	dst = appendFullBox(dst, x.Size(), "sidx", 1, 0)
	dst = binary.BigEndian.AppendUint32(dst, x.TrackID)
	dst = binary.BigEndian.AppendUint32(dst, x.TimeScale)
	dst = binary.BigEndian.AppendUint64(dst, x.Earliest)
	dst = binary.BigEndian.AppendUint64(dst, x.Gap)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(x.References))) // 16 bits reserved, 16 bits count
	for _, r := range x.References {
		dst = binary.BigEndian.AppendUint32(dst, r.Size&maxReference)
		dst = binary.BigEndian.AppendUint32(dst, r.Duration)
		flags := uint32(0)
		if r.Key {
			flags = startsWithSAP
		}
		dst = binary.BigEndian.AppendUint32(dst, flags)
	}
	return dst
}

// Merge joins neighbours among references until there are most at most; ok is false when that cannot be done.
func Merge(all []Reference, most int) (merged []Reference, ok bool) {
	for ; len(all) > most; all = merged {
		merged = make([]Reference, 0, len(all)/2+1)
		for i := 0; i < len(all); i += 2 {
			r := all[i]
			if i+1 < len(all) {
				next := all[i+1]
				if uint64(r.Size)+uint64(next.Size) > maxReference || uint64(r.Duration)+uint64(next.Duration) > 1<<32-1 {
					return nil, false
				}
				r.Size += next.Size
				r.Duration += next.Duration
			}
			merged = append(merged, r)
		}
		if len(merged) == len(all) { // there is only one
			return nil, false
		}
	}
	return all, true
}

// AppendFree appends a box of size bytes that means nothing: room for something to come. The size is 8 or more.
func AppendFree(dst []byte, size int) []byte {
	return append(appendBox(dst, size, "free"), make([]byte, size-boxHead)...)
}
