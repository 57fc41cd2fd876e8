package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// root is what the keys of all pictures begin with.
const root = "images/"

// S3 is a bucket of an object store, which must be there.
type S3 struct {
	Endpoint  string // https://host, or http://host:port
	Region    string
	Bucket    string
	AccessKey string
	SecretKey string
}

// bucket is a depot: images/APP/NAME.
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

func key(app int, name string) string { return root + strconv.Itoa(app) + "/" + name }

func (b *bucket) Put(ctx context.Context, app int, name string, data []byte) error {
	_, err := b.client.PutObject(ctx, b.name, key(app, name), bytes.NewReader(data), int64(len(data)),
		minio.PutObjectOptions{ContentType: typeOf(name), DisableMultipart: true})
	return err
}

func (b *bucket) Open(ctx context.Context, app int, name string) (io.ReadSeekCloser, time.Time, error) {
	object, err := b.client.GetObject(ctx, b.name, key(app, name), minio.GetObjectOptions{})
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

func (b *bucket) Delete(ctx context.Context, app int, name string) error {
	return b.client.RemoveObject(ctx, b.name, key(app, name), minio.RemoveObjectOptions{})
}

func (b *bucket) DeleteApp(ctx context.Context, app int) error {
	var failed error
	err := b.list(ctx, key(app, ""), func(f file) {
		failed = errors.Join(failed, b.Delete(ctx, f.app, f.name))
	})
	return errors.Join(err, failed)
}

func (b *bucket) List(ctx context.Context, each func(file)) error { return b.list(ctx, root, each) }

func (b *bucket) list(ctx context.Context, prefix string, each func(file)) error {
	for object := range b.client.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if object.Err != nil {
			return object.Err
		}
		app, ok := parseApp(strings.TrimPrefix(path.Dir(object.Key), root))
		if ok && name.MatchString(path.Base(object.Key)) {
			each(file{app, path.Base(object.Key), object.Size, object.LastModified})
		}
	}
	return ctx.Err()
}
