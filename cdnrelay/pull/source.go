package pull

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"weir/room/dial"
)

// guards say where connections may lead.
type guards struct {
	source *dial.Guard // to the host of the source's address
	others *dial.Guard // to whatever that host names: by redirects, and in playlists
}

// to is the guard of connections to a host.
func (g guards) to(host, source string) *dial.Guard {
	if host == source {
		return g.source
	}
	return g.others
}

// open connects to an address and hands what comes to a sink, until one of them or ctx fails. Of what was seen it plays nothing
// again. Errors hold nothing that is secret in the address.
func open(ctx context.Context, from string, by guards, timeout time.Duration, seen places, to sink) error {
	u, err := url.Parse(from)
	if err != nil {
		return ErrAddress // what Parse says has the address in it
	}
	switch u.Scheme {
	case "http", "https":
		return openHTTP(ctx, u, by, timeout, seen, to)
	case "rtmp", "rtmps":
		return openRTMP(ctx, from, by.source, timeout, to)
	default:
		return fmt.Errorf("%w: its scheme is unknown", ErrAddress)
	}
}
