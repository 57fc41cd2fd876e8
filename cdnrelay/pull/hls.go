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
	all, err := choose(f, u, base, list, seen)
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
func choose(f *fetcher, u, base *url.URL, list *hls.Playlist, seen places) ([]*rendition, error) {
	if len(list.Variants) == 0 {
		only := newRendition(f, u, seen)
		only.base, only.list = base, list
		return []*rendition{only}, nil
	}
	best := slices.MaxFunc(list.Variants, func(a, b hls.VariantRef) int { return cmp.Compare(a.Bandwidth, b.Bandwidth) })
	at, err := resolve(base, best.URI)
	if err != nil {
		return nil, err
	}
	main := newRendition(f, at, seen)
	sound := soundOf(list.Renditions, best.Audio)
	if sound == "" {
		return []*rendition{main}, nil
	}
	if at, err = resolve(base, sound); err != nil {
		return nil, err
	}
	main.dec.noAudio = true
	other := newRendition(f, at, seen)
	other.dec.noVideo = true
	return []*rendition{main, other}, nil
}

// soundOf is the address of the sound of a group, of which the default is taken; empty where the variants have it.
func soundOf(all []hls.Rendition, group string) (uri string) {
	for _, r := range all {
		if group != "" && r.Type == "AUDIO" && r.Group == group && (uri == "" || r.Default) {
			uri = r.URI
			if r.Default {
				break
			}
		}
	}
	return uri
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
			if b.missed {
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

// before tells whether the next frame comes before another head's.
func (h *head) before(o *head) bool {
	c := cmp.Compare(h.discontinuity, o.discontinuity)
	return c < 0 || c == 0 && h.frames[0].DTS < o.frames[0].DTS
}
