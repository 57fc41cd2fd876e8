package record

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"weir/room/store"
)

const (
	// uploadEvery is how often files are looked for that are not in the bucket yet, such as after a fault.
	uploadEvery = time.Minute
	// uploadTime bounds one file.
	uploadTime = time.Hour
)

// uploads are recordings that have files for the bucket.
type uploads struct {
	woken chan struct{} // capacity 1: there are some

	mu  sync.Mutex // guards new
	new []place
}

// place is a recording's.
type place struct {
	app int
	id  string
}

func newUploads() *uploads { return &uploads{woken: make(chan struct{}, 1)} }

// add notes a recording that has another file.
func (u *uploads) add(app int, id string) {
	u.mu.Lock()
	u.new = append(u.new, place{app, id})
	u.mu.Unlock()
	select {
	case u.woken <- struct{}{}:
	default:
	}
}

func (u *uploads) take() []place {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.new
	u.new = nil
	return taken
}

// upload brings complete files to the bucket, one after the other, until ctx is done.
func (r *Recorder) upload(ctx context.Context) {
	if r.bucket == nil {
		return
	}
	tick := time.NewTicker(uploadEvery)
	defer tick.Stop()
	for err := r.uploadAll(ctx); ; {
		if err != nil && ctx.Err() == nil {
			r.log.Warn("cannot bring recordings to the bucket", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err = r.uploadAll(ctx)
		case <-r.uploads.woken:
			err = r.uploadNew(ctx)
		}
	}
}

// uploadAll brings what the folder has. A file that fails does not hold up the others.
func (r *Recorder) uploadAll(ctx context.Context) (failed error) {
	all, err := r.opts.Index.RecordingsOf(ctx, r.folder.node)
	if err != nil {
		return err
	}
	for i := range all {
		failed = errors.Join(failed, r.uploadFiles(ctx, &all[i]))
	}
	return failed
}

// uploadNew brings the files of the recordings that have new ones.
func (r *Recorder) uploadNew(ctx context.Context) (failed error) {
	for _, at := range r.uploads.take() {
		rec, err := r.opts.Index.Recording(ctx, at.app, at.id)
		switch {
		case err == nil:
			failed = errors.Join(failed, r.uploadFiles(ctx, &rec))
		case !errors.Is(err, store.ErrNotFound): // deleted meanwhile
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

func (r *Recorder) uploadFiles(ctx context.Context, rec *store.Recording) (failed error) {
	for i := range rec.Files {
		f := &rec.Files[i]
		if !f.Complete || f.Remote || rec.Doomed || ctx.Err() != nil {
			continue
		}
		if err := r.uploadFile(ctx, rec, f); err != nil {
			r.stats.uploads.WithLabelValues("failed").Inc()
			failed = errors.Join(failed, fmt.Errorf("recording %s, file %s: %w", rec.ID, f.Name, err))
			continue
		}
		r.stats.uploads.WithLabelValues("ok").Inc()
	}
	return failed
}

// uploadFile brings one file, notes that it is there, and deletes it from the folder.
func (r *Recorder) uploadFile(ctx context.Context, rec *store.Recording, f *store.RecordingFile) error {
	ctx, cancel := context.WithTimeout(ctx, uploadTime)
	defer cancel()
	if f.N == 1 {
		// Without a poster, or where it cannot be sent, the recording is as good.
		if err := r.send(ctx, rec, posterName); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	if err := r.send(ctx, rec, f.Name); err != nil {
		return err
	}
	if err := r.moved(ctx, rec, f); err != nil {
		if errors.Is(err, store.ErrNotFound) { // it was deleted meanwhile
			return r.takeBack(ctx, rec, f)
		}
		return err
	}
	if f.N == 1 { // or it would stay here when another server deletes the recording
		if err := r.folder.remove(rec.App, rec.ID, posterName); err != nil {
			return err
		}
	}
	return r.folder.remove(rec.App, rec.ID, f.Name)
}

// takeBack deletes from the bucket a file that nobody knows of any more, and the poster of a recording that is gone.
func (r *Recorder) takeBack(ctx context.Context, rec *store.Recording, f *store.RecordingFile) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saving) // nobody would find it later
	defer cancel()
	err := r.bucket.remove(ctx, rec.App, rec.ID, f.Name)
	if _, gone := r.opts.Index.Recording(ctx, rec.App, rec.ID); errors.Is(gone, store.ErrNotFound) {
		err = errors.Join(err, r.bucket.remove(ctx, rec.App, rec.ID, posterName))
	}
	return err
}

// moved notes that a file is in the bucket.
//
// Errors: store.ErrNotFound when the file was deleted, and others of the store.
func (r *Recorder) moved(ctx context.Context, rec *store.Recording, f *store.RecordingFile) error {
	r.moving.Lock()
	defer r.moving.Unlock()
	if s := r.session(rec.App, rec.ID); s != nil {
		s.change(func(own *store.Recording) {
			for i := range own.Files {
				if own.Files[i].N == f.N {
					own.Files[i].Remote = true
				}
			}
		})
	}
	return r.opts.Index.SetRecordingRemote(ctx, rec.App, rec.ID, f.N)
}

func (r *Recorder) send(ctx context.Context, rec *store.Recording, name string) (err error) {
	file, _, err := r.folder.open(ctx, rec.App, rec.ID, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Seek(0, 2)
	if err == nil {
		_, err = file.Seek(0, 0)
	}
	if err != nil {
		return err
	}
	return r.bucket.put(ctx, rec.App, rec.ID, name, file, size)
}
