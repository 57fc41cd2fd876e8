package address

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/room/auth"
)

// Outside is a stream at a CDN, as its operator knows it.
type Outside struct {
	// PushHost and PlayHost are the CDN's domains, with a port where it is not the usual one. No addresses are made for an
	// empty one.
	PushHost, PlayHost string
	// App is the application; live when empty.
	App string
	// AppID is the number of the app at another weir, for the dialect Weir alone. It stands in the addresses.
	AppID int
	// Stream is the stream's name there.
	Stream string
	// Dialect is how addresses are signed; Plain when empty.
	Dialect Dialect
	// PushKey and PlayKey are the keys of the two domains. Players' addresses are not signed without a PlayKey.
	PushKey, PlayKey auth.Secret
	// Expires is until when addresses open.
	Expires time.Time
	// WHIP is the address for publishing by WebRTC, in which {app} and {stream} stand for these: every CDN has another one.
	// Empty: none.
	WHIP string
	// Insecure makes http:// addresses for players, not https://.
	Insecure bool
}

// PushURLs are the addresses at which a stream is published.
type PushURLs struct {
	RTMP string `json:"rtmp,omitempty"`
	// Server and Key are RTMP cut in two, as encoders such as OBS ask for it.
	Server string `json:"server,omitempty"`
	Key    string `json:"key,omitempty"`
	WHIP   string `json:"whip,omitempty"`
}

// PlayURLs are the addresses at which it is played.
type PlayURLs struct {
	RTMP   string `json:"rtmp,omitempty"`
	FLV    string `json:"flv,omitempty"`
	HLS    string `json:"hls,omitempty"`
	WebRTC string `json:"webrtc,omitempty"`
}

// usualApp is the application where none is named, and the only one of a weir.
const usualApp = "live"

// URLs makes the addresses.
//
// Errors: ErrAddress and those of Sign.
func (o Outside) URLs() (push PushURLs, play PlayURLs, err error) {
	if o.App == "" {
		o.App = usualApp
	}
	if err := o.check(); err != nil {
		return push, play, err
	}
	path := "/" + o.App + "/" + o.Stream
	b := builder{o: &o}
	if o.PushHost != "" {
		push.RTMP = b.push("rtmp://" + o.PushHost + path)
		push.Server, push.Key = Cut(push.RTMP)
		if o.WHIP != "" {
			push.WHIP = b.push(strings.NewReplacer("{app}", o.App, "{stream}", o.Stream).Replace(o.WHIP))
		}
	}
	if o.PlayHost != "" {
		web := "https://"
		if o.Insecure {
			web = "http://"
		}
		play = PlayURLs{FLV: b.play(web + o.PlayHost + path + ".flv"), HLS: b.play(web + o.PlayHost + path + ".m3u8")}
		if o.Dialect != Weir { // which has nothing at these
			play.RTMP, play.WebRTC = b.play("rtmp://"+o.PlayHost+path), b.play("webrtc://"+o.PlayHost+path)
		}
	}
	return push, play, b.err
}

// Cut cuts an RTMP address in two behind its application, as encoders ask for it: server and stream key.
func Cut(rtmp string) (server, key string) {
	u, err := url.Parse(rtmp)
	if err != nil || u.Host == "" {
		return "", ""
	}
	app, _, _ := strings.Cut(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	server = u.Scheme + "://" + u.Host + "/" + app
	return server, strings.TrimPrefix(strings.TrimPrefix(rtmp, server), "/")
}

func (o *Outside) check() error {
	if o.PushHost+o.PlayHost == "" {
		return fmt.Errorf("%w: a domain to push to or to play from is missing", ErrAddress)
	}
	for _, host := range []string{o.PushHost, o.PlayHost} {
		if host != "" && !isHost(host) {
			return fmt.Errorf("%w: a domain is such as push.example.com", ErrAddress)
		}
	}
	if err := errors.Join(auth.CheckStream(o.App), auth.CheckStream(o.Stream)); err != nil {
		return fmt.Errorf("cannot make addresses of the application and stream: %w", err)
	}
	switch {
	case (o.Dialect == Weir) != (o.AppID != 0):
		return fmt.Errorf("%w: an address of another weir has the number of its app there, and no other address has one", ErrAddress)
	case o.Dialect == Weir && (o.App != usualApp || auth.AppOf("sdkappid="+auth.AppName(o.AppID)) != o.AppID):
		return fmt.Errorf("%w: the application of another weir is %s, and the number of an app there such as 1400000000", ErrAddress, usualApp)
	}
	return nil
}

// isHost tells whether an address may have a host so: a name or an IP address, an IPv6 one in brackets, and a port if need be.
func isHost(host string) bool {
	u, err := url.Parse("rtmp://" + host)
	if err != nil || u.Host != host || u.Hostname() == "" {
		return false
	}
	if _, err := strconv.ParseUint(cmp.Or(u.Port(), "1"), 10, 16); err != nil {
		return false
	}
	return strings.HasPrefix(host, "[") == strings.Contains(u.Hostname(), ":")
}

// builder signs addresses, until one cannot be signed.
type builder struct {
	o   *Outside
	err error
}

func (b *builder) push(address string) string {
	return b.sign(address, b.o.Dialect, b.o.PushKey, auth.ActionPublish)
}

func (b *builder) play(address string) string {
	d := b.o.Dialect
	if b.o.PlayKey == "" {
		d = Plain
	}
	return b.sign(address, d, b.o.PlayKey, auth.ActionPlay)
}

func (b *builder) sign(address string, d Dialect, key auth.Secret, action auth.Action) string {
	if b.err != nil {
		return ""
	}
	signed, err := Sign(b.o.named(address), d, key, action, b.o.Expires)
	b.err = err
	return signed
}

// named is an address with the number of the app in it that it is of, where it needs one.
func (o *Outside) named(address string) string {
	path, query, asked := strings.Cut(address, "?")
	switch {
	case o.AppID == 0 || auth.AppOf(query) == o.AppID:
		return address
	case asked:
		query = "&" + query
	}
	return path + "?sdkappid=" + auth.AppName(o.AppID) + query
}
