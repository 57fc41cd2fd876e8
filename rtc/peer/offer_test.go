package peer

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"weir/rtc"
)

// side is a peer whose Run is under way.
type side struct {
	*Peer
	reports chan []rtcp.Packet
	over    chan error
	stop    context.CancelFunc
}

func newSide(t *testing.T, o Options) *side {
	t.Helper()
	s := &side{reports: make(chan []rtcp.Packet, 16), over: make(chan error, 1)}
	o.Log, o.Loopback = slog.New(slog.DiscardHandler), true
	o.Feedback = func(list []rtcp.Packet) { s.reports <- list }
	var err error
	if s.Peer, err = New(o); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *side) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.over <- s.Run(ctx)
	}()
	t.Cleanup(func() { stop(); <-done })
	s.stop = stop
}

// remoteOf is what a description says to the other side.
func remoteOf(d Description) Remote {
	return Remote{Ufrag: d.Ufrag, Pwd: d.Pwd, Fingerprints: []string{d.Fingerprint}, Setup: d.Setup}
}

// negotiate has one side offer and the other answer; change, unless nil, alters what the answer says.
func negotiate(t *testing.T, o Options, change func(*Remote)) (offers, answers *side) {
	t.Helper()
	o.Engine = newEngine(t, rtc.Options{})
	offers = newSide(t, o)
	offer := offers.Local()
	if offer.Setup != "actpass" { // RFC 5763 5
		t.Errorf("the offer's setup is %q", offer.Setup)
	}
	remote := remoteOf(offer)
	answers = newSide(t, Options{Engine: newEngine(t, rtc.Options{}), Remote: &remote})
	answer := answers.Local()
	remote = remoteOf(answer)
	if change != nil {
		change(&remote)
	}
	if err := offers.SetRemote(remote); err != nil {
		t.Fatal(err)
	}
	for _, c := range offer.Candidates {
		if err := answers.AddCandidate(c); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range answer.Candidates {
		if err := offers.AddCandidate(c); err != nil {
			t.Fatal(err)
		}
	}
	offers.run(t)
	answers.run(t)
	return offers, answers
}

// TestOffer connects a side that offers with one that answers, and hears what goes either way.
func TestOffer(t *testing.T) {
	offers, answers := negotiate(t, Options{}, nil)
	for _, s := range []*side{offers, answers} {
		select {
		case <-s.Connected():
		case err := <-s.over:
			t.Fatal(err)
		case <-time.After(patience):
			t.Fatal("it did not connect")
		}
	}
	wish, err := (&rtcp.PictureLossIndication{MediaSSRC: videoSSRC}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range [][2]*side{{offers, answers}, {answers, offers}} {
		if err := errors.Join(way[0].WriteRTCP(wish), way[0].Flush()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-way[1].reports:
		case <-time.After(patience):
			t.Fatal("nothing was heard")
		}
	}
	answers.stop()
	if err := <-offers.over; !errors.Is(err, ErrGone) {
		t.Errorf("the end is %v", err)
	}
}

// TestNotAllowed: no packet goes to an address that is not allowed, also where the other side asks from there.
func TestNotAllowed(t *testing.T) {
	allow := func(a netip.Addr) bool { return !a.IsLoopback() }
	offers, _ := negotiate(t, Options{Allow: allow, Setup: 2 * time.Second}, nil)
	if err := <-offers.over; !errors.Is(err, ErrNoPath) {
		t.Errorf("the end is %v", err)
	}
}

func TestOtherFingerprint(t *testing.T) {
	offers, _ := negotiate(t, Options{}, func(r *Remote) {
		digit := &r.Fingerprints[0]
		last := (*digit)[len(*digit)-1]
		*digit = (*digit)[:len(*digit)-1] + string("10"[b2i(last == '1')])
	})
	if err := <-offers.over; !errors.Is(err, ErrFingerprint) {
		t.Errorf("the end is %v", err)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestSetRemoteRefuses(t *testing.T) {
	s := newSide(t, Options{Engine: newEngine(t, rtc.Options{})})
	defer s.Close()
	good := remoteOf(s.Local())
	good.Setup = "active"
	for name, change := range map[string]func(*Remote){
		"RFC 5763 5: an answer is active or passive": func(r *Remote) { r.Setup = "actpass" },
		"no credentials":   func(r *Remote) { r.Ufrag = "" },
		"no fingerprint":   func(r *Remote) { r.Fingerprints = nil },
		"nonsense in one":  func(r *Remote) { r.Fingerprints = []string{"sha-256 zz"} },
		"no setup at all":  func(r *Remote) { r.Setup = "" },
		"credentials half": func(r *Remote) { r.Pwd = "" },
	} {
		r := good
		change(&r)
		if err := s.SetRemote(r); !errors.Is(err, ErrBadRemote) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
