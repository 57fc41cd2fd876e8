package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"weir/bench/measure"
	"weir/mux/av"
	"weir/mux/flv"
)

// crowd are the viewers.
type crowd struct {
	bytes atomic.Int64
	all   sync.WaitGroup
	stop  context.CancelFunc

	first []float64 // ms from the request to the first key frame
}

// watchAll lets viewers join one after another.
func watchAll(ctx context.Context, s *measure.Server, n int) (*crowd, error) {
	c := new(crowd)
	ctx, c.stop = context.WithCancel(ctx)
	for range n {
		begin := time.Now()
		body, err := join(ctx, s)
		if err != nil {
			c.stop()
			return nil, err
		}
		first, err := c.firstKey(body)
		if err != nil {
			c.stop()
			return nil, err
		}
		c.first = append(c.first, float64(first.Sub(begin).Microseconds())/1000)
		c.all.Go(func() { c.drain(body) })
	}
	stop := c.stop
	c.stop = func() { stop(); c.all.Wait() }
	return c, nil
}

func join(ctx context.Context, s *measure.Server) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.HTTP+"/live/bench/s0.flv", nil)
	if err != nil {
		return nil, err
	}
	tr := &http.Transport{DialContext: (&net.Dialer{}).DialContext, ReadBufferSize: 4 << 10}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("a viewer got %s", resp.Status)
	}
	return resp.Body, nil
}

// firstKey reads up to the first key frame.
func (c *crowd) firstKey(body io.Reader) (time.Time, error) {
	tags := flv.NewDemuxer(bufio.NewReader(body))
	for {
		f, err := tags.Next()
		if err != nil {
			return time.Time{}, err
		}
		if f.Kind == av.KindMedia && f.Key && f.Codec.IsVideo() {
			return time.Now(), nil
		}
	}
}

func (c *crowd) drain(body io.ReadCloser) {
	defer body.Close() //nolint:errcheck // read only
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		c.bytes.Add(int64(n))
		if err != nil {
			return
		}
	}
}
