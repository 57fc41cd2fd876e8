package e2e

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"weir/bench/netsim"
	"weir/bench/publish"
	"weir/testdata"
)

// lab is a server at one end of a bad wire. Its viewers are at the same end, so that only the publisher's way is bad.
type lab struct {
	*server
	wire *netsim.Wire
}

// labs counts, so that each has a network of its own.
var labs atomic.Uint32

// newLab starts a server with its settings at one end of a perfect wire. All is ended with the test.
func newLab(t *testing.T, settings ...string) *lab {
	t.Helper()
	n := labs.Add(1)
	network := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 231, byte(n), 0}), 24)
	wire, err := netsim.New(network, netsim.Seed(n))
	if errors.Is(err, netsim.ErrUnable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	carried := make(chan error, 1)
	go func() { carried <- wire.Run(ctx) }()
	host := wire.A.Addr.String()
	dialers.Store(host, wire.A.DialContext)
	t.Cleanup(func() {
		there, back := wire.Stats()
		t.Logf("the wire carried to the server %+v, and back %+v", back, there)
		dialers.Delete(host)
		cancel()
		if err := <-carried; err != nil {
			t.Errorf("the wire ended with %v", err)
		}
	})
	at := net.JoinHostPort(host, "0")
	settings = append([]string{"WEIR_HTTP_LISTEN=" + at, "WEIR_ADMIN_LISTEN=" + at, "WEIR_WEBRTC_LISTEN=" + at}, settings...)
	launch := func(cmd *exec.Cmd) error { return wire.A.Do(cmd.Start) }
	return &lab{startWith(t, launch, settings...), wire}
}

// set changes the wire's conditions, see netsim.Conditions.Set.
func (l *lab) set(t *testing.T, words string) {
	t.Helper()
	var c netsim.Conditions
	if err := c.Set(words); err != nil {
		t.Fatal(err)
	}
	l.wire.Set(c)
}

// options are those of a publisher at the far end that remembers its slices in src.
func (l *lab) options(path string, src *source) publish.Options {
	return publish.Options{
		URL: l.http + "/whip/" + path, Token: l.token, Loop: true, StapA: true, RTX: true, OnNAL: src.note,
		H264: testdata.Path("bars-360p.h264"), Ogg: testdata.Path("tone.ogg"),
		HTTP: &http.Client{Transport: &http.Transport{DialContext: l.wire.B.DialContext, DisableKeepAlives: true}},
		Listen: func() (conn *net.UDPConn, err error) {
			err = l.wire.B.Do(func() error {
				conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(l.wire.B.Addr, 0)))
				return err
			})
			return conn, err
		},
	}
}

// publish publishes the samples from the far end until the test ends.
func (l *lab) publish(t *testing.T, path string) *source {
	t.Helper()
	src := new(source)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	session, err := publish.Start(ctx, l.options(path, src))
	if err != nil {
		t.Fatalf("cannot publish %s: %v", path, err)
	}
	src.Session = session
	t.Cleanup(session.Close)
	return src
}

// file writes the segments that the player has kept to a file.
func (p *player) file(t *testing.T) string {
	t.Helper()
	if len(p.inits) != 1 {
		t.Fatalf("%d initialization segments, want 1: nothing has changed", len(p.inits))
	}
	var all []byte
	for _, init := range p.inits {
		all = append(all, init...)
	}
	for _, s := range p.segments {
		all = append(all, s.data...)
	}
	path := filepath.Join(t.TempDir(), "capture.mp4")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// follow checks that the pictures are the source's, each whole and decodable: it is the next one that was sent, or a
// key frame. The last key frame may stand there again, when no picture came for long. It tells how many of those that
// were sent between the first and the last came, and how many did not.
func (s *source) follow(arrived [][]byte) (came, missing int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, still, key := -1, false, [32]byte{}
	for i, nal := range arrived {
		if sum := sha256.Sum256(nal); i > 0 && sum == key {
			still = true
			continue
		}
		next := s.nextLocked(at+1, nal)
		switch {
		case next < 0:
			return 0, 0, fmt.Errorf("picture %d of %d is none that was sent behind the one before it", i, len(arrived))
		case s.slices[next].key:
			key, still = s.slices[next].sum, false
		case next != at+1 || still:
			return 0, 0, fmt.Errorf("picture %d of %d refers to one of the %d that are missing before it", i, len(arrived), next-at-1)
		}
		if i > 0 {
			missing += next - at - 1
		}
		came++
		at = next
	}
	return came, missing, nil
}

// nextLocked finds a slice at or behind a place; -1 if there is none.
func (s *source) nextLocked(from int, nal []byte) int {
	sum := sha256.Sum256(nal)
	for i := from; i < len(s.slices); i++ {
		if s.slices[i].sum == sum {
			return i
		}
	}
	return -1
}
