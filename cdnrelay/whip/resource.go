package whip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"weir/cdnrelay/push"
	"weir/room/dial"
	"weir/rtc/signaling"
)

const (
	maxHeader    = 64 << 10 // bytes of an answer's
	maxRedirects = 5
	tlsTimeout   = 10 * time.Second
)

// resource is a session's HTTP side: the endpoint, and the session's URL once there is one.
type resource struct {
	client  *http.Transport // and no http.Client, whose errors show whole addresses
	target  *push.Target
	session *url.URL // nil: there is none
}

func newResource(t *push.Target) *resource {
	return &resource{target: t, client: &http.Transport{
		DialContext: t.Guard.DialContext, TLSHandshakeTimeout: tlsTimeout, MaxResponseHeaderBytes: maxHeader,
		ForceAttemptHTTP2: true, MaxConnsPerHost: 1, DisableCompression: true,
	}}
}

// create sends the offer to the endpoint and returns the answer (RFC 9725 4.2).
func (r *resource) create(ctx context.Context, offer string) ([]byte, error) {
	resp, err := r.do(ctx, http.MethodPost, r.target.URL, offer)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusCreated {
		return nil, refusal(resp.StatusCode)
	}
	if at, err := follow(resp); err == nil {
		r.session = at
	} // without one the session cannot be ended, and works all the same
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != signaling.KindSDP {
		return nil, fmt.Errorf("%w: the answer is not %s", push.ErrProtocol, signaling.KindSDP)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, signaling.MaxOffer+1))
	if err != nil {
		return nil, failure(ctx, err)
	}
	if len(body) > signaling.MaxOffer {
		return nil, fmt.Errorf("%w: the answer is longer than %d bytes", push.ErrProtocol, signaling.MaxOffer)
	}
	return body, nil
}

// remove ends the session (RFC 9725 4.2) and gives the connections back.
func (r *resource) remove(ctx context.Context) {
	defer r.client.CloseIdleConnections()
	if r.session == nil {
		return
	}
	resp, err := r.do(ctx, http.MethodDelete, r.session, "")
	if err != nil {
		r.target.Log.Debug("cannot end the session", "error", err)
		return
	}
	_ = resp.Body.Close()
}

// do sends a request, and sends it again to where it is redirected (RFC 9725 4.6). The caller closes the answer's body.
func (r *resource) do(ctx context.Context, method string, to *url.URL, body string) (*http.Response, error) {
	for range maxRedirects + 1 {
		req, err := r.request(ctx, method, to, body)
		if err != nil {
			return nil, err
		}
		resp, err := r.client.RoundTrip(req)
		if err != nil {
			return nil, failure(ctx, err)
		}
		if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect {
			return resp, nil
		}
		next, err := follow(resp)
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}
		to = next
	}
	return nil, fmt.Errorf("%w: it is redirected more than %d times", push.ErrProtocol, maxRedirects)
}

func (r *resource) request(ctx context.Context, method string, to *url.URL, body string) (*http.Request, error) {
	plain := *to
	plain.User, plain.Fragment = nil, ""
	req, err := http.NewRequestWithContext(ctx, method, plain.String(), strings.NewReader(body))
	if err != nil { // it would show the address
		return nil, fmt.Errorf("%w: it is malformed", push.ErrAddress)
	}
	req.Header.Set("User-Agent", mediaStream)
	if body != "" {
		req.Header.Set("Content-Type", signaling.KindSDP)
	}
	switch user := r.target.URL.User; {
	case r.target.Token != "":
		req.Header.Set("Authorization", "Bearer "+r.target.Token) // RFC 9725 4.8
	case user != nil:
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	return req, nil
}

// follow is where an answer's Location leads. What began encrypted stays so.
func follow(resp *http.Response) (*url.URL, error) {
	from := resp.Request.URL
	to, err := from.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" || to.Host == "" {
		return nil, fmt.Errorf("%w: Location leads nowhere", push.ErrProtocol)
	}
	if to.Scheme != "https" && (to.Scheme != "http" || from.Scheme == "https") {
		return nil, fmt.Errorf("%w: Location leads from %s to %q", push.ErrProtocol, from.Scheme, to.Scheme)
	}
	return to, nil
}

// refusal is what a status other than 201 means.
func refusal(status int) error {
	kind := push.ErrRefused
	switch status {
	case http.StatusNotAcceptable, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity: // RFC 9725 4.2, 4.4.2: the offer
		kind = push.ErrUnfit
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		kind = push.ErrProtocol
	}
	return fmt.Errorf("%w: it answers %d %s", kind, status, http.StatusText(status))
}

// failure is why there was no answer.
func failure(ctx context.Context, err error) error {
	var late interface{ Timeout() bool }
	kind := push.ErrConnect
	switch {
	case errors.Is(err, dial.ErrAddress):
		kind = push.ErrAddress
	case ctx.Err() != nil, errors.As(err, &late) && late.Timeout():
		kind = push.ErrTimeout
	}
	return fmt.Errorf("%w: %w", kind, err)
}
