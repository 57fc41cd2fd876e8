package push

import (
	"context"
	"time"

	"weir/room/live"
)

// Origin is who made a task.
type Origin string

// The origins.
const (
	OriginRule     Origin = "rule"     // the configuration
	OriginAPI      Origin = "api"      // an administrator, over REST
	OriginCallback Origin = "callback" // the answer of a receiver that was asked; for one stream, until it ends
	OriginAuto     Origin = "auto"     // an app's automatic relay; for one stream, until it ends
)

// Task says which streams go where.
type Task struct {
	ID     string // unique; made by the Manager where it is empty
	Origin Origin
	App    string // as in live.Key
	// Room and Stream are patterns of path.Match: a name means itself, * every one.
	Room, Stream string
	// To is the address. {app}, {room}, {stream} and {user} in it stand for those of the stream, {streamid} for its id. It is
	// secret; see address.Masked.
	To string
	// Token goes with each request where the protocol has a place for one. It is secret.
	Token string
	// Audio is aac or opus; empty leaves it to the protocol.
	Audio string
	// Sign, unless nil, has the address signed for each connection.
	Sign *Signing
	// Trusted says that the operator has written the address, so that it may lead anywhere.
	Trusted bool
	Created time.Time
	By      string // who made it over REST
}

// Signing is how a target wants its addresses signed.
type Signing struct {
	Dialect string        `json:"dialect"` // tencent or alibaba
	Key     string        `json:"key"`     // secret
	TTL     time.Duration `json:"ttl"`     // how long a signature is good; 0: an hour
}

// Source names targets for streams, beside the tasks of the configuration and of the API: the automatic relay is one, and so
// are receivers that are asked.
type Source interface {
	// Targets is asked once when a stream's first media comes, in a goroutine of its own. Of what it returns, Origin, To,
	// Token, Audio, Sign and Trusted count; it holds until the stream ends. After an error it is asked again, later.
	Targets(ctx context.Context, s live.Info) ([]Task, error)
}
