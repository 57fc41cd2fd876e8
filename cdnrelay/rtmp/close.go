package rtmp

import (
	"context"
	"io"
	"time"

	"weir/mux/rtmp"
)

// linger is how long the server has to read a goodbye.
const linger = 2 * time.Second

// Close says goodbye while ctx allows, and closes the connection, so that Watch and Read end. A server that was published to
// gets time to read all that was written: data that is still on its way to us would otherwise reset the connection.
func (c *Conn) Close(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { _ = c.conn.Close() })
	defer stop()
	defer func() { _ = c.conn.Close() }()
	use, stream := c.purpose()
	if stream == 0 || c.goodbye(use, stream) != nil || use != publishing {
		return
	}
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.conn.SetReadDeadline(time.Now().Add(linger)) != nil {
		return
	}
	c.reading.Lock() // by now Watch ends, if it has not yet
	defer c.reading.Unlock()
	_, _ = io.Copy(io.Discard, io.LimitReader(c.conn, maxDrain)) // its end, whatever it is, is the end
}

// goodbye ends the message stream (7.2.2.3). No answer is waited for, so the transactions have no number.
func (c *Conn) goodbye(as use, stream uint32) error {
	if as == publishing {
		c.add(rtmp.NewCommand(0, "FCUnpublish", 0.0, nil, c.target.name))
	}
	return c.send(rtmp.NewCommand(0, "deleteStream", 0.0, nil, float64(stream)))
}
