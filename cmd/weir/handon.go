package main

import (
	"net/http"
	"net/url"

	"weir/room/auth"
)

// ownProof is a request for HLS whose signature, if it is one of a cloud's dialect or for a stream id, is replaced by one of
// our own that is good for as long: what a playlist names is at other paths than the one that was signed.
func ownProof(r *http.Request, by authorizer, grant auth.Grant) (*http.Request, error) {
	signed := auth.Foreign(r.URL.RawQuery) || r.PathValue("streamid") != "" && auth.Signed(r.URL.RawQuery)
	if !signed || auth.Token(r) != "" || grant.Expires.IsZero() {
		return r, nil
	}
	sign, err := by.SignQuery(auth.DialectWeir, auth.Pass{
		App: grant.App, Action: auth.ActionPlay, Room: r.PathValue("room"), Stream: r.PathValue("stream"),
		User: grant.User, Expires: grant.Expires, Ends: !grant.Ends.IsZero(),
	}, "")
	if err != nil {
		return nil, err
	}
	return withQuery(r, auth.ReplaceProof(r.URL.RawQuery, sign)), nil
}

// withQuery is the request with another query.
func withQuery(r *http.Request, query string) *http.Request {
	own := r.WithContext(r.Context()) // a copy, path values included
	own.URL = new(url.URL)
	*own.URL = *r.URL
	own.URL.RawQuery = query
	return own
}
