package rtmp

import (
	"net"
	"sync"
	"time"

	"weir/mux/rtmp"
)

const (
	outChunk       = 4096
	writeTimeout   = 5 * time.Second
	lingerTimeout  = 2 * time.Second
	publishStream  = 1 // the one message stream that createStream gives out
	maxDescription = 256
)

// writer sends our few messages, each by one write. It may be used by several goroutines.
type writer struct {
	conn net.Conn

	mu    sync.Mutex // guards the fields below
	buf   []byte
	chunk int
}

func newWriter(conn net.Conn) *writer { return &writer{conn: conn, chunk: rtmp.DefaultChunk} }

// send sends a message in as many chunks as it needs.
func (w *writer) send(m rtmp.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = rtmp.AppendMessage(w.buf[:0], m, w.chunk)
	if m.Type == rtmp.TypeChunkSize {
		w.chunk = outChunk
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := w.conn.Write(w.buf)
	return err
}

func (w *writer) command(stream uint32, values ...any) error {
	return w.send(rtmp.NewCommand(stream, values...))
}

// status is an onStatus (7.2.2) of the publish stream.
func (w *writer) status(level, code, description string) error {
	return w.command(publishStream, "onStatus", 0.0, nil, []rtmp.Property{
		rtmp.Prop("level", level), rtmp.Prop("code", code), rtmp.Prop("description", description[:min(len(description), maxDescription)]),
	})
}
