package record

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"weir/mux/flv"
	"weir/mux/fmp4"
	"weir/room/store"
)

// repair completes the recordings that a process before left open: their last file is cut behind what was written whole, and
// gets its index. It is called before anything is recorded.
func (r *Recorder) repair(ctx context.Context) error {
	all, err := r.opts.Index.RecordingsOf(ctx, r.folder.node)
	if err != nil {
		return err
	}
	var failed error
	for i := range all {
		if rec := &all[i]; rec.Running || open(rec) {
			if err := r.repairOne(ctx, rec); err != nil {
				failed = errors.Join(failed, fmt.Errorf("recording %s: %w", rec.ID, err))
			}
		}
	}
	return failed
}

// open tells whether a file of a recording is not complete.
func open(rec *store.Recording) bool {
	for i := range rec.Files {
		if !rec.Files[i].Complete {
			return true
		}
	}
	return false
}

func (r *Recorder) repairOne(ctx context.Context, rec *store.Recording) error {
	end := rec.Begun
	for i := range rec.Files {
		f := &rec.Files[i]
		if !f.Complete {
			if err := r.repairFile(ctx, rec, f); err != nil {
				return fmt.Errorf("file %s: %w", f.Name, err)
			}
		}
		if at := f.Begin.Add(f.Duration); f.Complete && at.After(end) {
			end = at
		}
	}
	if rec.Running {
		rec.Running, rec.State, rec.Reason, rec.Ended = false, stateComplete, "killed", end
	}
	return r.opts.Index.PutRecording(ctx, rec)
}

// repairFile makes a file complete, or deletes one in which there is nothing.
func (r *Recorder) repairFile(ctx context.Context, rec *store.Recording, f *store.RecordingFile) error {
	facts, err := r.mend(rec, f)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fmp4.ErrFormat) || errors.Is(err, flv.ErrFormat) || err == nil && facts.duration == 0 {
		r.log.Warn("file of a recording is empty", "recording", rec.ID, "file", f.Name, "error", err)
		return r.eraseFile(ctx, rec, f)
	}
	if err != nil {
		return err
	}
	f.Complete, f.Duration, f.Size, f.Init, f.Segments = true, facts.duration, facts.size, facts.init, facts.segments
	if err := r.opts.Index.PutRecordingFile(ctx, rec.App, rec.ID, f); err != nil {
		return err
	}
	r.stats.repaired.Inc()
	r.log.Info("file of a recording was repaired", "recording", rec.ID, "file", f.Name, "duration", f.Duration, "bytes", f.Size)
	return nil
}

// mend cuts a file behind what was written whole and completes it.
func (r *Recorder) mend(rec *store.Recording, f *store.RecordingFile) (facts, error) {
	file, err := r.folder.edit(rec.App, rec.ID, f.Name)
	if err != nil {
		return facts{}, err
	}
	mend := mendMP4
	if rec.Format == FormatFLV {
		mend = mendFLV
	}
	out := newOutput(file, 0, r.opts.Now)
	found, err := mend(out, file)
	if err != nil {
		return facts{}, errors.Join(err, file.Close())
	}
	return found, out.close()
}

// sizeOf is how large a file is.
func sizeOf(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func mendMP4(out *output, file *os.File) (f facts, err error) {
	size, err := sizeOf(file)
	if err != nil {
		return f, err
	}
	var found []fmp4.Fragment
	layout, err := fmp4.Scan(file, size, func(part fmp4.Fragment) error {
		found = append(found, part)
		return nil
	})
	if err != nil {
		return f, err
	}
	if err := file.Truncate(layout.Whole); err != nil {
		return f, err
	}
	lead := leadOf(layout.Tracks)
	var earliest uint64
	fragments := make([]fragment, len(found))
	for i := range found {
		fragments[i] = fragment{offset: found[i].Offset, size: found[i].Size}
		if t := found[i].Track(lead.ID); t != nil {
			fragments[i].duration, fragments[i].key = t.Duration, t.Key
			if i == 0 {
				earliest = t.Time
			}
		}
	}
	out.size, f.size, f.init = layout.Whole, layout.Whole, layout.Head
	f.segments = segments(fragments, lead.TimeScale)
	for _, s := range f.segments {
		f.duration += s.Duration
	}
	if layout.Free == 0 {
		return f, nil
	}
	f.init = layout.Free
	x := mp4Index{lead: indexed{lead.ID, lead.TimeScale}, earliest: earliest, all: fragments}
	for _, t := range layout.Tracks {
		x.tracks = append(x.tracks, indexed{t.ID, t.TimeScale})
	}
	return f, x.write(out, layout.Free, layout.Head)
}

// leadOf is the track that a file is cut by: its video, if it has any.
func leadOf(all []fmp4.TrackInfo) (lead fmp4.TrackInfo) {
	for _, t := range all {
		if t.Video || lead.ID == 0 {
			lead = t
		}
	}
	lead.TimeScale = max(lead.TimeScale, 1)
	return lead
}

func mendFLV(out *output, file *os.File) (f facts, err error) {
	size, err := sizeOf(file)
	if err != nil {
		return f, err
	}
	whole, last, err := flv.Scan(file, size)
	if err != nil {
		return f, err
	}
	if err := file.Truncate(whole); err != nil {
		return f, err
	}
	head := make([]byte, min(whole, flv.FactsSize))
	if _, err := file.ReadAt(head, 0); err != nil {
		return f, err
	}
	out.size, f.size, f.duration = whole, whole, last
	if flv.SetFacts(head, last, whole) {
		err = out.patch(head, 0)
	}
	return f, err
}

// kept is how long what was recorded lasts.
func kept(rec *store.Recording) (d time.Duration, bytes int64) {
	for i := range rec.Files {
		if f := &rec.Files[i]; f.Complete {
			d += f.Duration
			bytes += f.Size
		}
	}
	return d, bytes
}
