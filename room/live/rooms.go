package live

import (
	"slices"
	"strings"
)

// roomKey is a room of an app.
type roomKey struct{ app, room string }

func (k Key) inRoom() roomKey { return roomKey{k.App, k.Room} }

// addLocked makes a stream findable by its key and its room.
func (r *Registry) addLocked(s *Stream) {
	r.streams[s.key] = s
	at := s.key.inRoom()
	r.rooms[at] = append(r.rooms[at], s)
}

// dropLocked is the opposite of addLocked.
func (r *Registry) dropLocked(s *Stream) {
	delete(r.streams, s.key)
	at := s.key.inRoom()
	left := slices.DeleteFunc(r.rooms[at], func(o *Stream) bool { return o == s })
	if r.rooms[at] = left; len(left) == 0 {
		delete(r.rooms, at)
	}
}

// Room lists the streams of a room of an app in the order of their names. It looks at no others.
func (r *Registry) Room(app, room string) []*Stream {
	r.mu.RLock()
	all := slices.Clone(r.rooms[roomKey{app, room}])
	r.mu.RUnlock()
	slices.SortFunc(all, func(a, b *Stream) int { return strings.Compare(a.key.Stream, b.key.Stream) })
	return all
}
