package record

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"weir/mux/av"
	"weir/room/live"
	"weir/room/store"
)

// patience is how long Run waits for recordings that end, and for the bucket: a disk or a service that does not answer must not
// hold up the server's end.
const patience = 10 * time.Second

// Recorder records streams. It is safe for concurrent use.
type Recorder struct {
	opts    Options
	log     *slog.Logger
	stats   *Stats
	folder  *folder
	bucket  *bucket // nil without S3
	uploads *uploads
	gone    chan int // apps that were deleted

	tasks sync.WaitGroup // sessions, and what Run does beside them

	moving sync.Mutex // held while it is noted that a file is in the bucket, and while one that is not is deleted

	mu       sync.Mutex // guards the fields below
	ctx      context.Context
	sessions map[string]*session // by id
	ended    []stopped           // what rules do not begin again
}

// New opens the folder and starts nothing; see Run.
//
// Errors: ErrSpec for a rule that cannot be kept.
func New(o Options) (*Recorder, error) {
	o.fill()
	for i := range o.Rules {
		spec, err := o.Rules[i].Spec.fill(&o)
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", o.Rules[i].Match, err)
		}
		o.Rules[i].Spec = spec
	}
	f, err := openFolder(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open the folder of recordings: %w", err)
	}
	r := &Recorder{
		opts: o, log: o.Log, folder: f, gone: make(chan int, maxGone), sessions: make(map[string]*session),
		uploads: newUploads(),
	}
	r.stats = newStats(r.states)
	if o.S3.Endpoint != "" {
		if r.bucket, err = newBucket(o.S3); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot keep recordings: %w", err), f.root.Close())
		}
	}
	return r, nil
}

// Stats are figures for Prometheus.
func (r *Recorder) Stats() *Stats { return r.stats }

// Close gives the folder back, after Run or in place of it.
func (r *Recorder) Close() error { return r.folder.root.Close() }

// states are how many recordings go on, by state.
func (r *Recorder) states() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := map[string]int{stateRecording: 0, statePaused: 0}
	for _, s := range r.sessions {
		if s.isPaused() {
			n[statePaused]++
		} else {
			n[stateRecording]++
		}
	}
	return n
}

func (r *Recorder) running() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sessions)
}

// Run completes what a process before left open, and then records what the rules and others ask for, brings files to the
// bucket and deletes what is too old or too much, until ctx is done. Then it waits for the files to be completed.
func (r *Recorder) Run(ctx context.Context) error {
	if err := r.repair(ctx); err != nil {
		// What is recorded from now on is not worse for it.
		r.log.Error("cannot repair recordings", "error", err)
	}
	own, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	r.mu.Lock()
	r.ctx = own
	r.mu.Unlock()
	for _, part := range []func(context.Context){r.watch, r.upload, r.clean} {
		r.tasks.Go(func() { part(ctx) })
	}
	<-ctx.Done()
	r.mu.Lock()
	r.ctx = nil // nothing begins from here on
	r.mu.Unlock()
	stop(errShutdown)
	r.waitFor()
	return nil
}

// waitFor waits for all tasks, but not for ever.
func (r *Recorder) waitFor() {
	over := make(chan struct{})
	go func() {
		r.tasks.Wait()
		close(over)
	}()
	timer := time.NewTimer(r.opts.patience)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
		r.log.Error("recordings do not end: the disk or the bucket does not answer", "recordings", r.running())
	}
}

// Start records a stream that is live, from its newest key frame on; by is who asks for it.
//
// Errors: ErrSpec, ErrRecorded, ErrFull, ErrStopping, live.ErrNoStream; those of the store.
func (r *Recorder) Start(ctx context.Context, k live.Key, spec Spec, by string) (store.Recording, error) {
	spec, err := spec.fill(&r.opts)
	if err != nil {
		return store.Recording{}, err
	}
	stream, ok := r.opts.Hub.Stream(k)
	if !ok {
		return store.Recording{}, live.ErrNoStream
	}
	s, err := r.begin(ctx, stream, spec, by, live.StartNewest)
	if err != nil {
		return store.Recording{}, err
	}
	return s.recording(), nil
}

// begin makes a session of a stream and starts it.
func (r *Recorder) begin(ctx context.Context, stream *live.Stream, spec Spec, by string, at live.Start) (*session, error) {
	key, info := stream.Key(), stream.Info()
	s := &session{
		of: r, stream: stream, info: info, spec: spec, start: at, done: make(chan struct{}), last: make(map[av.TrackID]time.Duration),
		rec: store.Recording{
			App: appOf(key.App), ID: newID(r.opts.Now()), Room: key.Room, Stream: key.Stream, Node: r.folder.node, Running: true,
			State: stateRecording, Format: spec.Format, User: info.User, By: by, Begun: r.opts.Now(),
		},
	}
	s.log = r.log.With("stream", key, "recording", s.rec.ID)
	own, err := r.enter(s)
	if err != nil {
		return nil, err
	}
	err = r.opts.Index.PutRecording(ctx, &s.rec)
	if err == nil && !r.opts.Exists(s.rec.App) {
		// The app was deleted meanwhile. Of one that is deleted from here on doom finds this recording.
		err = errors.Join(live.ErrNoStream, r.opts.Index.DeleteRecording(ctx, s.rec.App, s.rec.ID))
	}
	if err != nil {
		r.leave(s)
		close(s.done) // of who has found it meanwhile
		r.tasks.Done()
		return nil, err
	}
	go func() {
		defer r.tasks.Done()
		defer close(s.done)
		defer r.leave(s)
		s.log.Info("recording began", "format", spec.Format)
		s.tell("begun", "", nil)
		s.finish(own, s.run(own))
	}()
	return s, nil
}

// enter adds a session, unless the stream is recorded in that format, and returns its context. Where it does, it counts for
// tasks.
func (r *Recorder) enter(s *session) (context.Context, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == nil {
		return nil, ErrStopping
	}
	if len(r.sessions) >= r.opts.MaxRecordings {
		return nil, ErrFull
	}
	for _, o := range r.sessions {
		if o.stream == s.stream && o.spec.Format == s.spec.Format {
			return nil, ErrRecorded
		}
	}
	r.sessions[s.rec.ID] = s
	own, stop := context.WithCancelCause(r.ctx)
	s.stop = stop
	r.tasks.Add(1)
	return own, nil
}

func (r *Recorder) leave(s *session) {
	s.stop(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sessions, s.rec.ID)
}

func (r *Recorder) session(app int, id string) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sessions[id]; s != nil && s.rec.App == app {
		return s
	}
	return nil
}

// Get is a recording, as it is now.
//
// Errors: store.ErrNotFound and others of the store.
func (r *Recorder) Get(ctx context.Context, app int, id string) (store.Recording, error) {
	if s := r.session(app, id); s != nil {
		return s.recording(), nil
	}
	rec, err := r.opts.Index.Recording(ctx, app, id)
	if err == nil && rec.Doomed {
		return store.Recording{}, store.ErrNotFound // it was an app's of that id that is gone
	}
	return rec, err
}

// Stop ends a recording and returns it when its files are complete. One that is over stays as it is. No rule begins another one
// of that stream while it is there.
//
// Errors: those of Get, ErrElsewhere for one of another server, and the context's.
func (r *Recorder) Stop(ctx context.Context, app int, id string) (store.Recording, error) {
	if err := r.end(ctx, app, id, errAsked); err != nil {
		return store.Recording{}, err
	}
	return r.Get(ctx, app, id)
}

// end ends a recording of this server and waits for it.
func (r *Recorder) end(ctx context.Context, app int, id string, why error) error {
	s := r.session(app, id)
	if s == nil {
		return nil
	}
	r.noteEnd(s)
	s.stop(why)
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Delete ends a recording and deletes it with its files.
//
// Errors: those of Get, ErrElsewhere for one of which another server has files, and of which none is deleted then; those of the
// disk and the bucket.
func (r *Recorder) Delete(ctx context.Context, app int, id string) error {
	rec, err := r.Get(ctx, app, id)
	if err != nil {
		return err
	}
	if !r.reaches(&rec) {
		return ErrElsewhere
	}
	return r.remove(ctx, app, id)
}

// reaches tells whether all files of a recording are where this server can delete them.
func (r *Recorder) reaches(rec *store.Recording) bool {
	isAway := func(f store.RecordingFile) bool { return !f.Remote || r.bucket == nil }
	return rec.Node == r.folder.node || !slices.ContainsFunc(rec.Files, isAway)
}

// remove is Delete, also of what is doomed.
func (r *Recorder) remove(ctx context.Context, app int, id string) error {
	if err := r.end(ctx, app, id, errDeleted); err != nil {
		return err
	}
	rec, err := r.opts.Index.Recording(ctx, app, id)
	if err != nil {
		return err
	}
	if rec.Running && rec.Node != r.folder.node {
		return ErrElsewhere
	}
	return r.erase(ctx, &rec)
}

// erase deletes a recording that is over: its files first, so that none is left that nobody knows of.
func (r *Recorder) erase(ctx context.Context, rec *store.Recording) error {
	for i := range rec.Files {
		if err := r.eraseFile(ctx, rec, &rec.Files[i]); err != nil {
			return err
		}
		r.stats.deletedFiles.WithLabelValues("asked").Inc()
	}
	return r.eraseRest(ctx, rec)
}

// eraseFile deletes a file, its row last.
func (r *Recorder) eraseFile(ctx context.Context, rec *store.Recording, f *store.RecordingFile) error {
	if r.bucket != nil && !f.Remote {
		r.moving.Lock()
		defer r.moving.Unlock()
		now, err := r.opts.Index.Recording(ctx, rec.App, rec.ID)
		if err != nil {
			return err
		}
		f.Remote = slices.ContainsFunc(now.Files, func(o store.RecordingFile) bool { return o.N == f.N && o.Remote })
	}
	switch {
	case f.Remote && r.bucket != nil:
		if err := r.bucket.remove(ctx, rec.App, rec.ID, f.Name); err != nil {
			return fmt.Errorf("cannot delete a file of a recording from the bucket: %w", err)
		}
	case rec.Node != r.folder.node:
		return ErrElsewhere
	}
	if rec.Node == r.folder.node {
		if err := r.folder.remove(rec.App, rec.ID, f.Name); err != nil {
			return fmt.Errorf("cannot delete a file of a recording: %w", err)
		}
	}
	return r.opts.Index.DeleteRecordingFile(ctx, rec.App, rec.ID, f.N)
}

// eraseRest deletes what is left of a recording without files.
func (r *Recorder) eraseRest(ctx context.Context, rec *store.Recording) error {
	if r.bucket != nil {
		if err := r.bucket.remove(ctx, rec.App, rec.ID, posterName); err != nil {
			return fmt.Errorf("cannot delete the poster of a recording from the bucket: %w", err)
		}
	}
	if rec.Node == r.folder.node {
		if err := r.folder.removeAll(rec.App, rec.ID); err != nil {
			return fmt.Errorf("cannot delete the folder of a recording: %w", err)
		}
	}
	return r.opts.Index.DeleteRecording(ctx, rec.App, rec.ID)
}

// newID is an id that nobody can guess and that is greater than those before it: milliseconds and 84 random bits.
func newID(now time.Time) string {
	var random [11]byte
	_, _ = rand.Read(random[:]) // never fails
	return fmt.Sprintf("%011x%s", now.UnixMilli(), hex.EncodeToString(random[:])[:21])
}
