package live

// IDKey is the key of whatever stream has the id in an app: a Key without a room. Stream, Await and Awaited take it as they
// take a stream's own key, which Stream.Key then tells.
func IDKey(app, id string) Key { return Key{App: app, Stream: id} }

// IsID tells whether the key is one of IDKey.
func (k Key) IsID() bool { return k.Room == "" }

// lookLocked is the stream of a key, or the one that has an id; nil when there is none.
func (r *Registry) lookLocked(k Key) *Stream {
	if s := r.streams[k]; s != nil {
		return s
	}
	return r.ids[k]
}

// mayHaveLocked refuses a stream an id that another one has, unless that is a mirrored one: its own server may have taken the id
// from it by now.
func (r *Registry) mayHaveLocked(k Key, id string) error {
	if s := r.ids[IDKey(k.App, id)]; id != "" && s != nil && s.key != k && !s.Mirrored() {
		return ErrIDTaken
	}
	return nil
}

// nameLocked gives a stream the id of the publisher who takes it. Without one it keeps the id that it has if the publisher
// does not change.
func (r *Registry) nameLocked(s *Stream, o *PublishOptions) {
	s.mu.Lock()
	id := o.ID
	if id == "" && s.publisher != nil && s.publisher.opts.User == o.User {
		id = s.id
	}
	s.mu.Unlock()
	r.renameLocked(s, id)
}

// renameLocked gives a stream an id, or takes the one that it has.
func (r *Registry) renameLocked(s *Stream, id string) {
	s.mu.Lock()
	old := s.id
	s.id = id
	s.mu.Unlock()
	if id == old {
		return
	}
	r.unnameLocked(s, old)
	if id != "" {
		k := IDKey(s.key.App, id)
		r.ids[k] = s
		r.announceLocked(k)
	}
}

// unnameLocked lets go of an id of a stream, which may be empty.
func (r *Registry) unnameLocked(s *Stream, id string) {
	if k := IDKey(s.key.App, id); r.ids[k] == s {
		delete(r.ids, k)
	}
}
