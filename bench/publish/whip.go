package publish

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxBody is the most that is read of an HTTP answer.
const maxBody = 64 << 10

// post sends the offer (RFC 9725 4.2) and returns the answer, the session's URL and the entity-tag of its ICE session.
func post(ctx context.Context, o *Options, offer string) (answer, session, tag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL, strings.NewReader(offer))
	if err != nil {
		return "", "", "", fmt.Errorf("cannot make the offer's request: %w", err)
	}
	req.Header.Set("Content-Type", "application/sdp")
	r, err := do(req, o)
	if err != nil {
		return "", "", "", err
	}
	if r.status != http.StatusCreated {
		return "", "", "", r.refused(req)
	}
	// RFC 9725 4.2: the Location may be relative, to the URL that answered.
	location := r.header.Get("Location")
	ref, err := url.Parse(location)
	if err != nil || location == "" {
		return "", "", "", fmt.Errorf("cannot use the session's URL %q: %w", location, err)
	}
	return r.body, r.url.ResolveReference(ref).String(), r.header.Get("ETag"), nil
}

// patch sends an SDP fragment to the session (RFC 9725 4.3) and returns the answer's status, body and entity-tag.
func patch(ctx context.Context, o *Options, session, match, fragment string) (status int, body, tag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, session, strings.NewReader(fragment))
	if err != nil {
		return 0, "", "", fmt.Errorf("cannot make the patch request: %w", err)
	}
	req.Header.Set("Content-Type", "application/trickle-ice-sdpfrag")
	req.Header.Set("If-Match", match)
	r, err := do(req, o)
	if err != nil {
		return 0, "", "", err
	}
	if r.status/100 != 2 {
		return 0, "", "", r.refused(req)
	}
	return r.status, r.body, r.header.Get("ETag"), nil
}

// remove ends the session at the server (RFC 9725 4.2).
func remove(ctx context.Context, o *Options, session string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, session, nil)
	if err != nil {
		return fmt.Errorf("cannot make the delete request: %w", err)
	}
	r, err := do(req, o)
	if err != nil {
		return err
	}
	if r.status/100 != 2 {
		return r.refused(req)
	}
	return nil
}

// response is an answer of the server that was read to its end.
type response struct {
	status int
	header http.Header
	url    *url.URL // that answered
	body   string
}

func (r *response) refused(req *http.Request) error {
	return &RefusedError{Method: req.Method, Status: r.status, Body: r.body}
}

func do(req *http.Request, o *Options) (*response, error) {
	if o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+o.Token)
	}
	resp, err := o.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the server: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("cannot read the server's answer: %w", err)
	}
	return &response{status: resp.StatusCode, header: resp.Header, url: resp.Request.URL, body: string(body)}, nil
}
