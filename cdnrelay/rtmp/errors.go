package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"weir/mux/rtmp"
	"weir/room/dial"
)

// How a connection fails. None of the texts holds what is secret in an address.
var (
	// ErrAddress means that an address is none of RTMP, or one that must not be connected to.
	ErrAddress = errors.New("not an address to connect to")
	// ErrConnect means that no connection came about.
	ErrConnect = errors.New("cannot connect")
	// ErrRefused means that the server refuses what it was asked for; its reason follows.
	ErrRefused = errors.New("the server refuses")
	// ErrTimeout means that the server did not answer in time, sent nothing or took nothing.
	ErrTimeout = errors.New("the server does not answer in time")
	// ErrClosed means that the server closed the connection, or it broke.
	ErrClosed = errors.New("the connection was lost")
	// ErrProtocol means that the server does not keep to RTMP, or sends more than is taken.
	ErrProtocol = errors.New("the server does not keep to RTMP")
	// ErrOver means that what was played is over, as the server says.
	ErrOver = errors.New("the stream is over")
)

// dialing says how a connection did not come about.
func dialing(err error) error {
	switch {
	case errors.Is(err, dial.ErrAddress):
		return fmt.Errorf("%w: %w", ErrAddress, err)
	case isTimeout(err):
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	default:
		return fmt.Errorf("%w: %w", ErrConnect, err)
	}
}

// failing says how a connection failed.
func failing(err error) error {
	switch {
	case errors.Is(err, rtmp.ErrProtocol), errors.Is(err, rtmp.ErrTooMuch):
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	case isTimeout(err):
		return ErrTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return ErrClosed
	default:
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
}

func isTimeout(err error) bool {
	var slow net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout()
}
