package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"weir/room/dial"
	"weir/room/live"
)

const (
	// askTimeout is how long an origin may take to say whether it has a stream, objectTimeout to give a file, and beginTimeout
	// to begin with a stream that it has: it may be waiting for the stream's first media.
	askTimeout, objectTimeout, beginTimeout = 3 * time.Second, 12 * time.Second, 12 * time.Second
	// preferred is how long a preferred origin is waited for once another one has said that it has the stream.
	preferred = 300 * time.Millisecond
	// troubled is how long an origin comes behind the others after it did not say what it has, or had a stream and gave nothing of it.
	troubled = 5 * time.Second
	// maxObject is how large a file of an origin may be.
	maxObject = 64 << 20
	// maxProblem is how much of an error's text is read so that the connection can be used again.
	maxProblem = 4 << 10
)

// client asks origins.
type client struct {
	node, key string
	origins   []string
	http      *http.Client
	health    *health

	mu      sync.Mutex           // guards trouble
	trouble map[string]time.Time // until when an origin comes behind the others
}

func newClient(node, key string, origins []string, health *health) *client {
	c := &client{node: node, key: key, health: health, trouble: make(map[string]time.Time)}
	for _, o := range origins {
		c.origins = append(c.origins, strings.TrimSuffix(o, "/"))
	}
	transport := &http.Transport{ // no proxy of the environment, and one connection a stream
		DialContext: dial.Trusted.Dialer().DialContext, TLSHandshakeTimeout: 5 * time.Second, DisableCompression: true,
		IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: maxSeeking, Protocols: new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // the key is for this origin alone
	}}
	return c
}

func (c *client) close() { c.http.CloseIdleConnections() }

// address is where an origin has a stream, or a file of it. That of a stream id names no room.
func address(origin string, k live.Key, file ...string) string {
	names := []string{k.App, k.Room, k.Stream}
	if k.IsID() {
		names = []string{k.App, k.Stream}
	}
	names = append(names, file...)
	for i := range names {
		names[i] = url.PathEscape(names[i])
	}
	return origin + "/edge/" + strings.Join(names, "/")
}

// do asks an origin on behalf of the nodes via. The error is live.ErrNoStream when it has not what is asked for.
func (c *client) do(ctx context.Context, method, address string, via []string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot ask an origin: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set(headerVia, strings.Join(append(via[:len(via):len(via)], c.node), ", "))
	resp, err := c.http.Do(req)
	c.health.note(ctx, req.URL.Host, resp, err)
	if err != nil {
		return nil, fmt.Errorf("cannot ask an origin: %w", err)
	}
	switch {
	case resp.StatusCode/100 == 2:
		return resp, nil
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusLoopDetected:
		err = live.ErrNoStream
	default:
		err = fmt.Errorf("cannot ask an origin: it answers %s", resp.Status)
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxProblem) // net/http keeps only connections that were read to the end
	resp.Body.Close()
	return nil, err
}

// answer is what an origin says of a stream.
type answer struct {
	origin int
	live   bool
	err    error
}

// blame has an origin come behind the others for a while.
func (c *client) blame(origin string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble[origin] = time.Now().Add(troubled)
}

// inOrder lists the origins but for except: the first n as they are preferred, those in trouble behind them.
func (c *client) inOrder(except string) (all []string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var good, bad []string
	for _, o := range c.origins {
		switch {
		case o == except:
		case time.Now().Before(c.trouble[o]):
			bad = append(bad, o)
		default:
			good = append(good, o)
		}
	}
	if len(good) == 0 {
		return bad, len(bad)
	}
	return append(good, bad...), len(good)
}

// choose returns the origin to take a stream from: the first that has it live, or else the first that has it, without the one at except.
//
// Errors: live.ErrNoStream when none has it and one says so, ErrOrigin when none could be asked.
func (c *client) choose(ctx context.Context, k live.Key, via []string, except string) (origin string, isLive bool, err error) {
	among, n := c.inOrder(except)
	if len(among) == 0 {
		return "", false, live.ErrNoStream
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	answers := make(chan answer, len(among))
	for i, o := range among {
		asking.Go(func() {
			a := c.ask(ctx, i, address(o, k), via)
			if a.err != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
				c.blame(o) // the next question is not waited for as long
			}
			answers <- a
		})
	}
	best, err := gather(answers, len(among), n)
	if err != nil {
		return "", false, err
	}
	return among[best.origin], best.live, nil
}

// ask asks whether an origin has a stream.
func (c *client) ask(ctx context.Context, i int, address string, via []string) answer {
	resp, err := c.do(ctx, http.MethodHead, address, via)
	if err != nil {
		return answer{origin: i, err: err}
	}
	resp.Body.Close()
	return answer{origin: i, live: resp.Header.Get(headerState) == live.StateLive.String()}
}

// gather chooses among the answers of all origins. A later one's counts once the earlier ones have had a moment; those behind the
// first n have a moment once these have answered.
func gather(answers <-chan answer, all, n int) (best answer, err error) {
	best.origin, err = -1, ErrOrigin
	var enough <-chan time.Time
	for asked := n; all > 0; all-- {
		select {
		case a := <-answers:
			switch {
			case errors.Is(a.err, live.ErrNoStream):
				if best.origin < 0 {
					err = live.ErrNoStream
				}
			case a.err != nil:
			case best.origin < 0, a.live && !best.live, a.live == best.live && a.origin < best.origin:
				best, err = a, nil
			}
			if best.live && best.origin == 0 {
				return best, nil
			}
			if a.origin < asked {
				n--
			}
			if enough == nil && (best.live || n == 0) {
				enough = time.After(preferred)
			}
		case <-enough:
			return best, err
		}
	}
	return best, err
}

// file fetches a file of a stream from an origin.
func (c *client) file(ctx context.Context, origin string, k live.Key, name string, via []string) ([]byte, error) {
	resp, err := c.do(ctx, http.MethodGet, address(origin, k, name), via)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxObject+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s of an origin: %w", name, err)
	}
	if len(b) > maxObject || resp.ContentLength >= 0 && resp.ContentLength != int64(len(b)) {
		return nil, fmt.Errorf("cannot read %s of an origin: %d bytes", name, len(b))
	}
	return b, nil
}

// stream opens a stream at an origin. The body is open until ctx is done.
func (c *client) stream(ctx context.Context, cancel context.CancelCauseFunc, origin string, k live.Key, via []string) (*http.Response, error) {
	timer := time.AfterFunc(beginTimeout, func() { cancel(errLost) })
	defer timer.Stop()
	return c.do(ctx, http.MethodGet, address(origin, k), via)
}

// keyFrame passes on that a key frame is wanted. That it could not be is told by nobody: who wants one asks again.
func (c *client) keyFrame(ctx context.Context, origin string, k live.Key) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	resp, err := c.do(ctx, http.MethodPost, address(origin, k, "keyframe"), nil)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
