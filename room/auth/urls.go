package auth

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// URLs are the addresses of one stream.
type URLs struct {
	// Studio is the page that publishes it. The token stands behind the #, which browsers send to no server.
	Studio string `json:"studio"`
	// Watch is the page that plays it.
	Watch string `json:"watch"`
	// WHIP is where it is published (RFC 9725). It needs the token as a Bearer.
	WHIP string `json:"whip"`
	// FLV and HLS are where players get it.
	FLV string `json:"flv"`
	HLS string `json:"hls"`
}

// NewPushURL builds the address to which an encoder publishes a stream by RTMP, below base such as
// rtmp://live.example.com. The token stands in it: who has the address can publish.
func NewPushURL(base, room, stream, token string) (string, error) {
	if err := errors.Join(CheckRoom(room), CheckStream(stream)); err != nil {
		return "", err
	}
	// A UserSig has no character that a query would change.
	return strings.TrimRight(base, "/") + "/live/" + url.PathEscape(room) + "/" + url.PathEscape(stream) + "?usersig=" + token, nil
}

// NewURLs builds the addresses of a stream below base, such as https://live.example.com. An empty token is
// left out of the studio's address.
func NewURLs(base, room, stream, token string) (URLs, error) {
	if err := CheckRoom(room); err != nil {
		return URLs{}, err
	}
	if err := CheckStream(stream); err != nil {
		return URLs{}, err
	}
	b, err := url.Parse(base)
	if err != nil || b.Scheme != "http" && b.Scheme != "https" || b.Host == "" || b.RawQuery != "" || b.Fragment != "" {
		return URLs{}, fmt.Errorf("cannot build URLs below %q: it must be such as https://live.example.com", base)
	}
	root := strings.TrimRight(b.String(), "/")
	path := url.PathEscape(room) + "/" + url.PathEscape(stream)
	studio := url.Values{"room": {room}, "stream": {stream}}
	if token != "" {
		studio.Set("usersig", token)
	}
	return URLs{
		// A + would be a space to some readers of a fragment and a plus to others; %20 is one to all.
		Studio: root + "/studio#" + strings.ReplaceAll(studio.Encode(), "+", "%20"),
		Watch:  root + "/watch/" + path,
		WHIP:   root + "/whip/" + path,
		FLV:    root + "/live/" + path + suffixes[FormFLV],
		HLS:    root + "/live/" + path + suffixes[FormHLS],
	}, nil
}
