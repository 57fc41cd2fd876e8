package record

import (
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// disk is one that tests can fill and stop.
type disk struct {
	full   atomic.Bool
	most   atomic.Int64 // the longest piece that there is room for; 0: any
	stop   sync.RWMutex // held for writing: writes wait
	writes atomic.Int64
}

func (d *disk) wrap(_ string, f file) file { return &diskFile{f, d} }

// tried waits until so many pieces were written, or could not be.
func (d *disk) tried(t *testing.T, pieces int64) {
	t.Helper()
	for end := time.Now().Add(waiting); d.writes.Load() < pieces; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d pieces are written, want %d", d.writes.Load(), pieces)
		}
	}
}

// diskFile is a file on it. Where it is full, half of what is written fits.
type diskFile struct {
	file
	disk *disk
}

func (f *diskFile) WriteAt(b []byte, at int64) (int, error) {
	f.disk.stop.RLock()
	defer f.disk.stop.RUnlock()
	f.disk.writes.Add(1)
	if most := f.disk.most.Load(); most > 0 && int64(len(b)) > most {
		return 0, syscall.ENOSPC
	}
	if !f.disk.full.Load() {
		return f.file.WriteAt(b, at)
	}
	n, err := f.file.WriteAt(b[:len(b)/2], at)
	if err == nil {
		err = syscall.ENOSPC
	}
	return n, err
}

// On a full disk a recording has a pause, which is told once, and goes on in another file when there is room. What was written
// before plays, and the stream does not notice.
func TestFullDisk(t *testing.T) {
	for _, format := range []string{FormatMP4, FormatFLV} {
		t.Run(format, func(t *testing.T) {
			var d disk
			l := openLab(t, Options{Rules: all(Spec{Format: format}), wrap: d.wrap})
			p := l.publish(t)
			p.play(4500 * time.Millisecond)
			l.heard(t, "begun")
			d.tried(t, 4) // the head and some fragments
			d.full.Store(true)
			p.play(8 * time.Second)
			l.heard(t, "begun", "complete", "paused")
			if n := l.states(); n[statePaused] != 1 || n[stateRecording] != 0 {
				t.Errorf("recordings by state: %v", n)
			}
			if err := testutil.CollectAndCompare(l.Stats(), strings.NewReader(`
# HELP weir_recordings Recordings that go on, by state: recording, or paused since nothing can be written.
# TYPE weir_recordings gauge
weir_recordings{state="paused"} 1
weir_recordings{state="recording"} 0
`), "weir_recordings"); err != nil {
				t.Error(err)
			}
			l.pass(time.Minute)
			p.play(8 * time.Second) // it tries again
			d.full.Store(false)
			l.pass(time.Minute)
			p.play(8 * time.Second)
			events := l.heard(t, "begun", "complete", "paused", "resumed")
			if r := events[2].Record; r.Reason != "disk_full" {
				t.Errorf("a pause for %q", r.Reason)
			}
			l.end(t, p)
			r := l.ended(t)
			if r.State != stateComplete || len(r.Files) != 2 {
				t.Fatalf("%+v", r)
			}
			for i := range r.Files {
				f := &r.Files[i]
				if got := ffprobe(t, l.path(&r, f.Name)); f.Duration < 2*time.Second || len(got.Streams) != 2 {
					t.Errorf("%+v %+v", f, got)
				}
				units(t, l.path(&r, f.Name)) // ffmpeg reads it to its end without a complaint
			}
		})
	}
}

// A disk that has room for the beginning of a file alone is full: it is told once, and not that the recording goes on.
func TestAlmostFullDisk(t *testing.T) {
	for _, format := range []string{FormatMP4, FormatFLV} {
		t.Run(format, func(t *testing.T) {
			var d disk
			l := openLab(t, Options{Rules: all(Spec{Format: format}), wrap: d.wrap, Retry: time.Nanosecond})
			p := l.publish(t)
			p.play(4500 * time.Millisecond)
			l.heard(t, "begun")
			d.tried(t, 4) // the head and some fragments
			d.most.Store(40 << 10)
			before := d.writes.Load()
			p.play(8 * time.Second)
			d.tried(t, before+1+3*2) // at each key frame it tries again, and fails with its first media
			l.heard(t, "begun", "complete", "paused")
			d.most.Store(0)
			p.play(8 * time.Second)
			l.heard(t, "begun", "complete", "paused", "resumed")
			l.end(t, p)
			if r := l.ended(t); r.State != stateComplete || len(r.Files) != 2 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// A recording whose disk is full to its end has failed.
func TestDiskStaysFull(t *testing.T) {
	var d disk
	d.full.Store(true)
	l := openLab(t, Options{Rules: all(Spec{}), wrap: d.wrap})
	p := l.publish(t)
	p.play(4 * time.Second)
	l.heard(t, "begun", "paused")
	l.end(t, p)
	l.heard(t, "begun", "paused", "failed")
	if r := l.recorded(t); r.State != stateFailed || r.Reason != "disk_full" || len(r.Files) != 0 || r.Running {
		t.Errorf("%+v", r)
	}
}

// A disk that stands still for longer than the ring goes costs the recording what it missed, which is counted and told; the
// publisher never waits.
func TestSlowDisk(t *testing.T) {
	var d disk
	l := openLab(t, Options{Rules: all(Spec{}), wrap: d.wrap})
	p := l.publish(t)
	p.play(3 * time.Second)
	l.heard(t, "begun")
	d.tried(t, 2)
	d.stop.Lock()
	p.play(100 * time.Second) // returns, although nothing is written
	d.stop.Unlock()
	l.heard(t, "begun", "complete", "lagged")
	p.play(3 * time.Second)
	l.end(t, p)
	r := l.ended(t)
	if r.Lags != 1 || len(r.Files) != 2 {
		t.Fatalf("%+v", r)
	}
	total := time.Duration(0)
	for i := range r.Files {
		ffprobe(t, l.path(&r, r.Files[i].Name))
		total += r.Files[i].Duration
	}
	if total < 6*time.Second || total > 100*time.Second {
		t.Errorf("%v of 106 s were recorded, with a stop of the disk", total)
	}
}
