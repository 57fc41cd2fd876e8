package record

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"weir/room/store"
)

const (
	// cleanEvery is how often files are looked for that are too old or too much.
	cleanEvery = time.Minute
	// maxGone is how many deleted apps wait for their recordings to be deleted, doomedAtOnce how many recordings are read at once.
	maxGone, doomedAtOnce = 1024, 100
	// maxFaults is how many files that cannot be deleted are passed over at once: a bucket that is away is not asked for each.
	maxFaults = 10
)

// AppDeleted is told that there is an app no longer: its recordings are deleted, soon. It does not wait.
func (r *Recorder) AppDeleted(id int) {
	select {
	case r.gone <- id:
	default: // what the store has doomed is found all the same, a little later
	}
}

// clean deletes what is too old or too much, and recordings of deleted apps, until ctx is done. What it cannot delete it tries
// again: also what another process has begun to delete.
func (r *Recorder) clean(ctx context.Context) {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		if err := errors.Join(r.cleanAll(ctx), r.eraseDoomed(ctx)); err != nil && ctx.Err() == nil {
			r.log.Warn("cannot delete old recordings", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case id := <-r.gone:
			if err := r.doom(ctx, id); err != nil && ctx.Err() == nil {
				r.log.Error("cannot delete what of a deleted app was recorded at last", "app", id, "error", err)
			}
		}
	}
}

// aged is a complete file and whose it is.
type aged struct {
	of   *store.Recording
	file *store.RecordingFile
}

func (a aged) end() time.Time { return a.file.Begin.Add(a.file.Duration) }

// cleanAll deletes the oldest files beyond the bounds, and then the recordings that are over and have no file.
func (r *Recorder) cleanAll(ctx context.Context) error {
	all, err := r.opts.Index.RecordingsOf(ctx, r.folder.node)
	if err != nil {
		return err
	}
	var files []aged
	var total int64
	for i := range all {
		for j := range all[i].Files {
			if f := &all[i].Files[j]; f.Complete {
				files = append(files, aged{&all[i], f})
				total += f.Size
			}
		}
	}
	slices.SortStableFunc(files, func(a, b aged) int { return a.end().Compare(b.end()) })
	gone, failed := r.eraseOldest(ctx, files, total)
	for _, a := range gone {
		total -= a.file.Size
	}
	r.stats.kept.Set(float64(total))
	return errors.Join(failed, r.eraseEmpty(ctx, gone), r.eraseBare(ctx, all))
}

// eraseOldest deletes files, the oldest first, until no bound is passed, and returns those that it has deleted. One that cannot be
// deleted does not hold up those behind it, unless it is one of many.
func (r *Recorder) eraseOldest(ctx context.Context, files []aged, total int64) (gone []aged, failed error) {
	for faults := 0; len(files) > 0 && faults < maxFaults; files = files[1:] {
		oldest := files[0]
		why := r.tooMuch(oldest, total)
		if why == "" {
			break
		}
		total -= oldest.file.Size // also where it stays for now: no younger one goes in its place
		if err := r.eraseFile(ctx, oldest.of, oldest.file); err != nil {
			failed = errors.Join(failed, err)
			faults++
			continue
		}
		gone = append(gone, oldest)
		r.stats.deletedFiles.WithLabelValues(why).Inc()
	}
	return gone, failed
}

// tooMuch says why a file is to go, or nothing.
func (r *Recorder) tooMuch(a aged, total int64) string {
	switch {
	case r.opts.Keep > 0 && r.opts.Now().Sub(a.end()) > r.opts.Keep:
		return "age"
	case r.opts.MaxBytes > 0 && total > r.opts.MaxBytes:
		return "room"
	default:
		return ""
	}
}

// eraseEmpty deletes the recordings that are over and of which these were the last files, and notes them in those that go on.
func (r *Recorder) eraseEmpty(ctx context.Context, deleted []aged) (failed error) {
	for _, a := range deleted {
		if s := r.session(a.of.App, a.of.ID); s != nil {
			s.forget(a.file.N)
			continue
		}
		rec, err := r.opts.Index.Recording(ctx, a.of.App, a.of.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err == nil && len(rec.Files) == 0 && !rec.Running {
			err = r.eraseRest(ctx, &rec)
		}
		failed = cmp.Or(failed, err)
	}
	return failed
}

// eraseBare deletes recordings that never had a file, or have none any more, when a file of their time would be too old: otherwise
// those would pile up whose streams ended before their first picture.
func (r *Recorder) eraseBare(ctx context.Context, all []store.Recording) (failed error) {
	if r.opts.Keep == 0 {
		return nil
	}
	for i := range all {
		rec := &all[i]
		if len(rec.Files) > 0 || rec.Running || r.opts.Now().Sub(rec.Ended) <= r.opts.Keep {
			continue
		}
		if err := r.eraseRest(ctx, rec); err != nil && !errors.Is(err, store.ErrNotFound) {
			failed = cmp.Or(failed, err)
		}
	}
	return failed
}

// doom has the recordings of a deleted app erased that began after the store had doomed those that it knew.
func (r *Recorder) doom(ctx context.Context, id int) error {
	if r.opts.Exists(id) {
		return nil // it was made anew: what is recorded by now is its own
	}
	return r.opts.Index.DoomRecordings(ctx, id)
}

// eraseDoomed deletes the recordings of deleted apps, of which another server may have some, as far as this one reaches them:
// in its own folder and in the bucket.
func (r *Recorder) eraseDoomed(ctx context.Context) (failed error) {
	for last := (place{}); ; {
		some, err := r.opts.Index.DoomedRecordings(ctx, last.app, last.id, doomedAtOnce)
		if err != nil || len(some) == 0 {
			return cmp.Or(failed, err)
		}
		for i := range some {
			err := r.remove(ctx, some[i].App, some[i].ID)
			if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, ErrElsewhere) {
				failed = cmp.Or(failed, err)
			}
			last = place{some[i].App, some[i].ID}
		}
	}
}
