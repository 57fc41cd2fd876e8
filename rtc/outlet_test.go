package rtc

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/pion/ice/v4"
)

// TestOutgoing has one engine connect several times to another one, whose media port tells sessions apart by where their
// packets come from: each gets its own, and the way past the agent is known.
func TestOutgoing(t *testing.T) {
	from, to := newEngine(t, "127.0.0.1:0"), newEngine(t, "127.0.0.1:0")
	const sessions = 4
	var out, in [sessions]*ice.Conn
	var routes [sessions]*Route
	for i := range sessions {
		out[i], routes[i], in[i] = connectOut(t, from, to)
	}
	for i, c := range out {
		must(c.Write(fmt.Appendf([]byte{128}, "%d", i)))
		hop, ok := routes[i].Take()
		if !ok || hop.To.String() != c.RemoteAddr().String() {
			t.Errorf("the route of session %d is %v", i, hop)
		}
		if local := c.LocalAddr().(*net.UDPAddr); local.Port == from.Port() || !local.IP.IsLoopback() {
			t.Errorf("session %d leaves by %v", i, local)
		}
	}
	for i, c := range in {
		var b [100]byte
		must(0, c.SetReadDeadline(time.Now().Add(patience)))
		if got := string(b[1:must(c.Read(b[:]))]); got != fmt.Sprint(i) {
			t.Errorf("session %d gets what %s sent", i, got)
		}
	}
}

// connectOut connects two engines' agents.
func connectOut(t *testing.T, from, to *Engine) (out *ice.Conn, route *Route, in *ice.Conn) {
	t.Helper()
	client, route, err := from.Outgoing(true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.GracefulClose() })
	server, _, err := to.Routed(true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.GracefulClose() })
	gather(t, client, func(c ice.Candidate) { must(0, server.AddRemoteCandidate(c)) })
	gather(t, server, func(c ice.Candidate) { must(0, client.AddRemoteCandidate(c)) })
	clientUfrag, clientPwd, err := client.GetLocalUserCredentials()
	if err != nil {
		t.Fatal(err)
	}
	serverUfrag, serverPwd, err := server.GetLocalUserCredentials()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	in = must(server.StartAccept(clientUfrag, clientPwd))
	out = must(client.Dial(ctx, serverUfrag, serverPwd))
	must(0, server.AwaitConnect(ctx))
	return out, route, in
}

// TestOutgoingAddresses: what goes out keeps to the addresses of the media port, and to loopback only where that is asked for.
func TestOutgoingAddresses(t *testing.T) {
	for name, c := range map[string]struct {
		listen   string
		loopback bool
		want     func(net.IP) bool
	}{
		"one address":             {"127.0.0.1:0", true, net.IPv4(127, 0, 0, 1).Equal},
		"loopback alone, outside": {"127.0.0.1:0", false, func(net.IP) bool { return false }},
		"all":                     {"0.0.0.0:0", true, func(ip net.IP) bool { return ip.To4() != nil }},
		"all, outside":            {"0.0.0.0:0", false, func(ip net.IP) bool { return ip.To4() != nil && !ip.IsLoopback() }},
	} {
		t.Run(name, func(t *testing.T) {
			agent, _, err := newEngine(t, c.listen).Outgoing(c.loopback)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = agent.GracefulClose() }()
			var got []net.IP
			gather(t, agent, func(c ice.Candidate) { got = append(got, net.ParseIP(c.Address())) })
			if i := slices.IndexFunc(got, func(ip net.IP) bool { return !c.want(ip) }); i >= 0 {
				t.Errorf("it goes out by %v", got)
			}
			if c.loopback && len(got) == 0 {
				t.Error("it goes out by no address")
			}
		})
	}
}
