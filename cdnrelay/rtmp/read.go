package rtmp

import (
	"weir/mux/rtmp"
)

// Watch listens to the server while a stream is published, and returns why it can no longer be. It is to run all that time:
// otherwise pings are not answered.
//
// Errors: ErrRefused, ErrClosed, ErrProtocol, ErrTimeout.
func (c *Conn) Watch() error {
	c.reading.Lock()
	defer c.reading.Unlock()
	for {
		m, err := c.next()
		if err == nil {
			err = c.heard(m)
		}
		if err != nil {
			return err
		}
	}
}

// Read returns the next message of the stream that is played: audio, video or data, with a body that is the caller's own.
//
// Errors: ErrOver, ErrRefused, ErrTimeout when nothing came for Options.Silence, ErrClosed, ErrProtocol.
func (c *Conn) Read() (rtmp.Message, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	for {
		if len(c.parts) > 0 {
			m := c.parts[0]
			c.parts = c.parts[1:]
			return m, nil
		}
		m, err := c.next()
		if err != nil {
			return rtmp.Message{}, err
		}
		switch m.Type {
		case rtmp.TypeAudio, rtmp.TypeVideo, rtmp.TypeData, rtmp.TypeData3:
			return m, nil
		case rtmp.TypeAggregate:
			if c.parts, err = rtmp.AppendParts(c.parts[:0], m); err != nil {
				return rtmp.Message{}, failing(err)
			}
		default:
			if err := c.heard(m); err != nil {
				return rtmp.Message{}, err
			}
		}
	}
}

// heard returns why nothing more can be published or played, if a message says so.
func (c *Conn) heard(m rtmp.Message) error {
	switch m.Type {
	case rtmp.TypeControl:
		if as, _ := c.purpose(); as == playing {
			return ErrOver
		}
		return nil
	case rtmp.TypeCommand, rtmp.TypeCommand3:
	default:
		return nil
	}
	cmd, err := rtmp.ParseCommand(m)
	if err != nil {
		return failing(err)
	}
	if cmd.Name != "onStatus" {
		return nil
	}
	if isError(&cmd) {
		return c.told(reject(&cmd))
	}
	switch cmd.Info()["code"] {
	case "NetStream.Play.Stop", "NetStream.Play.Complete", "NetStream.Play.UnpublishNotify":
		return ErrOver
	case "NetConnection.Connect.Closed":
		return ErrClosed
	}
	return nil
}
