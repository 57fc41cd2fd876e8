package push

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"weir/mux/av"
	"weir/room/auth"
	"weir/room/dial"
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
	ID     string // unique; made by the Manager
	Origin Origin
	App    string // as in live.Key; empty, in a rule: every app
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
	Dialect string // tencent, alibaba or weir
	Key     string // secret
}

// Source names targets for streams, beside the tasks of the configuration and of the API: the automatic relay is one, and so
// are receivers that are asked. Of what it returns, Origin, To, Token, Audio, Sign and Trusted count.
type Source interface {
	// Targets is asked once when a stream's first media comes, in a goroutine of its own. What it names holds until the stream
	// ends. After an error it is asked again, later.
	Targets(ctx context.Context, s live.Info) ([]Task, error)
}

// What of a task may be how long.
const (
	maxAddress, maxToken, maxKey = 2048, 2048, 256
)

// Check says what is wrong with a task before there is a Manager, as that would when a stream comes. Of the options, Outputs, Sign
// and Guard count.
//
// Errors: ErrTask.
func (t *Task) Check(o *Options) error {
	if err := t.check(o); err != nil {
		return err
	}
	return t.checkLiteral(o.Guard)
}

// check refuses what makes no sense.
func (t *Task) check(o *Options) error {
	if err := checkPattern("room", t.Room, auth.CheckRoom); err != nil {
		return err
	}
	if err := checkPattern("stream", t.Stream, auth.CheckStream); err != nil {
		return err
	}
	if err := t.checkAddress(o.Outputs); err != nil {
		return err
	}
	if t.Audio != "" && t.Audio != av.CodecAAC.String() && t.Audio != av.CodecOpus.String() {
		return fmt.Errorf("%w: its audio is aac, opus or nothing", ErrTask)
	}
	if len(t.Token) > maxToken || strings.ContainsAny(t.Token, "\r\n\x00") {
		return fmt.Errorf("%w: its token is one line of at most %d bytes", ErrTask, maxToken)
	}
	return t.checkSigned(o)
}

// checkSigned refuses what the address cannot be signed by: each connection would fail.
func (t *Task) checkSigned(o *Options) error {
	if err := t.Sign.check(); err != nil || t.Sign == nil {
		return err
	}
	if _, err := o.Sign(fill(t.To, examples), *t.Sign, time.Unix(1<<31, 0)); err != nil {
		return fmt.Errorf("%w: its address cannot be signed: %w", ErrTask, err)
	}
	return nil
}

func checkPattern(what, pattern string, check func(string) error) error {
	if len(pattern) > 256 {
		return fmt.Errorf("%w: its %s is longer than 256 bytes", ErrTask, what)
	}
	if strings.ContainsAny(pattern, `*?[\`) {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("%w: its %s is no pattern", ErrTask, what)
		}
		return nil
	}
	if err := check(pattern); err != nil {
		return fmt.Errorf("%w: %w", ErrTask, err)
	}
	return nil
}

// examples stand in the places of an address that is looked at before there is a stream. They are as long as a passphrase of SRT
// has to be, since real ones may be.
var examples = map[string]string{
	"app": "1400000000", "room": "xxxxxxxxxx", "stream": "xxxxxxxxxx", "user": "xxxxxxxxxx", "streamid": "xxxxxxxxxx",
}

func (t *Task) checkAddress(outputs map[string]Output) error {
	if len(t.To) > maxAddress {
		return fmt.Errorf("%w: its address is longer than %d bytes", ErrTask, maxAddress)
	}
	if err := checkPlaces(t.To); err != nil {
		return err
	}
	u, err := url.Parse(fill(t.To, examples))
	if err != nil || u.Hostname() == "" { // the error would show the address
		return fmt.Errorf("%w: its address is malformed", ErrTask)
	}
	if outputs[u.Scheme] == nil {
		return fmt.Errorf("%w: nothing is pushed to addresses that begin with %s://", ErrTask, u.Scheme)
	}
	if c, ok := outputs[u.Scheme].(Checker); ok {
		if err := c.Check(u); err != nil {
			return fmt.Errorf("%w: %w", ErrTask, err)
		}
	}
	return nil
}

// checkLiteral refuses an address that is written in numbers and may not be connected to, so that whoever makes the task learns
// it at once. Names are looked at when they are dialed.
func (t *Task) checkLiteral(g *dial.Guard) error {
	if t.Trusted {
		return nil
	}
	u, err := url.Parse(fill(t.To, nil))
	if err != nil {
		return fmt.Errorf("%w: its address is malformed", ErrTask)
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && g.Check(a) != nil {
		return fmt.Errorf("%w: %w", ErrTask, dial.ErrAddress)
	}
	return nil
}

// dialects are those of Signing.
var dialects = map[string]bool{auth.DialectTencent.String(): true, auth.DialectAlibaba.String(): true, auth.DialectWeir.String(): true}

func (s *Signing) check() error {
	switch {
	case s == nil:
		return nil
	case !dialects[s.Dialect]:
		return fmt.Errorf("%w: its address is signed in the dialect tencent, alibaba or weir", ErrTask)
	case s.Key == "" || len(s.Key) > maxKey:
		return fmt.Errorf("%w: the key that signs its address has 1 to %d bytes", ErrTask, maxKey)
	}
	return nil
}

// means tells whether a stream is one of the task's.
func (t *Task) means(k live.Key) bool {
	room, _ := path.Match(t.Room, k.Room) // check has read the patterns
	stream, _ := path.Match(t.Stream, k.Stream)
	return (t.App == "" || t.App == k.App) && room && stream
}

// collides tells whether both would push to one address, whatever the streams are.
func (t *Task) collides(o *Task) bool {
	if strings.Contains(t.To, "{") && (t.App != o.App || t.Room != o.Room || t.Stream != o.Stream) {
		return false // found out stream by stream
	}
	a, errA := url.Parse(t.To)
	b, errB := url.Parse(o.To)
	return errA == nil && errB == nil && identity(a) == identity(b)
}
