package httpflv

import "strconv"

// framing is the form in which writes stand in a connection. Its values are comparable, and those that are equal frame
// alike: what was framed for one viewer is then good for all of them.
type framing interface {
	// head appends what stands before a write of so many bytes.
	head(dst []byte, size int) []byte
	// tail is what stands behind it. It is shared.
	tail() []byte
	// end is what says that the response is over, and nil where a cut says it. It is shared.
	end(reason error) []byte
}

// plain is the body of HTTP/1.0: its end is that of the connection.
type plain struct{}

func (plain) head(dst []byte, _ int) []byte { return dst }
func (plain) tail() []byte                  { return nil }
func (plain) end(error) []byte              { return nil }

// chunked is the body of HTTP/1.1, a chunk a write (RFC 9112 7.1).
type chunked struct{}

var (
	lineEnd   = []byte("\r\n")
	lastChunk = []byte("0\r\n\r\n")
)

func (chunked) head(dst []byte, size int) []byte {
	return append(strconv.AppendInt(dst, int64(size), 16), lineEnd...)
}

func (chunked) tail() []byte { return lineEnd }

func (chunked) end(reason error) []byte {
	if isWhole(reason) {
		return lastChunk
	}
	return nil
}
