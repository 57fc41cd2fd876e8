package segmenter

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// zipped is a text that is compressed once, when the first viewer asks for it so.
type zipped struct {
	once sync.Once
	data []byte
}

// zippers are writers that have their tables already: those of a new one are a megabyte.
var zippers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one that there is
	return w
}}

// of returns the compressed text, which is always the same.
func (z *zipped) of(text []byte) []byte {
	z.once.Do(func() {
		var out bytes.Buffer
		w := zippers.Get().(*gzip.Writer)
		defer zippers.Put(w)
		w.Reset(&out)
		_, _ = w.Write(text) // a Buffer takes everything
		_ = w.Close()
		z.data = out.Bytes()
	})
	return z.data
}

// takesGzip tells whether a client accepts gzip (RFC 9110 12.5.3).
func takesGzip(r *http.Request) bool {
	for _, list := range r.Header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(list, ",") {
			name, params, _ := strings.Cut(coding, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				return weight(params) > 0
			}
		}
	}
	return false
}

// weight is the q of a list's member: 1 when there is none, 0 when it cannot be read.
func weight(params string) float64 {
	name, value, ok := strings.Cut(strings.TrimSpace(params), "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil {
		return 0
	}
	return q
}
