package record

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"weir/room/store"
)

// erased waits until a recording's row is gone, and its folder with it.
func (l *lab) erased(t *testing.T, r *store.Recording) {
	t.Helper()
	for end := time.Now().Add(waiting); ; time.Sleep(time.Millisecond) {
		_, err := l.store.Recording(t.Context(), r.App, r.ID)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the recording stays: %v", err)
		}
	}
	if _, err := os.Stat(l.path(r, "")); !os.IsNotExist(err) {
		t.Errorf("its folder stays: %v", err)
	}
}

// objects are the keys of what is in the bucket.
func (r *Recorder) objects(t *testing.T) (keys []string) {
	t.Helper()
	for o := range r.bucket.client.ListObjectsIter(t.Context(), r.bucket.name, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// deleteApp deletes the camera's app in the store, and makes it anew with another recording, which has a file. Nobody who runs is told:
// it is as if the server had been killed in that moment.
func (l *lab) deleteApp(t *testing.T) (again store.Recording) {
	t.Helper()
	app := store.App{ID: 1400000000, Key: "k", Created: time.Now()}
	again = store.Recording{
		App: app.ID, ID: newID(time.Now()), Room: "r", Stream: "s", Node: l.folder.node, State: stateComplete, Format: FormatMP4, Begun: time.Now(),
	}
	file := store.RecordingFile{N: 1, Name: "1.mp4", Complete: true, Begin: time.Now(), Duration: time.Second, Size: 1}
	ctx := t.Context()
	err := errors.Join(l.store.CreateApp(ctx, app), l.store.DeleteApp(ctx, app.ID), l.store.CreateApp(ctx, app),
		l.store.PutRecording(ctx, &again), l.store.PutRecordingFile(ctx, again.App, again.ID, &file),
		os.MkdirAll(l.path(&again, ""), 0o700), os.WriteFile(l.path(&again, file.Name), []byte("x"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// Recordings of a deleted app are nobody's at once. A server that is killed before it has erased them does so when it is
// started again; those of an app of the same id that was made since stay.
func TestKilledBeforeErasing(t *testing.T) {
	dir := t.TempDir()
	l := openLab(t, Options{Dir: dir, Rules: all(Spec{Split: 10 * time.Second})})
	r, _ := l.finished(t)
	again := l.deleteApp(t)
	if w := l.rest(t, http.MethodGet, here+"/"+r.ID, ""); w.Code != http.StatusNotFound {
		t.Errorf("it is shown: %d %s", w.Code, w.Body)
	}
	if w := l.rest(t, http.MethodDelete, here+"/"+r.ID, ""); w.Code != http.StatusNotFound {
		t.Errorf("it can be deleted: %d %s", w.Code, w.Body)
	}
	if w := l.get(t, "/recordings/r/s/"+r.ID+"/1.mp4"); w.Code != http.StatusNotFound {
		t.Errorf("it is played: %d", w.Code)
	}
	l.stop()
	l = openLab(t, Options{Dir: dir})
	l.erased(t, &r)
	if got := l.recorded(t); got.ID != again.ID {
		t.Errorf("%+v is left", got)
	}
	if _, err := os.Stat(l.path(&again, "1.mp4")); err != nil {
		t.Errorf("what an app has that exists: %v", err)
	}
}

// What a server had half erased when it was killed, in the bucket too, is erased when it is started again.
func TestKilledWhileErasing(t *testing.T) {
	dir := t.TempDir()
	var down atomic.Bool
	s3 := service(t, &down)
	l := openLab(t, Options{Dir: dir, Rules: all(Spec{Split: 10 * time.Second}), S3: s3})
	p := l.publish(t)
	p.play(25 * time.Second)
	l.end(t, p)
	l.ended(t)
	r := l.uploaded(t)
	if err := l.eraseFile(t.Context(), &r, &r.Files[0]); err != nil {
		t.Fatal(err)
	}
	down.Store(true)
	l.deleteApp(t)
	if err := l.eraseDoomed(t.Context()); err == nil {
		t.Error("erased from a bucket that is down")
	}
	if left := l.kept(t, r.ID); len(left.Files) != len(r.Files)-1 || !left.Doomed {
		t.Errorf("%+v", left)
	}
	l.stop()
	down.Store(false)
	l = openLab(t, Options{Dir: dir, S3: s3})
	l.erased(t, &r)
	for _, key := range l.objects(t) {
		if strings.Contains(key, r.ID) {
			t.Errorf("%s is left", key)
		}
	}
}

// Of several servers with one store and one bucket any erases from the bucket what another one has recorded of a deleted app. What
// is in the other one's folder waits for that, and what belongs to an app that exists stays, whoever knows it.
func TestErasingForAnotherServer(t *testing.T) {
	l, s3 := openLab(t, Options{}), service(t, new(atomic.Bool))
	server := func() *Recorder { // which does not run
		opts := l.opts
		opts.Dir, opts.S3, opts.Exists = t.TempDir(), s3, func(int) bool { return false }
		r, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() })
		return r
	}
	one, other := server(), server()
	r := store.Recording{App: 1400000000, ID: newID(time.Now()), Room: "r", Stream: "s", Node: one.folder.node, Format: FormatMP4, Begun: time.Now()}
	err := l.store.PutRecording(t.Context(), &r)
	for n := 1; n < 4; n++ {
		r.Files = append(r.Files, store.RecordingFile{N: n, Name: fmt.Sprintf("%d.mp4", n), Complete: true, Begin: time.Now(), Duration: time.Second, Size: 1})
		made, failed := one.folder.create(r.App, r.ID, r.Files[n-1].Name)
		_, written := made.WriteString("x")
		err = errors.Join(err, failed, written, made.Close(), l.store.PutRecordingFile(t.Context(), r.App, r.ID, &r.Files[n-1]))
	}
	for i := range 2 {
		err = errors.Join(err, one.uploadFile(t.Context(), &r, &r.Files[i]))
	}
	if err != nil {
		t.Fatal(err)
	}
	erase := func(by *Recorder) {
		t.Helper()
		if err := errors.Join(by.repair(t.Context()), by.cleanAll(t.Context()), by.eraseDoomed(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if erase(other); len(l.kept(t, r.ID).Files) != 3 || len(other.objects(t)) != 2 {
		t.Fatalf("of an app that exists %+v and %v are left", l.kept(t, r.ID), other.objects(t))
	}
	if err := other.Delete(t.Context(), r.App, r.ID); !errors.Is(err, ErrElsewhere) || len(l.kept(t, r.ID).Files) != 3 || len(other.objects(t)) != 2 {
		t.Errorf("asked to delete what another server has a part of: %v, %+v and %v are left", err, l.kept(t, r.ID), other.objects(t))
	}
	l.deleteApp(t)
	erase(other)
	if left := l.kept(t, r.ID).Files; len(left) != 1 || left[0].N != 3 || len(other.objects(t)) != 0 {
		t.Errorf("%+v and %v are left", left, other.objects(t))
	}
	erase(one)
	if _, err := l.store.Recording(t.Context(), r.App, r.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the recording stays: %v", err)
	}
	if _, err := one.folder.root.Stat(dirOf(r.App, r.ID)); !os.IsNotExist(err) {
		t.Errorf("its folder stays: %v", err)
	}
}
