package crowd

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"weir/mux/av"
	"weir/mux/flv"
)

// FLVProbe is one viewer of HTTP-FLV that reads every tag.
type FLVProbe struct {
	*Record

	addr, path string
	awake      sync.RWMutex // read-locked around every read; locked while the viewer is stopped
}

// stoppable is a connection that is not read while its viewer is stopped.
type stoppable struct {
	net.Conn
	awake *sync.RWMutex
}

// NewFLVProbe is a viewer of http://addr/path.
func NewFLVProbe(addr, path string, p Source) *FLVProbe {
	return &FLVProbe{Record: newRecord(p), addr: addr, path: path}
}

// Stop stops the viewer from reading, as a suspended browser does, until Continue.
func (v *FLVProbe) Stop() { v.awake.Lock() }

// Continue is the opposite of Stop.
func (v *FLVProbe) Continue() { v.awake.Unlock() }

// Read implements io.Reader: it reads the connection while the viewer is not stopped.
func (c stoppable) Read(b []byte) (int, error) {
	c.awake.RLock()
	defer c.awake.RUnlock()
	return c.Conn.Read(b)
}

// Run joins and watches until ctx ends, which is no error, or the response does.
func (v *FLVProbe) Run(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", v.addr)
	if err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer func() { _ = conn.Close() }()
	return unasked(ctx, v.watch(stoppable{conn, &v.awake}))
}

// unasked is the error that something ended with, but nil when ctx has ended it: that was asked for.
func unasked(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

func (v *FLVProbe) watch(conn net.Conn) error {
	if _, err := conn.Write(request(v.addr, v.path)); err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("cannot join: %s", resp.Status)
	}
	return v.frames(resp.Body)
}

func (v *FLVProbe) frames(body io.Reader) error {
	tags := flv.NewDemuxer(body)
	for {
		f, err := tags.Next()
		if err != nil {
			return fmt.Errorf("cannot watch: %w", err)
		}
		if f.Kind == av.KindMedia && f.Codec == av.CodecH264 {
			each(f.Data, v.saw)
		}
	}
}

// each calls see with the NAL units of a length-prefixed buffer.
func each(data []byte, see func(nal []byte)) {
	for len(data) > 4 {
		n := binary.BigEndian.Uint32(data)
		if data = data[4:]; uint64(n) > uint64(len(data)) {
			return
		}
		see(data[:n])
		data = data[n:]
	}
}

func request(host, path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: weir-bench\r\n\r\n", path, host)
}
