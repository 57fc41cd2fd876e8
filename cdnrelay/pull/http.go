package pull

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"weir/room/dial"
)

const (
	// maxRedirects is how many redirects are followed in a row.
	maxRedirects = 5
	// maxHeader is how large the head of an answer may be.
	maxHeader = 64 << 10
	// agent is what servers see in their logs.
	agent = "weir-pull"
)

var (
	errRedirects = errors.New("too many redirects")
	// errInside is ErrAddress where the guard says so, which tells what can be done about it.
	errInside = fmt.Errorf("%w: %w", ErrAddress, dial.ErrAddress)
)

// fetcher makes the requests of one connection to a source.
type fetcher struct {
	client    *http.Client
	transport *http.Transport
}

// newFetcher returns a fetcher for what a host has and names.
func newFetcher(source string, by guards, timeout time.Duration) *fetcher {
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrAddress, err)
			}
			return by.to(host, source).Dialer().DialContext(ctx, network, address)
		},
		TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: maxHeader, ForceAttemptHTTP2: true,
		DisableCompression: true, // media is packed already
	}
	return &fetcher{transport: t, client: &http.Client{Transport: t, CheckRedirect: follow, Jar: newCookies()}}
}

// follow decides on a redirect.
func follow(r *http.Request, via []*http.Request) error {
	r.Header.Del("Referer") // it would tell the query of the address before, with what proves who asks
	if len(via) > maxRedirects {
		return errRedirects
	}
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" {
		return fmt.Errorf("%w: a redirect to another protocol", ErrAddress)
	}
	login(r.URL, via[len(via)-1].URL)
	return nil
}

// login has an address that another one led to on the same server asked for with the same user and password.
func login(u, from *url.URL) {
	if u.User == nil && u.Scheme == from.Scheme && u.Host == from.Host {
		u.User = from.User
	}
}

// get asks for an address; what of, unless empty, is the range of bytes. The answer is a 200, or 206 where a range was asked for.
func (f *fetcher) get(ctx context.Context, u *url.URL, of string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, ErrAddress
	}
	r.Header.Set("User-Agent", agent)
	want := http.StatusOK
	if of != "" {
		r.Header.Set("Range", of)
		want = http.StatusPartialContent
	}
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, requestError(err)
	}
	if answer.StatusCode != want {
		_ = answer.Body.Close()
		return nil, fmt.Errorf("%w: it answers %d", ErrRefused, answer.StatusCode)
	}
	if err := unpack(answer); err != nil {
		_ = answer.Body.Close()
		return nil, err
	}
	return answer, nil
}

// unpack has the body of an answer read as what it is without its coding. It was not asked for any, but stores have files that they
// know packed only, playlists above all (RFC 9110 12.5.3 allows it). All that is read is bounded behind it.
func unpack(answer *http.Response) error {
	switch coding := strings.ToLower(answer.Header.Get("Content-Encoding")); coding {
	case "", "identity":
		return nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(answer.Body)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
		answer.Body, answer.ContentLength = unpacked{z, answer.Body}, -1
		return nil
	default:
		return fmt.Errorf("%w: a coding that is not known", ErrFormat)
	}
}

// unpacked is a body that came packed.
type unpacked struct {
	io.Reader
	io.Closer
}

// requestError says why a request failed. The error of package http itself has the address in it.
func requestError(err error) error {
	var with *url.Error
	if errors.As(err, &with) {
		err = with.Err
	}
	var waited net.Error
	switch {
	case errors.Is(err, dial.ErrAddress):
		return errInside
	case errors.Is(err, ErrAddress):
		return ErrAddress
	case errors.Is(err, errRedirects):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case errors.As(err, &waited) && waited.Timeout():
		return fmt.Errorf("%w: it does not answer", ErrTimeout)
	default:
		return fmt.Errorf("%w: %w", ErrConnect, err)
	}
}

// read reads a body of at most limit bytes.
func read(answer *http.Response, limit int64) ([]byte, error) {
	defer func() { _ = answer.Body.Close() }()
	if answer.ContentLength > limit {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, answer.ContentLength)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrClosed, err)
	case int64(len(body)) > limit:
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return body, nil
}

// The first bytes of what is taken.
const (
	flvMagic = "FLV"
	hlsMagic = "#EXTM3U"
)

// openHTTP asks for an address and reads whatever stands there: addresses are signed, and types of content are often wrong.
func openHTTP(ctx context.Context, u *url.URL, by guards, timeout time.Duration, seen places, to sink) error {
	f := newFetcher(u.Hostname(), by, timeout)
	defer f.transport.CloseIdleConnections()
	answer, err := f.get(ctx, u, "")
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	body := bufio.NewReaderSize(answer.Body, 64<<10)
	head, err := body.Peek(len(hlsMagic))
	switch {
	case err != nil:
		return fmt.Errorf("%w: it sends nothing", ErrClosed)
	case string(head[:len(flvMagic)]) == flvMagic:
		return readFLV(body, to)
	case string(head) == hlsMagic:
		return readHLS(ctx, f, u, answer.Request.URL, body, seen, to)
	default:
		return fmt.Errorf("%w: neither FLV nor HLS", ErrFormat)
	}
}
