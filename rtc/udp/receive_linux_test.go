package udp

import "testing"

// Datagrams that are larger than any of WebRTC are passed over, and do not end the reading.
func TestReceiverPassesOverGiants(t *testing.T) {
	conn, to := open(t, "udp4", "127.0.0.1:0")
	sender, _ := open(t, "udp4", "127.0.0.1:0")
	r, err := NewReceiver(conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{receiveSize + 1, 7} {
		if _, err := sender.WriteToUDPAddrPort(make([]byte, size), to); err != nil {
			t.Fatal(err)
		}
	}
	if n, _, err := r.ReadFromAddrPort(make([]byte, receiveSize)); err != nil || n != 7 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if !r.Drained() {
		t.Error("the socket has more, it says")
	}
}
