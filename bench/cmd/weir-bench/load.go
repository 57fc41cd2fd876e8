package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"weir/bench/publish"
	"weir/mux/av"
	"weir/mux/flv"
)

// publishAll starts the streams one after another and tells how long each took to connect, in ms.
func publishAll(ctx context.Context, s *server, set settings) ([]*publish.Session, []float64, error) {
	var sessions []*publish.Session
	var connect []float64
	for i := range set.publish {
		begin := time.Now()
		p, err := publish.Start(ctx, publish.Options{
			URL: fmt.Sprintf("http://%s/whip/bench/s%d", s.http, i), Token: s.token,
			H264: set.h264, Ogg: set.ogg, Loop: true, FPS: 30,
		})
		if err != nil {
			endAll(sessions)
			return nil, nil, fmt.Errorf("cannot publish stream %d: %w", i, err)
		}
		connect = append(connect, float64(time.Since(begin).Microseconds())/1000)
		sessions = append(sessions, p)
	}
	return sessions, connect, nil
}

func endAll(sessions []*publish.Session) {
	for _, p := range sessions {
		p.Close()
	}
}

func sent(sessions []*publish.Session) (packets uint64) {
	for _, p := range sessions {
		packets += p.SentVideo().Packets + p.SentAudio().Packets
	}
	return packets
}

// crowd are the viewers.
type crowd struct {
	bytes atomic.Int64
	all   sync.WaitGroup
	stop  context.CancelFunc

	first []float64 // ms from the request to the first key frame
}

// watchAll lets viewers join one after another.
func watchAll(ctx context.Context, s *server, n int) (*crowd, error) {
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

func join(ctx context.Context, s *server) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.http+"/live/bench/s0.flv", nil)
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

// percentile is the p-th percentile, nearest rank.
func percentile(v []float64, p int) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	return s[max(0, (len(s)*p+99)/100-1)]
}
