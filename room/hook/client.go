package hook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"weir/room/dial"
)

const (
	// maxAnswer bounds what a receiver may answer: a message of 12 KB with room for escapes.
	maxAnswer = 64 << 10
	// maxConns bounds connections to one receiver; those that are idle are kept for a while.
	maxConns = 64
)

// client sends requests. Answers and headers are bounded, redirects are not followed, and no proxy of the environment
// is asked, since it would resolve the names.
type client struct{ http *http.Client }

// newClient returns a client that calls the addresses that a guard lets pass.
func newClient(guard *dial.Guard) client {
	return client{&http.Client{
		Transport: &http.Transport{
			DialContext:            guard.Dialer().DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    5 * time.Second,
			MaxConnsPerHost:        maxConns,
			MaxIdleConnsPerHost:    maxConns,
			MaxIdleConns:           1024,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 16 << 10,
			DisableCompression:     true, // an answer is as long as it says
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// post sends JSON and reads the answer whole, so that the connection can be used again. A failure has a reason.
func (c client) post(ctx context.Context, to string, header map[string]string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0, nil, &failure{reason: reasonAddress, err: errMalformed}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "weir")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, transportFailure(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return resp.StatusCode, nil, transportFailure(err)
	case len(answer) > maxAnswer:
		return resp.StatusCode, nil, &failure{reason: reasonAnswer, err: errLong}
	}
	return resp.StatusCode, answer, nil
}

var (
	errMalformed = errors.New("malformed address")
	errLong      = errors.New("the answer is too long")
)

// transportFailure sorts what net/http returns.
func transportFailure(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) { // it shows the address, which may hold a secret
		err = outer.Err
	}
	var timeout net.Error
	switch {
	case errors.Is(err, dial.ErrAddress):
		return &failure{reason: reasonAddress, err: dial.ErrAddress}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &failure{reason: reasonTimeout}
	default:
		return &failure{reason: reasonConnect, err: err}
	}
}

// close lets idle connections go.
func (c client) close() { c.http.CloseIdleConnections() }
