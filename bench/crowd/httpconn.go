package crowd

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// maxBody bounds an answer.
const maxBody = 64 << 20

// ErrAnswer means an HTTP answer that the cheap client does not take: too large, or without a length.
var ErrAnswer = errors.New("the answer has no length or is too large")

// httpConn is a connection that is kept for one request after another (RFC 9112). It is as cheap as a client can be: it
// knows answers with a Content-Length only, as weir's playlists and segments have one.
type httpConn struct {
	conn  net.Conn
	in    *bufio.Reader
	host  string
	agent string
	out   []byte       // scratch
	zip   *gzip.Reader // made when it is first needed
}

// answer is the head of an answer.
type answer struct {
	status, size int
	zipped       bool
}

func dialHTTP(ctx context.Context, addr, agent string) (*httpConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot connect: %w", err)
	}
	return &httpConn{conn: conn, in: bufio.NewReaderSize(conn, 16<<10), host: addr, agent: agent}, nil
}

// get asks for a path and appends the body to dst, or throws it away if dst is nil. It returns the answer's status and
// the body's size on the wire.
func (c *httpConn) get(path string, dst *[]byte) (status, size int, err error) {
	c.out = fmt.Appendf(c.out[:0], "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept-Encoding: gzip\r\n\r\n", path, c.host, c.agent)
	if _, err := c.conn.Write(c.out); err != nil {
		return 0, 0, fmt.Errorf("cannot ask for %s: %w", path, err)
	}
	a, err := c.head()
	if err == nil {
		err = c.body(a, dst)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("cannot get %s: %w", path, err)
	}
	return a.status, a.size, nil
}

func (c *httpConn) head() (answer, error) {
	a := answer{size: -1}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	_, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(rest, []byte(" "))
	if a.status, err = strconv.Atoi(string(code)); err != nil {
		return a, err
	}
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return a, err
		}
		name, value, more := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		switch {
		case !more:
			return a, nil
		case bytes.EqualFold(name, []byte("Content-Length")):
			a.size, err = strconv.Atoi(string(bytes.TrimSpace(value)))
		case bytes.EqualFold(name, []byte("Content-Encoding")):
			a.zipped = true
		}
		if err != nil {
			return a, err
		}
	}
}

func (c *httpConn) body(a answer, dst *[]byte) error {
	if a.size < 0 || a.size > maxBody {
		return ErrAnswer
	}
	if dst == nil {
		_, err := c.in.Discard(a.size)
		return err
	}
	if a.zipped {
		return c.unzip(a.size, dst)
	}
	begin := len(*dst)
	*dst = append(*dst, make([]byte, a.size)...)
	_, err := io.ReadFull(c.in, (*dst)[begin:])
	return err
}

func (c *httpConn) unzip(size int, dst *[]byte) (err error) {
	in := &io.LimitedReader{R: c.in, N: int64(size)}
	if c.zip == nil {
		c.zip, err = gzip.NewReader(in)
	} else {
		err = c.zip.Reset(in)
	}
	if err != nil {
		return err
	}
	out := bytes.NewBuffer(*dst)
	if _, err := io.Copy(out, io.LimitReader(c.zip, maxBody)); err != nil {
		return err
	}
	*dst = out.Bytes()
	_, err = c.in.Discard(int(in.N))
	return err
}

func (c *httpConn) close() { _ = c.conn.Close() }
