package images

import (
	"context"
	"io"
	"time"
)

// depot keeps files. Its names were checked. What Put returned nil for is there, whole, until it is deleted.
type depot interface {
	Put(ctx context.Context, app int, name string, data []byte) error
	// Open is ErrNotFound where there is no such file.
	Open(ctx context.Context, app int, name string) (io.ReadSeekCloser, time.Time, error)
	// Delete passes over a file that is not there.
	Delete(ctx context.Context, app int, name string) error
	DeleteApp(ctx context.Context, app int) error
	// List calls each with every file.
	List(ctx context.Context, each func(file)) error
}

// file is one that a depot keeps.
type file struct {
	app  int
	name string
	size int64
	put  time.Time
}
