package httpflv

import (
	"time"

	"weir/mux/av"
	"weir/mux/flv"
	"weir/room/live"
)

// pumpBatch is how many tags a pump takes at most at once: more than two seconds.
const pumpBatch = 256

// batch is a run of tags that a pump writes to its viewers.
type batch struct {
	tags   [pumpBatch]flv.Tag
	n      int
	data   [][]byte      // of the tags
	oldest time.Duration // DTS of all
	plain  bool          // all of it is media: no viewer needs to look at it
	forms  []*form       // as framed so far; those behind len are scratch
}

// form is a part of a batch in one framing.
type form struct {
	framing framing
	had     int // tags left out
	framed  framed
	vector  vector
}

// take fills the batch with what there is to read.
func (b *batch) take(l *live.Lead[flv.Tag]) (err error) {
	b.n, err = l.Take(b.tags[:])
	b.plain = true
	for i := range b.tags[:b.n] {
		t := &b.tags[i]
		b.plain = b.plain && t.Kind == av.KindMedia
		if i == 0 || t.DTS < b.oldest {
			b.oldest = t.DTS
		}
		b.data = append(b.data, t.Data)
	}
	return err
}

// full tells whether there was no room for more.
func (b *batch) full() bool { return b.n == len(b.tags) }

// clear lets go of the tags.
func (b *batch) clear() {
	clear(b.tags[:b.n])
	clear(b.data)
	for _, f := range b.forms {
		f.framed.clear()
		f.vector.clear()
	}
	b.n, b.data, b.forms = 0, b.data[:0], b.forms[:0]
}

// in returns the batch in a framing, without the first tags that the viewer had already. It is framed once for all
// viewers of whom both are true.
func (b *batch) in(f framing, had int) *form {
	for _, known := range b.forms {
		if known.framing == f && known.had == had {
			return known
		}
	}
	b.forms = append(b.forms, b.spare())
	made := b.forms[len(b.forms)-1]
	made.framing, made.had = f, had
	made.vector.set(made.framed.set(f, b.data[had:]))
	return made
}

// spare is a form to be used again, or a new one.
func (b *batch) spare() *form {
	if all := b.forms[:cap(b.forms)]; len(b.forms) < len(all) && all[len(b.forms)] != nil {
		return all[len(b.forms)]
	}
	return new(form)
}
