package live

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"weir/mux/av"
)

// Policy says what happens when a stream that has a publisher is published again.
type Policy uint8

const (
	// PolicyResume lets a publisher of the same identity take the stream over at once, its viewers staying
	// with it; any other is refused.
	PolicyResume Policy = iota
	// PolicyReplace lets any publisher take the stream over.
	PolicyReplace
	// PolicyReject refuses all while there is one, also an interrupted one.
	PolicyReject
)

var policyNames = [...]string{"resume", "replace", "reject"}

// String is the policy's name as the configuration writes it.
func (p Policy) String() string { return policyNames[p] }

// ParsePolicy is the inverse of Policy.String.
func ParsePolicy(name string) (Policy, error) {
	for i, n := range policyNames {
		if n == name {
			return Policy(i), nil
		}
	}
	return 0, fmt.Errorf("%q is none of %v", name, policyNames)
}

// Looser tells whether p lets more happen to a publisher who is there than o does.
func (p Policy) Looser(o Policy) bool {
	hold := [...]int{PolicyReplace: 0, PolicyResume: 1, PolicyReject: 2}
	return hold[p] < hold[o]
}

// PublishOptions say who publishes and how.
type PublishOptions struct {
	// User is the publisher's identity; PolicyResume compares it.
	User   string
	Policy Policy
	// ID is the stream id by which the stream is known as well, unique in its app; empty: none.
	ID string
	// Origin is where the publisher comes from, for those who are told of streams.
	Origin Origin
	// Keeps says that PolicyResume lets nobody take the stream over: the publisher is no user, such as a source that is pulled from.
	Keeps bool
	// Mirror says that the publisher writes what another server's ring of this stream holds, frame by frame, simulcast layers
	// and MainVideo alike; nothing is filled in. Such a publisher gets no stream that there is, and any other takes its own.
	Mirror bool
	// Started is when the clock of a mirrored stream was 0.
	Started time.Time
	// Tracks is how many tracks the publisher announced; readers wait for them, but not for long.
	Tracks int
	// Brings are the ids of those tracks. What else a stream has that is taken over ends with the publisher's first
	// frame: an output that waits for pictures would wait for ever. nil stands for not known.
	Brings []av.TrackID
	// Layers are the names of the publisher's simulcast layers, if it has any. It then writes these (av.Track.Layer)
	// in place of MainVideo, which Tracks and Brings count all the same.
	Layers []string
	// Audio is the sound among those tracks as it was announced, or nil. While pictures come and it does not, silence
	// of this kind fills it.
	Audio *av.Track
	// KeyFrame asks the publisher's encoder for a key frame. It must not block and must not call back.
	KeyFrame func()
	// Report tells how the publisher's media comes in; nil if the door has nothing to tell. It is called when somebody
	// asks, by any goroutine and without a lock, and must not block.
	Report func() Ingest
}

// Origin is where a publisher comes from. What is not known is empty.
type Origin struct {
	Form    string // whip, rtmp or edge
	Session string // names the connection
	Addr    string // the publisher's, without the port
	Site    string // how it reached this server, such as https://live.example.com
	Query   string // of the address that it publishes to, with what proves it may
}

// Publisher is the writing end of a stream. Its methods may be called from several goroutines.
type Publisher struct {
	stream *Stream
	opts   PublishOptions

	settled bool // its first frame was taken; guarded by stream.mu

	leaving sync.Once
	done    chan struct{}
	reason  error // why it lost the stream; written once before done is closed
}

// Stream is what the publisher writes to.
func (p *Publisher) Stream() *Stream { return p.stream }

// User is the identity of the publisher.
func (p *Publisher) User() string { return p.opts.User }

// Newest is the latest decoding time in the stream, also of an earlier publisher; ok is false when there is nothing
// yet. A publisher that takes a stream over goes on behind it.
func (p *Publisher) Newest() (dts time.Duration, ok bool) {
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	for _, last := range p.stream.last {
		dts, ok = max(dts, last), true
	}
	return dts, ok
}

// Write puts a frame into the stream. The frame and its data are the stream's from then on and must not be
// changed. Write takes the same time for any number of readers and never waits for one.
//
// Errors: ErrGone when the publisher lost the stream; ErrNoTrack and ErrOrder for a frame out of place, ErrLate and
// ErrStill for one that cannot follow what stood in for it: all of these are dropped and counted.
func (p *Publisher) Write(f *av.Frame) error {
	begin := time.Now()
	err := p.stream.write(p, f)
	p.stream.reg.stats.writes.Observe(time.Since(begin).Seconds())
	return err
}

// Interrupt says that the publisher is silent or lost. It may still Write, which makes the stream live again;
// when neither it nor another one does so within the grace time, the stream ends.
func (p *Publisher) Interrupt(reason error) { p.stream.interrupt(p, reason) }

// End ends the stream at once: the publisher is done with it. It does nothing when the publisher lost the
// stream before.
func (p *Publisher) End(reason error) {
	s := p.stream
	s.reg.remove(s, reason, func() bool { return s.publisher == p })
}

// Done is closed when the publisher lost the stream; Err then tells why.
func (p *Publisher) Done() <-chan struct{} { return p.done }

// Err is why the publisher lost the stream, or nil while it has it.
func (p *Publisher) Err() error {
	select {
	case <-p.done:
		return p.reason
	default:
		return nil
	}
}

func (p *Publisher) leave(reason error) {
	p.leaving.Do(func() {
		p.reason = reason
		close(p.done)
	})
}

// Reason is the short name under which an end or an interruption is counted: that of the first error in the
// chain which has one (a method Reason() string), else "other".
func Reason(err error) string {
	var named interface{ Reason() string }
	switch {
	case errors.As(err, &named):
		return named.Reason()
	case errors.Is(err, ErrReplaced):
		return "replaced"
	case errors.Is(err, ErrStopping):
		return "shutdown"
	default:
		return "other"
	}
}
