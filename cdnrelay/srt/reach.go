package srt

import (
	"context"
	"errors"
	"net"
	"net/url"
	"time"

	"weir/cdnrelay/push"
)

// maxAddresses is how many addresses of a name are tried.
const maxAddresses = 8

// reach connects to the first of a host's addresses that answers. A UDP socket is connected to any of them at once, whoever is
// there: a name that has IPv6 would lead nowhere if its listener has IPv4 alone.
func reach(ctx context.Context, t *push.Target, set *settings, source source, all []string) (*session, error) {
	var failed error
	for i, address := range all {
		try, cancel := share(ctx, len(all)-i)
		s, err := call(try, t, set, source, address)
		cancel()
		if err == nil {
			return s, nil
		}
		if failed == nil || errors.Is(failed, push.ErrAddress) || !silent(err) { // that one may not be connected to says nothing of others
			failed = err
		}
		if ctx.Err() != nil || !silent(err) {
			break
		}
	}
	return nil, failed
}

// addressesOf are those of a host in the order in which they are to be tried, with the port.
func addressesOf(ctx context.Context, u *url.URL) ([]string, error) {
	found, err := net.DefaultResolver.LookupIPAddr(ctx, u.Hostname())
	if err != nil {
		return nil, err
	}
	all := make([]string, min(len(found), maxAddresses))
	for i := range all {
		all[i] = net.JoinHostPort(found[i].String(), u.Port())
	}
	return all, nil
}

// share is the time for one of so many tries.
func share(ctx context.Context, tries int) (context.Context, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(tries))
}

// silent tells whether no listener has answered.
func silent(err error) bool {
	return errors.Is(err, push.ErrConnect) || errors.Is(err, push.ErrTimeout) || errors.Is(err, push.ErrAddress)
}

// call connects to one address.
func call(ctx context.Context, t *push.Target, set *settings, source source, address string) (*session, error) {
	conn, err := t.Guard.Dialer().DialContext(ctx, "udp", address)
	if err != nil {
		return nil, failure(ctx, err)
	}
	s := newSession(conn, t, source)
	if err := s.shake(ctx, set); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}
