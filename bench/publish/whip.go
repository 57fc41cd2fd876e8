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
	resp, body, err := do(req, o) //nolint:bodyclose // do has closed it
	if err != nil {
		return "", "", "", err
	}
	if resp.StatusCode != http.StatusCreated {
		return "", "", "", &RefusedError{Method: req.Method, Status: resp.StatusCode, Body: body}
	}
	// RFC 9725 4.2: the Location may be relative, to the URL that answered.
	location := resp.Header.Get("Location")
	ref, err := url.Parse(location)
	if err != nil || location == "" {
		return "", "", "", fmt.Errorf("cannot use the session's URL %q: %w", location, err)
	}
	return body, resp.Request.URL.ResolveReference(ref).String(), resp.Header.Get("ETag"), nil
}

// patch sends an SDP fragment to the session (RFC 9725 4.3) and returns the answer's status, body and entity-tag.
func patch(ctx context.Context, o *Options, session, match, fragment string) (status int, body, tag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, session, strings.NewReader(fragment))
	if err != nil {
		return 0, "", "", fmt.Errorf("cannot make the patch request: %w", err)
	}
	req.Header.Set("Content-Type", "application/trickle-ice-sdpfrag")
	req.Header.Set("If-Match", match)
	resp, body, err := do(req, o) //nolint:bodyclose // do has closed it
	if err != nil {
		return 0, "", "", err
	}
	if resp.StatusCode/100 != 2 {
		return 0, "", "", &RefusedError{Method: req.Method, Status: resp.StatusCode, Body: body}
	}
	return resp.StatusCode, body, resp.Header.Get("ETag"), nil
}

// remove ends the session at the server (RFC 9725 4.2).
func remove(ctx context.Context, o *Options, session string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, session, nil)
	if err != nil {
		return fmt.Errorf("cannot make the delete request: %w", err)
	}
	resp, body, err := do(req, o) //nolint:bodyclose // do has closed it
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return &RefusedError{Method: req.Method, Status: resp.StatusCode, Body: body}
	}
	return nil
}

func do(req *http.Request, o *Options) (*http.Response, string, error) {
	if o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+o.Token)
	}
	resp, err := o.HTTP.Do(req)
	if err != nil {
		return nil, "", fmt.Errorf("cannot reach the server: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, "", fmt.Errorf("cannot read the server's answer: %w", err)
	}
	return resp, string(body), nil
}
