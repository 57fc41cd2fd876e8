package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	// rootKey is what the keys of all files begin with; partSize is how much of a file is sent at once.
	rootKey, partSize = "recordings/", 16 << 20
	// removeTime is how long the bucket may take to delete a file.
	removeTime = 30 * time.Second
)

// S3 is a bucket of an object store, which must be there.
type S3 struct {
	Endpoint  string // https://host, or http://host:port
	Region    string
	Bucket    string
	AccessKey string
	SecretKey string
}

// bucket has files as recordings/APP/ID/NAME.
type bucket struct {
	client *minio.Client
	name   string
}

func newBucket(s3 S3) (*bucket, error) {
	endpoint, err := url.Parse(s3.Endpoint)
	if err != nil || endpoint.Host == "" {
		return nil, fmt.Errorf("%q is no address of an S3 service", s3.Endpoint)
	}
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(s3.AccessKey, s3.SecretKey, ""),
		Secure: endpoint.Scheme == "https", Region: s3.Region, MaxRetries: 3,
	})
	if err != nil {
		return nil, err
	}
	return &bucket{client, s3.Bucket}, nil
}

// put sends a file in parts, which are read as they go: none is held whole. It makes sure that the bucket has all of it.
func (b *bucket) put(ctx context.Context, app int, id, name string, from io.Reader, size int64) error {
	key := rootKey + nameOf(app, id, name)
	if size > partSize {
		// The parts that a process had sent when it was killed would stay in the bucket, unseen and paid for.
		_ = b.client.RemoveIncompleteUpload(ctx, b.name, key) // a bucket that does not let weir list uploads takes files all the same
	}
	if _, err := b.client.PutObject(ctx, b.name, key, from, size, minio.PutObjectOptions{
		ContentType: typeOf(name), PartSize: partSize, NumThreads: 1,
		// Over HTTP it would sign each chunk within a part, which not every service undoes: the chunks' heads would stand in the
		// file. The checksum of each part is sent all the same.
		DisableContentSha256: true,
	}); err != nil {
		return err
	}
	info, err := b.client.StatObject(ctx, b.name, key, minio.StatObjectOptions{})
	if err == nil && info.Size != size {
		err = fmt.Errorf("%w: %d bytes of %d", errTorn, info.Size, size)
	}
	return err
}

func (b *bucket) open(ctx context.Context, app int, id, name string) (io.ReadSeekCloser, time.Time, error) {
	object, err := b.client.GetObject(ctx, b.name, rootKey+nameOf(app, id, name), minio.GetObjectOptions{})
	if err != nil {
		return nil, time.Time{}, err
	}
	info, err := object.Stat()
	if err != nil {
		if minio.ToErrorResponse(err).StatusCode == http.StatusNotFound {
			err = ErrNotFound
		}
		return nil, time.Time{}, errors.Join(err, object.Close())
	}
	return object, info.LastModified, nil
}

// remove deletes a file, and passes over one that is not there.
func (b *bucket) remove(ctx context.Context, app int, id, name string) error {
	ctx, cancel := context.WithTimeout(ctx, removeTime)
	defer cancel()
	return b.client.RemoveObject(ctx, b.name, rootKey+nameOf(app, id, name), minio.RemoveObjectOptions{})
}
