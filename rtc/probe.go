package rtc

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

const (
	probeTries = 3
	probeWait  = 300 * time.Millisecond // for the answer of a try
	probeMTU   = 1500                   // bytes of the largest answer
)

// Reach is one of the server's candidates, and whether it answered this machine.
type Reach struct {
	Protocol string // udp or tcp
	Addr     netip.AddrPort
	Answered bool
	Fault    string // why it did not
}

// Probe lists the candidates that an answer would have, and asks each of them from this machine: by a connectivity
// check (RFC 8445 7.2) of an ICE session that is made for it and ends with it.
func (e *Engine) Probe(ctx context.Context) ([]Reach, error) {
	agent, err := e.Agent()
	if err != nil {
		return nil, fmt.Errorf("cannot probe the media port: %w", err)
	}
	defer func() { _ = agent.GracefulClose() }() // nothing was connected
	list, err := reachOf(ctx, agent)
	if err != nil {
		return nil, fmt.Errorf("cannot probe the media port: %w", err)
	}
	ufrag, pwd, err := agent.GetLocalUserCredentials()
	if err != nil {
		return nil, fmt.Errorf("cannot probe the media port: %w", err)
	}
	asker := rand.Text()
	if _, err := agent.StartAccept(asker[:8], asker); err != nil {
		return nil, fmt.Errorf("cannot probe the media port: %w", err)
	}
	credentials := check{username: ufrag + ":" + asker[:8], password: pwd}
	var probes sync.WaitGroup
	for i := range list {
		probes.Go(func() {
			if err := credentials.ask(ctx, &list[i]); err != nil {
				list[i].Fault = err.Error()
				return
			}
			list[i].Answered = true
		})
	}
	probes.Wait()
	return list, nil
}

// reachOf lists an agent's candidates.
func reachOf(ctx context.Context, agent *ice.Agent) ([]Reach, error) {
	done := make(chan struct{})
	err := agent.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			close(done)
		}
	})
	if err == nil {
		err = agent.GatherCandidates()
	}
	if err != nil {
		return nil, err
	}
	select {
	case <-done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	all, err := agent.GetLocalCandidates()
	if err != nil {
		return nil, err
	}
	var list []Reach
	for _, c := range all {
		ip, err := netip.ParseAddr(c.Address())
		if err == nil {
			list = append(list, Reach{Protocol: c.NetworkType().NetworkShort(), Addr: netip.AddrPortFrom(ip, uint16(c.Port()))})
		}
	}
	return list, nil
}

// check is what a connectivity check needs.
type check struct{ username, password string }

var errNoAnswer = errors.New("no answer")

// ask sends checks until one is answered.
func (c check) ask(ctx context.Context, to *Reach) error {
	dialer := net.Dialer{Timeout: probeTries * probeWait}
	conn, err := dialer.DialContext(ctx, to.Protocol, to.Addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	for range probeTries {
		request, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername(c.username),
			stun.NewShortTermIntegrity(c.password), stun.Fingerprint)
		if err != nil {
			return err
		}
		if err := writeSTUN(conn, to.Protocol, request.Raw); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(probeWait)); err != nil {
			return err
		}
		if awaitAnswer(conn, to.Protocol, request) {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return errNoAnswer
}

// awaitAnswer reads until the answer comes, or the deadline. Checks of the server come in between.
func awaitAnswer(conn net.Conn, protocol string, request *stun.Message) bool {
	for {
		b, err := readSTUN(conn, protocol)
		if err != nil {
			return false
		}
		if isAnswer(b, request) {
			return true
		}
	}
}

func isAnswer(b []byte, request *stun.Message) bool {
	m := stun.Message{Raw: b}
	return m.Decode() == nil && m.Type == stun.BindingSuccess && m.TransactionID == request.TransactionID
}

// writeSTUN sends a STUN message; over TCP each has its length before it (RFC 4571 2).
func writeSTUN(conn net.Conn, protocol string, b []byte) error {
	if protocol == "tcp" {
		b = append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
	}
	_, err := conn.Write(b)
	return err
}

func readSTUN(conn net.Conn, protocol string) ([]byte, error) {
	buf := make([]byte, probeMTU)
	if protocol != "tcp" {
		n, err := conn.Read(buf)
		return buf[:n], err
	}
	if _, err := io.ReadFull(conn, buf[:2]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(buf))
	if n > len(buf) {
		return nil, errNoAnswer
	}
	_, err := io.ReadFull(conn, buf[:n])
	return buf[:n], err
}

// carrierNAT is the network between customers and a provider's NAT (RFC 6598).
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// Scope is from where an address can be reached: loopback, link_local, private or public.
func Scope(ip netip.Addr) string {
	ip = ip.Unmap()
	switch {
	case ip.IsLoopback():
		return "loopback"
	case ip.IsLinkLocalUnicast():
		return "link_local"
	case ip.IsPrivate(), carrierNAT.Contains(ip):
		return "private"
	default:
		return "public"
	}
}
