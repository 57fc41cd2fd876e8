package record

import (
	"context"
	"errors"
	"slices"

	"weir/room/live"
)

// stopped is a stream whose recording somebody has ended.
type stopped struct {
	stream *live.Stream
	format string
}

// noteEnd notes that somebody ends a recording, and forgets streams that are over.
func (r *Recorder) noteEnd(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = slices.DeleteFunc(r.ended, func(e stopped) bool { return e.stream.Err() != nil })
	r.ended = append(r.ended, stopped{s.stream, s.spec.Format})
}

// mayBegin tells whether a rule may record a stream in a format.
func (r *Recorder) mayBegin(stream *live.Stream, format string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !slices.Contains(r.ended, stopped{stream, format})
}

// watch begins what the rules ask for. What cannot be begun, such as for a store that does not answer, is tried again.
func (r *Recorder) watch(ctx context.Context) {
	if len(r.opts.Rules) == 0 {
		return
	}
	w := r.opts.Hub.Watch()
	defer w.Close()
	failed := make(map[live.Key]bool)
	for {
		key, err := r.next(ctx, w, len(failed) > 0)
		switch {
		case err == nil:
			r.keep(ctx, key, failed)
		case ctx.Err() != nil:
			return
		default:
			for key := range failed {
				r.keep(ctx, key, failed)
			}
		}
	}
}

// next waits for a key; where something is to be tried again, no longer than until then.
func (r *Recorder) next(ctx context.Context, w *live.Watcher, again bool) (live.Key, error) {
	if !again {
		return w.Next(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.Retry)
	defer cancel()
	return w.Next(ctx)
}

// keep keeps the rules for a stream, and notes in failed whether that has to be tried again.
func (r *Recorder) keep(ctx context.Context, key live.Key, failed map[live.Key]bool) {
	again := false
	stream, ok := r.opts.Hub.Stream(key)
	for i := range r.opts.Rules {
		rule := &r.opts.Rules[i]
		if !ok || stream.Info().State != live.StateLive || !rule.matches(key) || !r.mayBegin(stream, rule.Spec.Format) {
			continue
		}
		_, err := r.begin(ctx, stream, rule.Spec, "", live.StartOldest)
		if err == nil || errors.Is(err, ErrRecorded) {
			continue
		}
		again = true
		if !failed[key] && ctx.Err() == nil {
			r.log.Error("cannot record a stream", "stream", key, "rule", rule.Match, "error", err)
		}
	}
	if !again {
		delete(failed, key)
		return
	}
	failed[key] = true
}
