package record

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"

	"weir/room/live"
	"weir/room/store"
)

// service is an S3 service that tests can have fail.
func service(t *testing.T, down *atomic.Bool) S3 {
	t.Helper()
	fake := gofakes3.New(s3mem.New()).Server()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			http.Error(w, "down", http.StatusForbidden) // which nobody tries again
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	s3 := S3{web.URL, "us-east-1", "films", "access", "secret"}
	b, err := newBucket(s3)
	if err == nil {
		err = b.client.MakeBucket(t.Context(), "films", minio.MakeBucketOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s3
}

// uploaded waits until the files of the one recording are in the bucket.
func (l *lab) uploaded(t *testing.T) store.Recording {
	t.Helper()
	for end := time.Now().Add(waiting); ; time.Sleep(5 * time.Millisecond) {
		r, all := l.recorded(t), true
		for i := range r.Files {
			_, err := os.Stat(l.path(&r, r.Files[i].Name))
			all = all && r.Files[i].Remote && os.IsNotExist(err)
		}
		if all {
			return r
		}
		if time.Now().After(end) {
			t.Fatalf("%+v", r)
		}
	}
}

// Complete files are brought to the bucket, also those that could not be at first, and are played from there.
func TestBucket(t *testing.T) {
	var down atomic.Bool
	l := openLab(t, Options{Rules: all(Spec{Split: 10 * time.Second}), S3: service(t, &down)})
	down.Store(true)
	p := l.publish(t)
	p.play(25 * time.Second)
	l.end(t, p)
	r := l.ended(t)
	whole, err := os.ReadFile(l.path(&r, "1.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.uploadAll(t.Context()); err == nil {
		t.Error("uploaded to a service that is down")
	}
	down.Store(false)
	l.uploads.add(7, "none")
	l.uploads.add(r.App, r.ID)
	r = l.uploaded(t)
	at := "/recordings/r/s/" + r.ID + "/"
	if w := l.get(t, at+"1.mp4"); !bytes.Equal(w.Body.Bytes(), whole) {
		t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
	}
	if w := l.get(t, at+"1.mp4", "Range", "bytes=1000-1999"); w.Code != http.StatusPartialContent || !bytes.Equal(w.Body.Bytes(), whole[1000:2000]) {
		t.Errorf("a range: %d, %d bytes", w.Code, w.Body.Len())
	}
	if w := l.get(t, "/recordings/r/s/"+r.ID+".m3u8"); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	onePicture(t, l.get(t, at+"poster.mp4"))
	if _, err := os.Stat(l.path(&r, posterName)); !os.IsNotExist(err) {
		t.Errorf("the folder has the poster, too: %v", err)
	}
	if w := l.rest(t, http.MethodDelete, here+"/"+r.ID, ""); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	n := 0
	for o := range l.bucket.client.ListObjectsIter(t.Context(), "films", minio.ListObjectsOptions{Recursive: true}) {
		n++
		t.Logf("%s is left", o.Key)
	}
	if n > 0 {
		t.Errorf("%d files are left in the bucket", n)
	}
}

// What is deleted while it is brought to the bucket is not found there either.
func TestDeletedWhileUploaded(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{Split: 10 * time.Second})})
	p := l.publish(t)
	p.play(15 * time.Second)
	l.end(t, p)
	before := l.ended(t) // as who began to delete or to upload knows it
	opts := l.opts
	opts.Rules, opts.S3 = nil, service(t, new(atomic.Bool))
	up, err := New(opts) // which does not run: nobody else uploads
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = up.Close() }()
	first, second := before.Files[0], before.Files[1]
	if err := up.uploadFile(t.Context(), &before, &first); err != nil {
		t.Fatal(err)
	}
	if err := up.eraseFile(t.Context(), &before, &before.Files[0]); err != nil {
		t.Errorf("a file that was uploaded meanwhile: %v", err)
	}
	if err := l.store.DeleteRecording(t.Context(), before.App, before.ID); err != nil {
		t.Fatal(err)
	}
	if err := up.uploadFile(t.Context(), &before, &second); err != nil {
		t.Errorf("a file that was deleted meanwhile: %v", err)
	}
	for o := range up.bucket.client.ListObjectsIter(t.Context(), "films", minio.ListObjectsOptions{Recursive: true}) {
		t.Errorf("%s is left", o.Key)
	}
}

// A file goes when it is too old, or when there is too much; a recording that is over goes with its last one.
func TestRetention(t *testing.T) {
	for name, c := range map[string]struct {
		opts Options
		pass time.Duration
		left int
	}{
		"young":        {Options{Keep: time.Hour}, 0, 3},
		"old":          {Options{Keep: time.Hour}, 2 * time.Hour, 0},
		"much":         {Options{MaxBytes: 1500 << 10}, 0, 2},
		"far too much": {Options{MaxBytes: 1}, 0, 0},
		"no bounds":    {Options{}, 1000 * time.Hour, 3},
	} {
		t.Run(name, func(t *testing.T) {
			c.opts.Rules = all(Spec{Split: 10 * time.Second})
			l := openLab(t, c.opts)
			r, _ := l.finished(t)
			l.pass(c.pass)
			if err := l.cleanAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, err := l.store.Recording(t.Context(), r.App, r.ID)
			if gone := errors.Is(err, store.ErrNotFound); gone != (c.left == 0) || len(got.Files) != c.left {
				t.Errorf("%v, %+v", err, got)
			}
			if c.left == 2 && got.Files[0].Name != "2.mp4" {
				t.Errorf("the oldest stayed: %+v", got.Files)
			}
			for i := range r.Files {
				_, err := os.Stat(l.path(&r, r.Files[i].Name))
				if there := i >= len(r.Files)-c.left; there != (err == nil) {
					t.Errorf("%s: %v", r.Files[i].Name, err)
				}
			}
		})
	}
}

// A recording that goes on loses its old files and goes on.
func TestRetentionOfARecordingThatGoesOn(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{Split: 10 * time.Second}), MaxBytes: 1})
	p := l.publish(t)
	p.play(15 * time.Second)
	l.heard(t, "begun", "complete")
	id := l.recorded(t).ID
	for r := l.recorded(t); len(r.Files) != 1 || r.Files[0].Name != "2.mp4"; {
		if err := l.cleanAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		var err error
		if r, err = l.Get(t.Context(), r.App, r.ID); err != nil {
			t.Fatal(err)
		}
	}
	p.play(10 * time.Second)
	l.end(t, p)
	if r := l.ended(t); r.ID != id || len(r.Files) != 2 || r.Files[1].Name != "3.mp4" {
		t.Errorf("%+v", r)
	}
}

// A file that cannot be deleted does not hold up those behind it, and none goes that would not go otherwise.
func TestRetentionPassesOverAFault(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{Split: 10 * time.Second})})
	r, _ := l.finished(t)
	l.opts.MaxBytes = r.Files[2].Size + r.Files[1].Size - 1 // two are to go
	path := l.path(&r, "1.mp4")
	if err := errors.Join(os.Remove(path), os.MkdirAll(path+"/in the way", 0o700)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.cleanAll(t.Context()); err == nil {
			t.Error("a file is deleted that cannot be")
		}
		if got := l.kept(t, r.ID).Files; len(got) != 2 || got[0].N != 1 || got[1].N != 3 {
			t.Errorf("%+v", got)
		}
	}
}

// A recording that never had a file goes when a file of its time would.
func TestRetentionWithoutFiles(t *testing.T) {
	l := openLab(t, Options{Keep: time.Hour})
	l.repaired(t)
	now := l.now()
	for id, r := range map[string]store.Recording{
		"1": {Running: true, Begun: now.Add(-2 * time.Hour)},
		"2": {Begun: now.Add(-3 * time.Hour), Ended: now.Add(-2 * time.Hour)},
		"3": {Begun: now.Add(-3 * time.Hour), Ended: now.Add(-time.Minute)},
	} {
		r.App, r.ID, r.Node = 1400000000, id, l.folder.node
		if err := l.store.PutRecording(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.cleanAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ids := l.ids(t, here); !slices.Equal(ids, []string{"3", "1"}) {
		t.Errorf("%v are left", ids)
	}
}

// The parts of a file that a process had sent when it was killed do not stay in the bucket.
func TestKilledWhileUploading(t *testing.T) {
	s3 := service(t, new(atomic.Bool))
	b, err := newBucket(s3)
	if err != nil {
		t.Fatal(err)
	}
	key := rootKey + nameOf(7, "1", "1.mp4")
	if _, err := (&minio.Core{Client: b.client}).NewMultipartUpload(t.Context(), b.name, key, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	film := bytes.Repeat([]byte("0123456789abcdef"), partSize/16+1) // two parts
	if err := b.put(t.Context(), 7, "1", "1.mp4", bytes.NewReader(film), int64(len(film))); err != nil {
		t.Fatal(err)
	}
	for o := range b.client.ListIncompleteUploads(t.Context(), b.name, rootKey, true) {
		t.Errorf("%s is left, %v", o.Key, o.Err)
	}
	file, _, err := b.open(t.Context(), 7, "1", "1.mp4")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, film) {
		t.Errorf("%d bytes of %d came back, %v", len(got), len(film), err)
	}
}

// A bucket that does not answer in the midst of a file does not hold up the server's end.
func TestStopWhileUploading(t *testing.T) {
	asked, release := make(chan struct{}, 10), make(chan struct{})
	fake := gofakes3.New(s3mem.New()).Server()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodDelete && !r.URL.Query().Has("partNumber") {
			fake.ServeHTTP(w, r)
			return
		}
		asked <- struct{}{}
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	}))
	defer web.Close()
	l := openLab(t, Options{S3: S3{web.URL, "us-east-1", "films", "access", "secret"}, patience: time.Millisecond})
	defer l.tasks.Wait()
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo()
	l.repaired(t)
	r := store.Recording{App: 7, ID: "1", Room: "r", Stream: "s", Node: l.folder.node, Format: FormatMP4, Begun: l.now()}
	f := store.RecordingFile{N: 1, Name: "1.mp4", Complete: true, Begin: l.now(), Duration: time.Second, Size: partSize + 1}
	// The file is whole before there is a row: the recorder looks for files at its start, which may be now.
	err := errors.Join(l.bucket.client.MakeBucket(t.Context(), "films", minio.MakeBucketOptions{}), os.MkdirAll(l.path(&r, ""), 0o700),
		os.WriteFile(l.path(&r, f.Name), make([]byte, f.Size), 0o600), l.store.PutRecording(t.Context(), &r),
		l.store.PutRecordingFile(t.Context(), r.App, r.ID, &f))
	if err != nil {
		t.Fatal(err)
	}
	l.uploads.add(r.App, r.ID)
	select {
	case <-asked:
	case <-time.After(waiting):
		t.Fatal("no part is sent")
	}
	over := make(chan struct{})
	go func() { l.stop(); close(over) }()
	select {
	case <-over:
	case <-time.After(waiting):
		t.Error("the recorder does not end")
	}
	letGo()
	<-over
}

func TestAppDeleted(t *testing.T) {
	var deleted atomic.Bool
	l := openLab(t, Options{Rules: all(Spec{}), Exists: func(int) bool { return !deleted.Load() }})
	p := l.publish(t)
	p.play(5 * time.Second)
	l.heard(t, "begun")
	r := l.recorded(t)
	deleted.Store(true)
	l.AppDeleted(7)
	l.AppDeleted(r.App)
	l.erased(t, &r)
	if _, err := l.Start(t.Context(), camera, Spec{}, "boss"); !errors.Is(err, live.ErrNoStream) {
		t.Errorf("a stream of no app is recorded: %v", err)
	}
	if all, err := l.store.RecordingsOf(t.Context(), l.folder.node); err != nil || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

// What a process before left open is completed: a row without a file goes, and what is no file of ours, too.
func TestRepair(t *testing.T) {
	dir := t.TempDir()
	l := openLab(t, Options{Dir: dir, Rules: all(Spec{})})
	r, _ := l.finished(t)
	path := l.path(&r, "1.mp4")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	node := l.folder.node
	l.stop()
	// As if it had been killed within the last fragment.
	kept, err := store.Open(context.Background(), store.Options{Path: dir + "/weir.db"})
	if err != nil {
		t.Fatal(err)
	}
	r.Running, r.State = true, statePaused
	open := r.Files[0]
	open.Complete, open.Size, open.Duration, open.Init = false, 0, 0, 0
	err = errors.Join(kept.PutRecording(t.Context(), &r), kept.PutRecordingFile(t.Context(), r.App, r.ID, &open),
		kept.PutRecordingFile(t.Context(), r.App, r.ID, &store.RecordingFile{N: 2, Name: "2.mp4"}),
		kept.PutRecordingFile(t.Context(), r.App, r.ID, &store.RecordingFile{N: 3, Name: "3.mp4"}),
		os.WriteFile(path, whole[:len(whole)-1000], 0o600), os.WriteFile(l.path(&r, "3.mp4"), []byte("nothing"), 0o600), kept.Close())
	if err != nil {
		t.Fatal(err)
	}
	l = openLab(t, Options{Dir: dir})
	l.repaired(t)
	r = l.recorded(t)
	if r.Running || r.State != stateComplete || r.Reason != "killed" || len(r.Files) != 1 || l.folder.node != node {
		t.Fatalf("%+v", r)
	}
	f := r.Files[0]
	if !f.Complete || f.Duration != 24*time.Second || f.Size >= int64(len(whole)) || !r.Ended.Equal(f.Begin.Add(f.Duration).Truncate(time.Millisecond)) {
		t.Errorf("%+v of %+v", f, r)
	}
	checkLayout(t, path, 24, f)
	if got := ffprobe(t, path); got.packets()[0] != "h264 720" {
		t.Errorf("%+v", got)
	}
	if w := l.get(t, "/recordings/r/s/"+r.ID+".m3u8"); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if _, err := os.Stat(l.path(&r, "3.mp4")); !os.IsNotExist(err) {
		t.Error("what is no file of ours stays")
	}
}

// What a server that stops records is complete.
func TestStop(t *testing.T) {
	l := openLab(t, Options{Rules: all(Spec{})})
	p := l.publish(t)
	p.play(5 * time.Second)
	l.heard(t, "begun")
	r := l.recorded(t)
	l.awaitFile(t, r.ID)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := l.Recorder.Stop(ctx, r.App, r.ID); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	l.ended(t)
	r = l.kept(t, r.ID)
	if r.Running || r.State != stateComplete || len(r.Files) != 1 || !r.Files[0].Complete {
		t.Errorf("%+v", r)
	}
	ffprobe(t, l.path(&r, "1.mp4"))
}
