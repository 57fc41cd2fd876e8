package record

import (
	"errors"
	"io"
	"time"
)

// file is what is written into; *os.File is one.
type file interface {
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// output is a file that grows by whole pieces: a write that fails, such as on a full disk, leaves what was there before.
// It is for one goroutine.
type output struct {
	file   file
	size   int64
	every  time.Duration // how often to sync; 0: only at the end
	now    func() time.Time
	synced time.Time
}

func newOutput(f file, every time.Duration, now func() time.Time) *output {
	return &output{file: f, every: every, now: now, synced: now()}
}

// append writes a piece at the end, by one call.
func (o *output) append(b []byte) error {
	if _, err := o.file.WriteAt(b, o.size); err != nil {
		return errors.Join(err, o.file.Truncate(o.size))
	}
	o.size += int64(len(b))
	if o.every > 0 && o.now().Sub(o.synced) >= o.every {
		return o.sync()
	}
	return nil
}

// patch writes over what is there already.
func (o *output) patch(b []byte, at int64) error {
	_, err := o.file.WriteAt(b, at)
	return err
}

func (o *output) sync() error {
	err := o.file.Sync()
	o.synced = o.now()
	return err
}

// close brings everything to the disk.
func (o *output) close() error { return errors.Join(o.file.Sync(), o.file.Close()) }
