package pull

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"weir/room/dial"
)

// open connects to an address and hands what comes to a sink, until one of them or ctx fails. Errors hold nothing that is
// secret in the address.
func open(ctx context.Context, from string, guard *dial.Guard, timeout time.Duration, to sink) error {
	u, err := url.Parse(from)
	if err != nil {
		return ErrAddress // what Parse says has the address in it
	}
	switch u.Scheme {
	case "http", "https":
		return openHTTP(ctx, u, guard, timeout, to)
	case "rtmp", "rtmps":
		return openRTMP(ctx, from, guard, timeout, to)
	default:
		return fmt.Errorf("%w: its scheme is unknown", ErrAddress)
	}
}
