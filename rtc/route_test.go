package rtc

import (
	"context"
	"net"
	"testing"

	"github.com/pion/ice/v4"
)

// What an agent writes shows by which socket it leaves and where to; over TCP nothing does.
func TestRoute(t *testing.T) {
	for name, c := range map[string]struct {
		network ice.NetworkType
		want    bool
	}{"UDP": {ice.NetworkTypeUDP4, true}, "TCP": {ice.NetworkTypeTCP4, false}} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, "127.0.0.1:0", "198.51.100.7")
			agent, route, err := e.Routed(true)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = agent.GracefulClose() }()
			other := must(ice.NewAgentWithOptions(ice.WithNetworkTypes([]ice.NetworkType{c.network}), ice.WithIncludeLoopback(),
				ice.WithIPFilter(net.IP.IsLoopback), ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
				ice.WithLoggerFactory(discard())))
			defer func() { _ = other.GracefulClose() }()
			gather(t, agent, nil)
			gather(t, other, func(c ice.Candidate) { _ = agent.AddRemoteCandidate(c) })
			ufrag, pwd, err := other.GetLocalUserCredentials()
			if err != nil {
				t.Fatal(err)
			}
			myUfrag, myPwd, err := agent.GetLocalUserCredentials()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if c.network.IsTCP() { // whoever is active has to know where to
				must(0, other.AddRemoteCandidate(must(ice.NewCandidateHost(&ice.CandidateHostConfig{
					Network: "tcp", Address: "127.0.0.1", Port: e.Port(), Component: 1, TCPType: ice.TCPTypePassive,
				}))))
			}
			must(other.StartDial(myUfrag, myPwd))
			conn := must(agent.Accept(ctx, ufrag, pwd))
			if _, ok := route.Take(); ok {
				t.Error("checks of ICE count")
			}
			must(conn.Write([]byte{128}))
			hop, ok := route.Take()
			if ok != c.want {
				t.Fatalf("there is a route: %t", ok)
			}
			if ok && (hop.Socket != e.sockets[0].sender || hop.To.String() != conn.RemoteAddr().String()) {
				t.Errorf("the route is %v", hop)
			}
			if _, again := route.Take(); again {
				t.Error("it is there twice")
			}
		})
	}
}

func gather(t *testing.T, a *ice.Agent, each func(ice.Candidate)) {
	t.Helper()
	done := make(chan struct{})
	must(0, a.OnCandidate(func(c ice.Candidate) {
		switch {
		case c == nil:
			close(done)
		case each != nil:
			each(c)
		}
	}))
	must(0, a.GatherCandidates())
	<-done
}
