package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtcp"

	"weir/rtc"
	"weir/rtc/udp"
)

const (
	// maxCandidates of the remote side are taken, those of restarts included; browsers have ten or fewer.
	maxCandidates = 64
	// gatherTimeout is for listing the machine's addresses, which asks nobody.
	gatherTimeout = 5 * time.Second
	// defaultSetup is how long ICE and DTLS may take together.
	defaultSetup = 15 * time.Second
)

// Options say with whom a connection is made.
type Options struct {
	Engine *rtc.Engine
	// Remote is who has offered. Without one this side offers: SetRemote tells who has answered, before Run.
	Remote *Remote
	// Allow tells whether packets may go to an address; nil: to all. Candidates of others are not used, nor is what asks from
	// there.
	Allow func(netip.Addr) bool
	// Loopback is whether the remote side is this machine, so that loopback addresses mean something to it.
	Loopback bool
	// Setup is how long ICE and DTLS may take together; zero is 15 s.
	Setup time.Duration
	// Feedback gets the RTCP of the remote side, in the order of arrival and from one goroutine, which it must not hold up.
	// It owns the packets.
	Feedback func([]rtcp.Packet)
	Log      *slog.Logger
}

// Description is what this side says of itself in SDP.
type Description struct {
	Ufrag, Pwd  string
	Fingerprint string   // value of a=fingerprint
	Setup       string   // value of a=setup: active or passive, actpass in an offer
	Candidates  []string // values of a=candidate; there are no others to come
}

// Peer is one connection. WriteRTP, WriteRTCP and Flush are for one goroutine; the other methods are safe for concurrent
// use.
type Peer struct {
	opts    Options
	remote  Remote
	offers  bool // this side does, so that it controls ICE (RFC 8445 6.1.1)
	client  bool // of DTLS
	digests []digest
	agent   *ice.Agent
	route   *rtc.Route
	life    context.Context // over when the connection is, with the reason as its cause
	end     context.CancelCauseFunc

	connected  chan struct{}
	state      atomic.Int32  // up or over
	generation atomic.Uint32 // of the path; moves with the selected pair

	mu         sync.Mutex // guards the fields below
	local      Description
	candidates int // taken of the remote side

	in atomic.Pointer[opener]
	sending
}

const (
	up   int32 = iota + 1 // there are keys
	over                  // Run has returned or is about to
)

// New prepares a connection and lists the server's candidates, which answer checks from then on. Whoever calls it calls
// Run or Close.
func New(o Options) (*Peer, error) {
	if o.Setup == 0 {
		o.Setup = defaultSetup
	}
	p := &Peer{opts: o, offers: o.Remote == nil, connected: make(chan struct{})}
	if !p.offers {
		if err := p.takeRemote(*o.Remote); err != nil {
			return nil, err
		}
	}
	var more []ice.AgentOption
	if o.Allow != nil {
		more = append(more, ice.WithRemoteIPFilter(func(ip net.IP) bool {
			a, ok := netip.AddrFromSlice(ip)
			return ok && o.Allow(a.Unmap())
		}))
	}
	var err error
	agent := o.Engine.Routed
	if p.offers { // to a server, which knows its clients by their ports
		agent = o.Engine.Outgoing
	}
	if p.agent, p.route, err = agent(o.Loopback, more...); err != nil {
		return nil, fmt.Errorf("cannot make an ICE agent: %w", err)
	}
	p.life, p.end = context.WithCancelCause(context.Background())
	err = errors.Join(
		p.agent.OnConnectionStateChange(p.stateChanged),
		p.agent.OnSelectedCandidatePairChange(func(_, _ ice.Candidate) { p.generation.Add(1) }),
		p.gather(),
	)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("cannot prepare a connection: %w", err)
	}
	return p, nil
}

// takeRemote checks what the remote side says of itself.
func (p *Peer) takeRemote(r Remote) (err error) {
	if p.client, err = r.isClient(); err != nil {
		return err
	}
	if p.digests, err = digests(r.Fingerprints); err != nil {
		return err
	}
	if r.Ufrag == "" || r.Pwd == "" {
		return fmt.Errorf("%w: it has no ICE credentials", ErrBadRemote)
	}
	p.remote = r
	return nil
}

// SetRemote tells who has answered what this side has offered. It is called once, before Run.
func (p *Peer) SetRemote(r Remote) error {
	if r.Setup == "actpass" { // RFC 5763 5: an answer has chosen
		return fmt.Errorf("%w: setup is %q in an answer", ErrBadRemote, r.Setup)
	}
	return p.takeRemote(r)
}

func (p *Peer) stateChanged(s ice.ConnectionState) {
	p.opts.Log.Debug("ICE", "state", s)
	if s == ice.ConnectionStateFailed {
		if p.state.Load() == up {
			p.end(ErrLost)
		} else {
			p.end(ErrNoPath)
		}
	}
}

// gather lists the candidates of the agent's present credentials.
func (p *Peer) gather() error {
	var list []string
	done := make(chan struct{})
	err := p.agent.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			close(done)
			return
		}
		list = append(list, c.Marshal())
	})
	if err != nil {
		return err
	}
	if err := p.agent.GatherCandidates(); err != nil {
		return err
	}
	late := time.NewTimer(gatherTimeout)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		return errors.New("the server's addresses were not listed in time")
	}
	ufrag, pwd, err := p.agent.GetLocalUserCredentials()
	if err != nil {
		return err
	}
	d := Description{Ufrag: ufrag, Pwd: pwd, Fingerprint: p.opts.Engine.Fingerprint(), Setup: "passive", Candidates: list}
	switch {
	case p.offers:
		d.Setup = "actpass" // RFC 5763 5
	case p.client:
		d.Setup = "active"
	}
	p.mu.Lock()
	p.local = d
	p.mu.Unlock()
	return nil
}

// Local describes this side.
func (p *Peer) Local() Description {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.local
	d.Candidates = slices.Clone(d.Candidates)
	return d
}

// AddCandidate takes a candidate of the remote side: the value of an a=candidate line. One that cannot be reached, such as
// a hidden address, is no error and does nothing.
func (p *Peer) AddCandidate(value string) error {
	c, err := ice.UnmarshalCandidate(value)
	if err != nil {
		return fmt.Errorf("cannot read a candidate: %w", err)
	}
	p.mu.Lock()
	p.candidates++
	tooMany := p.candidates > maxCandidates
	p.mu.Unlock()
	if tooMany {
		return ErrTooMany
	}
	return p.agent.AddRemoteCandidate(c)
}

// Restart begins ICE anew (RFC 8445 9), under the same keys. Media goes the former way until there is another. An error
// leaves a connection that is not to be used any further.
func (p *Peer) Restart(remoteUfrag, remotePwd string) (Description, error) {
	if remoteUfrag == "" || remotePwd == "" {
		return Description{}, fmt.Errorf("%w: it has no ICE credentials", ErrBadRemote)
	}
	if err := p.agent.Restart("", ""); err != nil {
		return Description{}, fmt.Errorf("cannot restart ICE: %w", err)
	}
	if err := p.agent.SetRemoteCredentials(remoteUfrag, remotePwd); err != nil {
		return Description{}, fmt.Errorf("cannot restart ICE: %w", err)
	}
	if err := p.gather(); err != nil {
		return Description{}, fmt.Errorf("cannot restart ICE: %w", err)
	}
	return p.Local(), nil
}

// Connected is closed when packets can be written.
func (p *Peer) Connected() <-chan struct{} { return p.connected }

// Close ends the connection. It is for one that Run was not called for; after Run it does nothing.
func (p *Peer) Close() {
	p.end(ErrClosed)
	p.state.Store(over)
	_ = p.agent.GracefulClose() // an agent that is closed already says so
}

// sending is what the sending goroutine has.
type sending struct {
	conn  *ice.Conn // set before up
	out   *sealer
	rtcp  *rtcpSealer
	batch *udp.Batch // of what was written and not flushed
	way   way
}
