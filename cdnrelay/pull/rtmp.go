package pull

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/cdnrelay/rtmp"
	"weir/room/dial"
)

// goodbye is how long a server gets to hear that nobody plays any more.
const goodbye = time.Second

// openRTMP plays a stream of an RTMP server.
func openRTMP(ctx context.Context, from string, guard *dial.Guard, timeout time.Duration, to sink) error {
	patience, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := rtmp.Dial(patience, rtmp.Options{URL: from, Guard: guard, Agent: agent, WriteTimeout: timeout})
	if err != nil {
		return rtmpError(err)
	}
	bye := func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		conn.Close(end)
	}
	stop := context.AfterFunc(ctx, bye) // ends Read
	defer func() {
		if stop() {
			bye()
		}
	}()
	if err := conn.Play(patience); err != nil {
		return rtmpError(err)
	}
	b := bodies{to: to}
	for {
		m, err := conn.Read()
		if err != nil {
			return rtmpError(err)
		}
		if err := b.take(m.Type, m.Time, m.Body); err != nil {
			return err
		}
	}
}

// rtmpError says in the words of sources what an RTMP client says.
func rtmpError(err error) error {
	for _, as := range []struct{ is, to error }{
		{rtmp.ErrAddress, ErrAddress},
		{rtmp.ErrConnect, ErrConnect},
		{rtmp.ErrRefused, ErrRefused},
		{rtmp.ErrTimeout, ErrTimeout},
		{rtmp.ErrOver, ErrOver},
		{rtmp.ErrProtocol, ErrFormat},
	} {
		if errors.Is(err, as.is) {
			return fmt.Errorf("%w: %w", as.to, err)
		}
	}
	return fmt.Errorf("%w: %w", ErrClosed, err)
}
