package record

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// nodeFile names the folder: recordings of several servers may share a store.
const nodeFile = "node"

// folder has the files of recordings: APP/ID/NAME. Nothing outside of it can be reached through it.
type folder struct {
	root *os.Root
	node string
}

func openFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	node, err := nodeOf(root)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &folder{root, node}, nil
}

// nodeOf is the folder's name, which is made when there is none.
func nodeOf(root *os.Root) (string, error) {
	text, err := root.ReadFile(nodeFile)
	if node := strings.TrimSpace(string(text)); err == nil && node != "" {
		return node, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	node := hex.EncodeToString(id[:])
	return node, root.WriteFile(nodeFile, []byte(node+"\n"), 0o600)
}

func dirOf(app int, id string) string { return path.Join(strconv.Itoa(app), id) }

func nameOf(app int, id, name string) string { return path.Join(dirOf(app, id), name) }

// held is a file that is written. Its Sync fails with errLost where somebody has deleted it or put another one in its place: what is
// written to such a file is gone when it is closed.
type held struct {
	*os.File
	root *os.Root
	name string
}

// Sync brings the file to the disk.
func (h *held) Sync() error {
	if err := h.File.Sync(); err != nil {
		return err
	}
	named, err := h.root.Stat(h.name)
	if errors.Is(err, fs.ErrNotExist) {
		return errLost
	}
	if err != nil {
		return err
	}
	own, err := h.Stat()
	if err == nil && !os.SameFile(own, named) {
		err = errLost
	}
	return err
}

// create makes a file, empty.
func (f *folder) create(app int, id, name string) (*held, error) {
	if err := f.root.MkdirAll(dirOf(app, id), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of a recording: %w", err)
	}
	file, err := f.root.OpenFile(nameOf(app, id, name), os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.syncDir(app, id); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &held{file, f.root, nameOf(app, id, name)}, nil
}

// syncDir makes the name of a new file outlast a power failure.
func (f *folder) syncDir(app int, id string) error {
	dir, err := f.root.Open(dirOf(app, id))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// edit opens a file to change it.
func (f *folder) edit(app int, id, name string) (*os.File, error) {
	return f.root.OpenFile(nameOf(app, id, name), os.O_RDWR, 0)
}

// open opens a file to read it; ErrNotFound where there is none.
func (f *folder) open(_ context.Context, app int, id, name string) (io.ReadSeekCloser, time.Time, error) {
	file, err := f.root.Open(nameOf(app, id, name))
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

// remove deletes a file, and passes over one that is not there.
func (f *folder) remove(app int, id, name string) error {
	if err := f.root.Remove(nameOf(app, id, name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// removeAll deletes a recording's files.
func (f *folder) removeAll(app int, id string) error { return f.root.RemoveAll(dirOf(app, id)) }

// write writes a small file.
func (f *folder) write(app int, id, name string, b []byte) error {
	return f.root.WriteFile(nameOf(app, id, name), b, 0o600)
}
