package fmp4

import (
	"encoding/binary"
	"fmt"
	"io"
)

// maxHeadBox is how large a box may be that Scan reads into memory: moov and moof. Those of this package stay far below it.
const maxHeadBox = 16 << 20

// TrackInfo is a track as an init section announces it.
type TrackInfo struct {
	ID, TimeScale uint32
	Video         bool
}

// Fragment is a moof box with its mdat box in a file.
type Fragment struct {
	Offset, Size int64
	Tracks       []FragmentTrack
}

// FragmentTrack is what a fragment holds of one track. Times are in the track's time scale; Key is that of the first sample.
type FragmentTrack struct {
	ID             uint32
	Time, Duration uint64
	Key            bool
}

// Track is what the fragment holds of the track with an ID, or nil.
func (f *Fragment) Track(id uint32) *FragmentTrack {
	for i := range f.Tracks {
		if f.Tracks[i].ID == id {
			return &f.Tracks[i]
		}
	}
	return nil
}

// Layout is what Scan finds in a file.
type Layout struct {
	Tracks []TrackInfo
	// Free is where room for an index begins, the size of which is FreeSize; 0 when there is none.
	Free, FreeSize int64
	// Indexed says that an index stands there already.
	Indexed bool
	// Head is where the first fragment begins, Whole where the last whole one ends.
	Head, Whole int64
}

// Scan reads a file as AppendPart writes it behind Init and, if wanted, AppendFree or AppendIndex; each is called with every
// whole fragment. What stands behind the last one, such as one that a process did not come to finish, is left out.
//
// Errors: ErrFormat when there is no init section; those of r and of each.
func Scan(r io.ReaderAt, size int64, each func(Fragment) error) (Layout, error) {
	var l Layout
	for {
		kind, n, err := boxAt(r, l.Whole, size)
		if err != nil {
			return l, err
		}
		switch kind {
		case "ftyp":
		case "moov":
			moov, err := readBox(r, l.Whole, n)
			if err != nil {
				return l, err
			}
			l.Tracks = tracksOf(moov)
		case "free", "sidx":
			if l.Free == 0 {
				l.Free, l.FreeSize, l.Indexed = l.Whole, n, kind == "sidx"
			}
		case "moof":
			if l.Tracks == nil {
				return l, fmt.Errorf("%w: fragments without an init section", ErrFormat)
			}
			l.Head = l.Whole
			return l, l.fragments(r, size, each)
		default:
			if l.Tracks == nil {
				return l, fmt.Errorf("%w: no init section", ErrFormat)
			}
			l.Head = l.Whole
			return l, nil
		}
		l.Whole += n
	}
}

// fragments reads what stands from Whole on.
func (l *Layout) fragments(r io.ReaderAt, size int64, each func(Fragment) error) error {
	for {
		kind, n, err := boxAt(r, l.Whole, size)
		if err != nil || kind != "moof" {
			return err
		}
		data, dataSize, err := boxAt(r, l.Whole+n, size)
		if err != nil || data != "mdat" {
			return err
		}
		moof, err := readBox(r, l.Whole, n)
		if err != nil {
			return err
		}
		f := Fragment{Offset: l.Whole, Size: n + dataSize, Tracks: fragmentTracks(moof)}
		l.Whole += f.Size
		if err := each(f); err != nil {
			return err
		}
	}
}

// boxAt reads the head of a box. Its kind is empty when there is none that is whole, or that would be read and is too large.
func boxAt(r io.ReaderAt, at, size int64) (kind string, n int64, err error) {
	if size-at < boxHead {
		return "", 0, nil
	}
	var head [boxHead]byte
	if _, err := r.ReadAt(head[:], at); err != nil {
		return "", 0, err
	}
	n, kind = int64(binary.BigEndian.Uint32(head[:])), string(head[4:])
	if n < boxHead || n > size-at || (kind == "moov" || kind == "moof") && n > maxHeadBox {
		return "", 0, nil
	}
	return kind, n, nil
}

func readBox(r io.ReaderAt, at, n int64) ([]byte, error) {
	b := make([]byte, n)
	_, err := r.ReadAt(b, at)
	return b[boxHead:], err
}

// children calls each with every box in the content of one.
func children(b []byte, each func(kind string, content []byte)) {
	for len(b) >= boxHead {
		n := int(binary.BigEndian.Uint32(b))
		if n < boxHead || n > len(b) {
			return
		}
		each(string(b[4:boxHead]), b[boxHead:n])
		b = b[n:]
	}
}

// tracksOf reads the tracks of a moov box.
func tracksOf(moov []byte) []TrackInfo {
	all := []TrackInfo{}
	children(moov, func(kind string, trak []byte) {
		if kind != "trak" {
			return
		}
		var t TrackInfo
		children(trak, func(kind string, b []byte) {
			switch kind {
			case "tkhd":
				t.ID = field(b, 12, 20) // 8.3.2.2: creation and modification time before it
			case "mdia":
				children(b, t.media)
			}
		})
		all = append(all, t)
	})
	return all
}

// media reads what is in a mdia box.
func (t *TrackInfo) media(kind string, b []byte) {
	switch kind {
	case "mdhd":
		t.TimeScale = field(b, 12, 20) // 8.4.2.2
	case "hdlr":
		t.Video = len(b) >= 12 && string(b[8:12]) == "vide" // 8.4.3.2
	}
}

// field is 32 bits of a full box, which stand at one place in version 0 and at another in version 1; 0 when it is too short.
func field(b []byte, at0, at1 int) uint32 {
	at := at0
	if len(b) > 0 && b[0] == 1 {
		at = at1
	}
	if len(b) < at+4 {
		return 0
	}
	return binary.BigEndian.Uint32(b[at:])
}

// fragmentTracks reads the tracks of a moof box.
func fragmentTracks(moof []byte) (all []FragmentTrack) {
	children(moof, func(kind string, traf []byte) {
		if kind != "traf" {
			return
		}
		t := FragmentTrack{Key: true}
		children(traf, func(kind string, b []byte) {
			switch {
			case kind == "tfhd" && len(b) >= 8:
				t.ID = binary.BigEndian.Uint32(b[4:])
			case kind == "tfdt" && len(b) >= 12 && b[0] == 1:
				t.Time = binary.BigEndian.Uint64(b[4:])
			case kind == "trun":
				t.run(b)
			}
		})
		all = append(all, t)
	})
	return all
}

// run adds the samples of a trun box, in which AppendPart writes a duration and a size of each.
func (t *FragmentTrack) run(b []byte) {
	if len(b) < 12 {
		return
	}
	flags, samples := binary.BigEndian.Uint32(b)&0xffffff, b[12:]
	if flags&(trunDataOffset|trunDuration|trunSize) != trunDataOffset|trunDuration|trunSize {
		return
	}
	step := 8
	if flags&trunFlags != 0 {
		if step += 4; len(samples) >= step {
			t.Key = binary.BigEndian.Uint32(samples[8:])&0x010000 == 0
		}
	}
	if flags&trunComposition != 0 {
		step += 4
	}
	for ; len(samples) >= step; samples = samples[step:] {
		t.Duration += uint64(binary.BigEndian.Uint32(samples))
	}
}
