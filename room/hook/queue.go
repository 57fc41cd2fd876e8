package hook

import (
	"context"
	"time"

	"weir/room/store"
)

// queue keeps what is to be told until it is delivered; *store.Store does. It is safe for concurrent use.
type queue interface {
	// Enqueue returns when all of it is durable; the time is in Created and Next.
	Enqueue(ctx context.Context, list []store.Delivery) error
	// Receivers are those who have something due.
	Receivers(ctx context.Context, now time.Time) ([]string, error)
	// DueFor is what is due for one receiver, by ID. Of a key it holds the first ones, without a gap.
	DueFor(ctx context.Context, receiver string, now time.Time, limit int) ([]store.Delivery, error)
	// Delivered forgets them.
	Delivered(ctx context.Context, ids []int64) error
	// Retry counts a try that failed and puts the next off.
	Retry(ctx context.Context, id int64, at time.Time, fault string) error
	// Bury counts a try that failed and gives up.
	Bury(ctx context.Context, id int64, fault string) error
	// Dead lists what is buried, of ids above after, by ID.
	Dead(ctx context.Context, app int, limit int, after int64) ([]store.Delivery, error)
	// Replay has buried ones tried again at once, without ids all of the app, and tells how many. They keep their order.
	Replay(ctx context.Context, app int, ids []int64) (int, error)
	// Backlog counts.
	Backlog(ctx context.Context) (store.Backlog, error)
}
