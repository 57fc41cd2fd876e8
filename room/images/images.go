package images

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"weir/room/im"
)

const (
	// cleanEvery is how often what is too old or too much is thrown away.
	cleanEvery = 10 * time.Minute
	// memory is what pictures may take that are being decoded, in bytes; leastCost is the least that one counts for.
	memory, leastCost = 512 << 20, 16 << 20
)

// Options is what Images needs. Dir, MaxBytes, Authorize, Status and Problem are required.
type Options struct {
	// Dir is the folder of pictures. With S3 it is where they are received.
	Dir string
	// S3 keeps them instead, if it has an endpoint.
	S3 S3
	// MaxBytes is how much is kept; beyond it the oldest pictures go. Keep is how long each is kept; 0: for good.
	MaxBytes int64
	Keep     time.Duration
	// Authorize tells who uploads. Status is the HTTP status and the code of an error of it.
	Authorize func(*http.Request) (im.Actor, error)
	Status    func(error) (status int, code string)
	// Base is where whoever sent a request reaches this server: https://host. nil: addresses begin with the path.
	Base func(*http.Request) string
	// Problem answers with an error (RFC 9457).
	Problem func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
	// Now tells the time; time.Now when nil.
	Now func() time.Time
	Log *slog.Logger
}

// Images takes pictures and serves them. It is safe for concurrent use.
type Images struct {
	opts  Options
	depot depot
	limit *limit
	costs *semaphore.Weighted // of what is being decoded
	used  atomic.Int64        // bytes that are kept, roughly
	wake  chan struct{}       // capacity 1: there is something for Run
	stats *Stats

	mu   sync.Mutex // guards gone
	gone []int      // apps whose pictures are to be deleted
}

// New makes the folder and starts nothing; see Run.
func New(opts Options) (*Images, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of pictures: %w", err)
	}
	i := &Images{
		opts: opts, depot: folder{opts.Dir, opts.Now}, limit: &limit{now: opts.Now},
		costs: semaphore.NewWeighted(memory), wake: make(chan struct{}, 1), stats: newStats(),
	}
	if opts.S3.Endpoint != "" {
		b, err := newBucket(opts.S3)
		if err != nil {
			return nil, fmt.Errorf("cannot keep pictures: %w", err)
		}
		i.depot = b
	}
	return i, nil
}

// Stats are figures for Prometheus.
func (i *Images) Stats() *Stats { return i.stats }

// AppDeleted is told that there is an app no longer: Run deletes its pictures, soon. It does not wait.
func (i *Images) AppDeleted(app int) {
	i.mu.Lock()
	i.gone = append(i.gone, app)
	i.mu.Unlock()
	i.rouse()
}

// rouse has Run look for something to do.
func (i *Images) rouse() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

// deleteGone deletes the pictures of apps that are gone. What fails is tried again next time.
func (i *Images) deleteGone(ctx context.Context) (failed error) {
	i.mu.Lock()
	gone := i.gone
	i.gone = nil
	i.mu.Unlock()
	for _, app := range gone {
		if err := i.depot.DeleteApp(ctx, app); err != nil {
			failed = errors.Join(failed, fmt.Errorf("cannot delete the pictures of app %d: %w", app, err))
			i.mu.Lock()
			i.gone = append(i.gone, app)
			i.mu.Unlock()
		}
	}
	return failed
}

// Run throws away what is too old or too much, until the context ends.
func (i *Images) Run(ctx context.Context) error {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		if err := errors.Join(i.deleteGone(ctx), i.clean(ctx)); err != nil && ctx.Err() == nil {
			i.opts.Log.Warn("cannot clean the pictures", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-i.wake:
		}
	}
}

// kept is a picture with all its sizes.
type kept struct {
	files []file
	size  int64
	put   time.Time
}

// clean deletes pictures that are too old, and the oldest ones where there are too many.
func (i *Images) clean(ctx context.Context) error {
	all := map[string]*kept{}
	var total int64
	err := i.depot.List(ctx, func(f file) {
		k := all[idOf(f.name)]
		if k == nil {
			k = &kept{put: f.put}
			all[idOf(f.name)] = k
		}
		k.files = append(k.files, f)
		k.size += f.size
		total += f.size
	})
	if err != nil {
		return err
	}
	var pictures []*kept
	for _, k := range all {
		pictures = append(pictures, k)
	}
	slices.SortFunc(pictures, func(a, b *kept) int { return a.put.Compare(b.put) })
	most := i.opts.MaxBytes
	if total > most {
		most -= most / 8 // so that it need not be done for each picture
	}
	for _, k := range pictures {
		old := i.opts.Keep > 0 && i.opts.Now().Sub(k.put) > i.opts.Keep
		if !old && total <= most {
			break
		}
		for _, f := range k.files {
			err = errors.Join(err, i.depot.Delete(ctx, f.app, f.name))
		}
		if err != nil {
			return err
		}
		total -= k.size
		i.stats.deleted.WithLabelValues(map[bool]string{true: "age", false: "room"}[old]).Inc()
	}
	i.used.Store(total)
	i.stats.bytes.Set(float64(total))
	return nil
}

// keep puts a picture's files away, all or none.
func (i *Images) keep(ctx context.Context, app int, id string, copies []variant) error {
	size := int64(0)
	for _, c := range copies {
		size += int64(len(c.data))
	}
	used := i.used.Add(size)
	if used > i.opts.MaxBytes {
		i.rouse()
	}
	if used > i.opts.MaxBytes+i.opts.MaxBytes/8 {
		i.used.Add(-size)
		return ErrFull
	}
	for n, c := range copies {
		if c.data == nil {
			continue
		}
		if err := i.depot.Put(ctx, app, id+c.suffix, c.data); err != nil {
			i.used.Add(-size)
			return errors.Join(err, i.discard(app, id, copies[:n]))
		}
	}
	i.stats.bytes.Set(float64(i.used.Load()))
	return nil
}

// discard deletes what was put away of a picture that could not be kept whole.
func (i *Images) discard(app int, id string, copies []variant) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // the request may be over
	defer cancel()
	for _, c := range copies {
		if c.data != nil {
			err = errors.Join(err, i.depot.Delete(ctx, app, id+c.suffix))
		}
	}
	return err
}
