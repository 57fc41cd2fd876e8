package e2e

import (
	"net"
	"net/http"
	"net/netip"
	"testing"

	"weir/bench/netsim"
	"weir/bench/publish"
)

// TestLossyViewer: at 2 % loss and 40 ms each way, of 200 pictures at least 190 come to a viewer by WebRTC, whole and
// with all that they depend on. Where the publisher's path is as bad, a picture that a busy machine asks for too late costs
// those up to the next key frame.
func TestLossyViewer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		least int                            // of 200
		at    func(l *lab) *netsim.Namespace // the publisher
	}{
		{"the viewer's path", 190, func(l *lab) *netsim.Namespace { return l.wire.A }},
		{"both paths", 150, func(l *lab) *netsim.Namespace { return l.wire.B }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			src := l.publishAt(t, c.at(l), "loss/cam")
			v := l.watchWHEP(t, "loss/cam")
			v.until(t, 30)
			came, missing := l.watchLossy(t, v, src)
			for range 2 { // on a machine that stood still
				if 200*came >= c.least*(came+missing) {
					break
				}
				came, missing = l.watchLossy(t, v, src)
			}
			if 200*came < c.least*(came+missing) || came+missing < 150 {
				t.Errorf("%d of %d pictures came, want %d of 200", came, came+missing, c.least)
			}
		})
	}
}

// watchLossy makes the wire bad for 290 pictures, and tells how many of 200 among them came and did not.
func (l *lab) watchLossy(t *testing.T, v *watcher, src *source) (came, missing int) {
	t.Helper()
	l.set(t, "loss=2 delay=40ms")
	first, _ := v.newest()
	v.until(t, first+290) // a group, and then those that count
	end, _ := v.newest()
	l.set(t, "")
	v.until(t, end+30) // what is still asked for comes
	came, missing, err := src.follow(v.decodable(first, 200))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d pictures came and %d did not; asked for again: %s", came, missing, l.metric(t, `weir_whep_nacks_total{result="sent"}`))
	return came, missing
}

// publishAt publishes the samples from an end of the wire until the test ends.
func (l *lab) publishAt(t *testing.T, end *netsim.Namespace, path string) *source {
	t.Helper()
	src := new(source)
	session, err := publish.Start(t.Context(), l.optionsAt(end, path, src))
	if err != nil {
		t.Fatalf("cannot publish %s: %v", path, err)
	}
	src.Session = session
	t.Cleanup(session.Close)
	return src
}

// optionsAt are those of a publisher at an end of the wire.
func (l *lab) optionsAt(end *netsim.Namespace, path string, src *source) publish.Options {
	o := l.options(path, src)
	o.HTTP = &http.Client{Transport: &http.Transport{DialContext: end.DialContext, DisableKeepAlives: true}}
	o.Listen = func() (*net.UDPConn, error) { return listenAt(end) }
	return o
}

// listenAt opens a socket at an end of the wire.
func listenAt(end *netsim.Namespace) (conn *net.UDPConn, err error) {
	err = end.Do(func() error {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(end.Addr, 0)))
		return err
	})
	return conn, err
}

// watchWHEP plays a stream at the far end of the wire until the test ends.
func (l *lab) watchWHEP(t *testing.T, path string) *watcher {
	t.Helper()
	conn, err := listenAt(l.wire.B)
	if err != nil {
		t.Fatal(err)
	}
	return watchBy(t, conn, l.http+"/whep/"+path)
}
