package images

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// spoolPrefix begins the names of files that are being received or written, spoolAge is when one is what a process that
// was killed left.
const (
	spoolPrefix = "spool-"
	spoolAge    = time.Hour
)

// folder is a depot: APP/AB/NAME, where AB are the first letters of the name, so that no folder has too many files.
type folder struct {
	dir string
	now func() time.Time
}

func (f folder) path(app int, name string) string {
	return filepath.Join(f.dir, strconv.Itoa(app), name[:2], name)
}

// Put writes beside the place and moves it there when it is on the disk.
func (f folder) Put(_ context.Context, app int, name string, data []byte) error {
	path := f.path(app, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	spool, err := os.CreateTemp(filepath.Dir(path), spoolPrefix)
	if err != nil {
		return err
	}
	_, err = spool.Write(data)
	if err == nil {
		err = spool.Sync()
	}
	if err = errors.Join(err, spool.Close()); err == nil {
		err = os.Rename(spool.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(spool.Name()))
	}
	return nil
}

func (f folder) Open(_ context.Context, app int, name string) (io.ReadSeekCloser, time.Time, error) {
	file, err := os.Open(f.path(app, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, ErrNotFound
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, time.Time{}, errors.Join(err, file.Close())
	}
	return file, info.ModTime(), nil
}

func (f folder) Delete(_ context.Context, app int, name string) error {
	if err := os.Remove(f.path(app, name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (f folder) DeleteApp(_ context.Context, app int) error {
	return os.RemoveAll(filepath.Join(f.dir, strconv.Itoa(app)))
}

// List walks through the folder, and takes away what was left half-written.
func (f folder) List(ctx context.Context, each func(file)) error {
	return filepath.WalkDir(f.dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // deleted meanwhile, or nothing was ever kept
			return nil
		}
		if err != nil || entry.IsDir() {
			return errors.Join(err, ctx.Err())
		}
		info, err := entry.Info()
		if err != nil {
			return nil //nolint:nilerr // deleted meanwhile
		}
		if strings.HasPrefix(entry.Name(), spoolPrefix) && f.now().Sub(info.ModTime()) > spoolAge {
			return os.Remove(path)
		}
		app, ok := parseApp(filepath.Base(filepath.Dir(filepath.Dir(path))))
		if ok && name.MatchString(entry.Name()) {
			each(file{app, entry.Name(), info.Size(), info.ModTime()})
		}
		return nil
	})
}
