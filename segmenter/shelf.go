package segmenter

import (
	"bytes"
	"sync"

	"weir/room/live"
)

// maxShelved is how many playlists of other servers are kept compressed.
const maxShelved = 4096

// shelf holds the compressed forms of playlists that other servers made: of each the newest that a viewer asked for so.
type shelf struct {
	mu  sync.Mutex // guards all
	all map[shelved]*boxed
}

// shelved is the playlist of a stream, or of a layer of it.
type shelved struct {
	key   live.Key
	layer string
}

// boxed is a text and its compressed form.
type boxed struct {
	text   []byte
	zipped zipped
}

// of returns the compressed form of a playlist, which is the same for all as long as its text is. text must not change.
func (s *shelf) of(key live.Key, layer string, text []byte) *zipped {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := shelved{key, layer}
	b := s.all[at]
	if b == nil || !bytes.Equal(b.text, text) {
		if s.all == nil || b == nil && len(s.all) >= maxShelved {
			s.all = make(map[shelved]*boxed) // those that are asked for come back
		}
		b = &boxed{text: text}
		s.all[at] = b
	}
	return &b.zipped
}
