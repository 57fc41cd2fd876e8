package pull

import (
	"net/url"

	"weir/mux/hls"
)

// maxPlaces bounds what is remembered of the playlists of one stream: some servers name another one to each who asks.
const maxPlaces = 16

// places are how far the live playlists of a stream's sources were read, by their addresses: what was played is not played again
// when the connection was lost or the source is over. They are for one connection at a time.
type places map[string]*place

// place is how far one was read. The zero value is that of one that was not.
type place struct {
	next  int64  // the number of the segment to read
	last  string // the name of the one before
	whole bool   // the playlist had ended when it was first read: it is played from the start each time
}

// of is the place in a playlist. role tells the playlists of one stream apart, which may differ by their queries alone.
func (ps places) of(u *url.URL, role string) *place {
	key := role + " " + u.Scheme + "://" + u.Host + u.Path // what proves who asks may be another one each time
	if ps[key] == nil {
		if len(ps) >= maxPlaces {
			clear(ps)
		}
		ps[key] = new(place)
	}
	return ps[key]
}

// begin is the number of the segment to begin with: where reading ended, or three before the end of a live playlist (RFC 8216
// 6.3.3), or the first one.
func (p *place) begin(list *hls.Playlist) int64 {
	end := list.End()
	switch {
	case p.last != "" && !list.Ended && list.Behind(p.next): // one of several caches is not up to date
		return p.next
	case p.last != "" && p.next > list.Sequence && p.next <= end && nameOf(&list.Segments[p.next-1-list.Sequence]) == p.last:
		return p.next
	case list.Ended:
		*p = place{whole: true}
		return list.Sequence
	default:
		*p = place{}
		return max(list.Sequence, end-fromEdge)
	}
}

// read notes that a segment was read, which is the one before next.
func (p *place) read(s *hls.SegmentRef, next int64) {
	if !p.whole {
		p.next, p.last = next, nameOf(s)
	}
}

// nameOf tells segments of the same number apart. A number may begin anew with the source.
func nameOf(s *hls.SegmentRef) string {
	u, err := url.Parse(s.URI)
	if err != nil {
		return ""
	}
	return u.Path
}
