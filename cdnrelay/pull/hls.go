package pull

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"slices"
	"sync"
	"time"

	"weir/mux/av"
	"weir/mux/hls"
)

// readHLS plays what a playlist names, in time. body is the playlist, u what was asked for and base where that was found.
func readHLS(ctx context.Context, f *fetcher, u, base *url.URL, body io.Reader, seen places, to sink) error {
	text, err := io.ReadAll(io.LimitReader(body, maxPlaylist+1))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrClosed, err)
	case len(text) > maxPlaylist:
		return fmt.Errorf("%w: a playlist", ErrTooLarge)
	}
	list, err := hls.Read(string(text))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	all, err := choose(f, u, base, list, seen, to.takes)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var fetching sync.WaitGroup
	for _, r := range all {
		fetching.Go(func() {
			defer close(r.batches)
			r.err = r.run(ctx) // which play hears of behind what was read before
		})
	}
	p := player{renditions: all, heads: make([]head, len(all)), to: to}
	err = p.play(ctx)
	cancel(err)
	fetching.Wait()
	return err
}

// choose is what to read of a playlist: itself, or its best variant and the sound that belongs to it.
func choose(f *fetcher, u, base *url.URL, list *hls.Playlist, seen places, takes func(av.Codec) bool) ([]*rendition, error) {
	if len(list.Variants) == 0 {
		only := newRendition(f, u, seen.of(u, "all"))
		only.base, only.list = base, list
		return []*rendition{only}, nil
	}
	best := bestOf(list.Variants, takes)
	at, err := resolve(base, best.URI)
	if err != nil {
		return nil, err
	}
	main := newRendition(f, at, seen.of(at, "variant"))
	sound := soundOf(list.Renditions, best.Audio)
	if sound == "" {
		return []*rendition{main}, nil
	}
	apart, err := resolve(base, sound)
	if err != nil {
		return nil, err
	}
	if apart.String() == at.String() { // a variant of nothing but its sound
		return []*rendition{main}, nil
	}
	main.dec.noAudio = true
	other := newRendition(f, apart, seen.of(apart, "sound"))
	other.dec.noVideo = true
	return []*rendition{main, other}, nil
}

// head is what comes next of a rendition.
type head struct {
	batch
	over bool // nothing does
}

// player hands the frames of renditions on, in order and in time. It is for one goroutine.
type player struct {
	renditions []*rendition
	heads      []head
	to         sink
	pace       pace
	last       time.Duration // the newest time of a transport stream, without wraps
	begun      bool
	expected   bool
}

// play hands frames on until a rendition fails or all are over.
func (p *player) play(ctx context.Context) error {
	if err := p.align(ctx); err != nil {
		return err
	}
	for {
		for i := range p.heads {
			if err := p.fill(ctx, i); err != nil {
				return err
			}
		}
		h := p.first()
		if h == nil {
			return ErrOver
		}
		p.expect()
		f := h.frames[0]
		h.frames = h.frames[1:]
		if f.Kind == av.KindConfig {
			if err := p.to.configure(f.Config); err != nil {
				return err
			}
			continue
		}
		if err := p.pace.wait(ctx, f.DTS, h.ahead > fromEdge); err != nil {
			return err
		}
		if err := p.to.write(f); err != nil {
			return err
		}
	}
}

// align passes over pictures that were shown before there is sound: where that is apart, its playlist may begin a segment later. A
// stream that began without sound would have its viewers begin anew when it comes.
func (p *player) align(ctx context.Context) error {
	for i := range p.heads {
		if err := p.fill(ctx, i); err != nil {
			return err
		}
	}
	if len(p.heads) < 2 || p.heads[0].over || p.heads[1].over || p.heads[0].turn != p.heads[1].turn {
		return nil
	}
	h, begin := &p.heads[0], p.heads[1].frames[0].DTS
	if begin-h.frames[0].DTS > maxStep {
		return nil // they are of different time lines
	}
	for !h.over && begin-h.frames[0].DTS > maxEarly {
		if f := h.frames[0]; f.Kind == av.KindConfig {
			if err := p.to.configure(f.Config); err != nil {
				return err
			}
		}
		h.frames = h.frames[1:]
		if err := p.fill(ctx, 0); err != nil {
			return err
		}
	}
	return nil
}

// fill sees to it that there is a frame of a rendition.
func (p *player) fill(ctx context.Context, i int) error {
	for len(p.heads[i].frames) == 0 && !p.heads[i].over {
		select {
		case b, ok := <-p.renditions[i].batches:
			if !ok && !errors.Is(p.renditions[i].err, ErrOver) {
				return p.renditions[i].err
			}
			if !ok {
				p.heads[i].over = true
				return nil
			}
			if b.missed && !p.renditions[i].dec.noVideo {
				p.to.damaged()
			}
			p.heads[i].batch = p.order(b)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// order undoes wraps and puts the frames of a segment into the order of their times.
func (p *player) order(b batch) batch {
	if b.wraps {
		for _, f := range b.frames {
			if !p.begun {
				p.begun, p.last = true, f.DTS
			}
			wraps := tsWrap * time.Duration(math.Round(float64(p.last-f.DTS)/float64(tsWrap)))
			f.DTS, f.PTS = f.DTS+wraps, f.PTS+wraps
			p.last = f.DTS
		}
	}
	slices.SortStableFunc(b.frames, func(a, c *av.Frame) int { return cmp.Compare(a.DTS, c.DTS) })
	return b
}

// expect tells the sink what comes, once there is something of all renditions.
func (p *player) expect() {
	if p.expected {
		return
	}
	p.expected = true
	var pictures, sound bool
	var patience time.Duration
	for _, h := range p.heads {
		patience = max(patience, 2*h.target)
		for _, f := range h.frames {
			pictures, sound = pictures || f.Codec.IsVideo(), sound || f.Codec.IsAudio()
		}
	}
	p.to.expect(pictures, sound, patience)
}

// first is the head with the frame that comes first; nil when all are over.
func (p *player) first() (best *head) {
	for i := range p.heads {
		h := &p.heads[i]
		if !h.over && (best == nil || h.before(best)) {
			best = h
		}
	}
	return best
}

// maxEarly is how long pictures may be shown before there is sound.
const maxEarly = 500 * time.Millisecond

// sameLine is how near to each other the times of two renditions are that are of one time line, whatever their playlists count.
const sameLine = time.Second

// before tells whether the next frame comes before another head's.
func (h *head) before(o *head) bool {
	later := h.frames[0].DTS - o.frames[0].DTS
	if h.turn != o.turn && later.Abs() > sameLine {
		return h.turn < o.turn
	}
	return later < 0
}
