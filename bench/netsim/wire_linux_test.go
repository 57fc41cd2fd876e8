package netsim

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// newWire makes a wire that is taken down with the test.
func newWire(t *testing.T) *Wire {
	t.Helper()
	w, err := New(netip.MustParsePrefix("10.231.77.0/30"), 1)
	if errors.Is(err, ErrUnable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the wire ended with %v", err)
		}
	})
	return w
}

// listen opens a UDP socket at the end.
func listen(t *testing.T, n *Namespace) (conn *net.UDPConn) {
	t.Helper()
	err := n.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(n.Addr, 0)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestWire(t *testing.T) {
	w := newWire(t)
	server := listen(t, w.A)
	go func() { // an echo, until the socket is closed
		buf := make([]byte, mtu)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(buf[:n], from)
		}
	}()
	client, err := w.B.DialContext(t.Context(), "udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c := Conditions{Delay: 20 * time.Millisecond}
	w.Set(c)
	if took := ping(t, client, "hello"); took < 40*time.Millisecond {
		t.Errorf("there and back took %v over a wire of 20 ms each way", took)
	}
	c.BlackHole = true
	w.Set(c)
	if _, err := client.Write([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	look, limit := time.NewTicker(time.Millisecond), time.After(patience)
	defer look.Stop()
	for there, _ := w.Stats(); there.Swallowed == 0; there, _ = w.Stats() {
		select {
		case <-look.C:
		case <-limit:
			t.Fatal("the black hole swallows nothing")
		}
	}
	w.Set(Conditions{})
	ping(t, client, "back")
	if there, back := w.Stats(); there.Delivered < 2 || back.Delivered < 2 {
		t.Errorf("%+v there, %+v back", there, back)
	}
}

func ping(t *testing.T, conn net.Conn, word string) time.Duration {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if _, err := conn.Write([]byte(word)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, mtu)
	n, err := conn.Read(buf)
	if err != nil || string(buf[:n]) != word {
		t.Fatalf("%q came back as %q: %v", word, buf[:n], err)
	}
	return time.Since(begin)
}

// TestProcess: a process that is started in a namespace sees that network and no other.
func TestProcess(t *testing.T) {
	w := newWire(t)
	var out []byte
	err := w.B.Do(func() (err error) {
		out, err = exec.Command("cat", "/proc/net/dev").Output()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var devices []string
	for line := range strings.Lines(string(out)) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			devices = append(devices, strings.TrimSpace(name))
		}
	}
	for _, name := range devices {
		if name == "eth0" {
			t.Errorf("the process sees %q", devices)
		}
	}
	if len(devices) < 2 {
		t.Errorf("the process sees %q", devices)
	}
}
