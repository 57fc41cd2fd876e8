package receive

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// The ports that are tried lie below those that kernels give to who asks for any, so that no other test gets one of
// them while its program is not listening yet, or is down for a while.
const firstPort, lastPort = 20000, 32000

// port is one where nobody listens, neither on TCP nor on UDP.
func port() (int, error) {
	for range 100 {
		n := firstPort + rand.IntN(lastPort-firstPort)
		if free(n) {
			return n, nil
		}
	}
	return 0, errors.New("no port is free")
}

func free(n int) bool {
	address := fmt.Sprintf("127.0.0.1:%d", n)
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	_ = l.Close()
	u, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	_ = u.Close()
	return true
}
