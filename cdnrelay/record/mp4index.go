package record

import (
	"weir/mux/av"
	"weir/mux/fmp4"
)

// mp4Index is where the fragments of an MP4 stand, told for each of its tracks: ffmpeg, and players that are made with it, look up the
// times of a track without an index of its own in that of another one, in the wrong time scale, and seek to elsewhere.
type mp4Index struct {
	lead     indexed
	tracks   []indexed
	earliest uint64 // time of the first sample of lead
	all      []fragment
}

// indexed is a track by its ID, with its time scale.
type indexed struct{ id, scale uint32 }

// patcher is what an index is written into.
type patcher interface {
	patch(b []byte, at int64) error
}

// write writes the index over what stands between at and head. Without fragments, or with more than fit whatever is joined,
// there is none.
func (x *mp4Index) write(to patcher, at, head int64) error {
	room := int(head - at)
	most := ((room-8)/max(len(x.tracks), 1) - fmp4.IndexSize(0)) / (fmp4.IndexSize(1) - fmp4.IndexSize(0))
	refs, ok := fmp4.Merge(references(x.all), most)
	if !ok || len(refs) == 0 {
		return nil
	}
	b := make([]byte, 0, room)
	for _, t := range x.tracks {
		left := room - len(b) - fmp4.IndexSize(len(refs))
		b = fmp4.AppendIndex(b, &fmp4.Index{
			TrackID: t.id, TimeScale: t.scale, Earliest: x.rescale(x.earliest, t.scale), Gap: uint64(left), References: x.of(t, refs),
		})
	}
	b = fmp4.AppendFree(b, room-len(b))
	if err := to.patch(b[8:], at+8); err != nil {
		return err
	}
	return to.patch(b[:8], at)
}

// of are the references in a track's time scale. Where each begins is rounded, so that rounding does not add up.
func (x *mp4Index) of(t indexed, refs []fmp4.Reference) []fmp4.Reference {
	if t.scale == x.lead.scale {
		return refs
	}
	own := make([]fmp4.Reference, len(refs))
	at := x.earliest
	for i, r := range refs {
		begin := x.rescale(at, t.scale)
		at += uint64(r.Duration)
		r.Duration = uint32(x.rescale(at, t.scale) - begin)
		own[i] = r
	}
	return own
}

// rescale is a time of lead in another time scale.
func (x *mp4Index) rescale(v uint64, scale uint32) uint64 {
	return uint64(av.Ticks(av.Duration(int64(v), x.lead.scale), scale))
}
