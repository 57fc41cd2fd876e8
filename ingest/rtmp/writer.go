package rtmp

import (
	"encoding/binary"
	"net"
	"sync"
	"time"
)

// Message types (Adobe RTMP 5.4, 7.1).
const (
	typeChunkSize  = 1
	typeAbort      = 2
	typeAck        = 3
	typeControl    = 4
	typeWindow     = 5
	typeBandwidth  = 6
	typeAudio      = 8
	typeVideo      = 9
	typeCommand3   = 17 // AMF3, whose commands are AMF0 behind a zero byte
	typeCommand    = 20
	controlBegin   = 0
	controlPing    = 6
	controlPong    = 7
	csidControl    = 2
	csidCommand    = 3
	outChunk       = 4096
	windowSize     = 2_500_000 // bytes that a client may send unacknowledged, as we announce it
	minWindow      = 64 << 10  // a smaller one that a client asks for would cost a write for every read
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

func newWriter(conn net.Conn) *writer { return &writer{conn: conn, chunk: defaultChunk} }

// send sends a message in as many chunks as it needs.
func (w *writer) send(csid, typ byte, stream uint32, body []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.buf[:0]
	b = append(b, csid, 0, 0, 0, byte(len(body)>>16), byte(len(body)>>8), byte(len(body)), typ)
	b = binary.LittleEndian.AppendUint32(b, stream)
	for len(body) > w.chunk {
		b = append(append(b, body[:w.chunk]...), 3<<6|csid)
		body = body[w.chunk:]
	}
	b = append(b, body...)
	w.buf = b
	if typ == typeChunkSize {
		w.chunk = outChunk
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := w.conn.Write(b)
	return err
}

func (w *writer) number(typ byte, v uint32, more ...byte) error {
	return w.send(csidControl, typ, 0, append(binary.BigEndian.AppendUint32(nil, v), more...))
}

func (w *writer) control(event uint16, data []byte) error {
	return w.send(csidControl, typeControl, 0, append(binary.BigEndian.AppendUint16(nil, event), data...))
}

func (w *writer) command(stream uint32, values ...any) error {
	return w.send(csidCommand, typeCommand, stream, appendAMF(nil, values...))
}

// status is an onStatus (7.2.2) of the publish stream.
func (w *writer) status(level, code, description string) error {
	return w.command(publishStream, "onStatus", 0.0, nil, []property{
		{"level", level}, {"code", code}, {"description", description[:min(len(description), maxDescription)]},
	})
}
