package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"weir/config"
	"weir/room/apps"
	"weir/room/auth"
)

// What the links that serve shows are for.
const (
	demoRoom   = "demo"
	demoStream = "cam"
	demoUser   = "host"
	demoTTL    = 24 * time.Hour
)

func urlCommand() *cobra.Command {
	var o linkOptions
	cmd := configured(&cobra.Command{
		Use:   "url",
		Short: "Print the addresses of a stream, ready to use",
		Example: "  weir url --room demo --stream cam\n" +
			"  weir url --room demo --stream cam --ttl 1h --base https://live.example.com --dialect tencent",
	}, func(cmd *cobra.Command, cfg *config.Config) error {
		known, err := appsOf(cmd, cfg, o.app)
		if err != nil {
			return err
		}
		links, err := newLinks(cfg, known, o)
		if err != nil {
			return err
		}
		return links.write(cmd.OutOrStdout())
	})
	flags := cmd.Flags()
	flags.IntVar(&o.app, "app", auth.DefaultApp, "the app's number; 0: the default one")
	flags.StringVar(&o.room, "room", "", "the room")
	flags.StringVar(&o.stream, "stream", "", "the stream in it")
	flags.StringVar(&o.user, "user", demoUser, "the user who publishes")
	flags.StringVar(&o.viewer, "viewer", "", "the user who plays; empty: whoever has the address")
	flags.StringVar(&o.base, "base", "", "where the server is reached, such as https://live.example.com")
	flags.DurationVar(&o.ttl, "ttl", demoTTL, "life of the addresses and of the studio's token")
	flags.StringVar(&o.dialect, "dialect", auth.DialectWeir.String(), "how addresses are signed: weir, tencent or alibaba")
	flags.BoolVar(&o.end, "end", false, "what was begun with an address ends when it expires")
	flags.BoolVar(&o.once, "once", false, "addresses for publishing are good for one use")
	mustRequire(cmd, "room", "stream")
	return cmd
}

func userSigCommand() *cobra.Command {
	var user string
	var id int
	var ttl time.Duration
	cmd := configured(&cobra.Command{
		Use:   "usersig",
		Short: "Print a token that speaks for a user",
	}, func(cmd *cobra.Command, cfg *config.Config) error {
		known, err := appsOf(cmd, cfg, id)
		if err != nil {
			return err
		}
		app, err := appOf(known, id)
		if err != nil {
			return err
		}
		token, err := auth.Sign(app, user, ttl)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
		return err
	})
	cmd.Flags().IntVar(&id, "app", auth.DefaultApp, "the app's number; 0: the default one")
	cmd.Flags().StringVar(&user, "user", "", "the user")
	cmd.Flags().DurationVar(&ttl, "ttl", demoTTL, "life of the token")
	mustRequire(cmd, "user")
	return cmd
}

// mustRequire marks flags that have just been defined as required, so it cannot fail.
func mustRequire(cmd *cobra.Command, flags ...string) {
	for _, f := range flags {
		if err := cmd.MarkFlagRequired(f); err != nil {
			panic(err)
		}
	}
}

// linkOptions say what links are wanted.
type linkOptions struct {
	app                                       int
	room, stream, user, viewer, base, dialect string
	ttl                                       time.Duration
	end, once                                 bool
}

// links are the addresses of a stream. The studio's has a token in it.
type links struct {
	studio  string
	play    auth.PlayURLs
	publish auth.PublishURLs
}

// newLinks builds the addresses of a stream as the configured server would, with the builder that its API has.
func newLinks(cfg *config.Config, known *apps.Apps, o linkOptions) (*links, error) {
	app, err := appOf(known, o.app)
	if err != nil {
		return nil, err
	}
	by, site, err := builderOf(cfg, known, &o)
	if err != nil {
		return nil, err
	}
	token, err := auth.Sign(app, o.user, o.ttl)
	if err != nil {
		return nil, err
	}
	dialect, err := auth.ParseDialect(o.dialect)
	if err != nil {
		return nil, err
	}
	a := auth.Address{
		App: o.app, Room: o.room, Stream: o.stream, Dialect: dialect, User: o.viewer, Ends: o.end, Expires: time.Now().Add(o.ttl).Truncate(time.Second),
	}
	out := new(links)
	if out.studio, err = auth.StudioURL(o.base, o.app, o.room, o.stream, token); err != nil {
		return nil, err
	}
	if out.play, err = by.PlayURLs(site, a); err != nil {
		return nil, err
	}
	if a.User = ""; dialect == auth.DialectWeir {
		a.User = o.user
	}
	if o.once {
		a.Once = rand.Text()
	}
	out.publish, err = by.PublishURLs(site, a)
	return out, err
}

// builderOf is the builder of addresses, and where the server is reached that they are of: o.base, which is filled in.
func builderOf(cfg *config.Config, known *apps.Apps, o *linkOptions) (*auth.Authorizer, auth.Site, error) {
	by, err := newAuthorizer(cfg, known, nil)
	if err != nil {
		return nil, auth.Site{}, err
	}
	where, err := newSites(cfg)
	if err != nil {
		return nil, auth.Site{}, err
	}
	if o.base == "" {
		o.base = cfg.HTTP.PublicURL
	}
	if o.base == "" {
		o.base = baseURL(cfg, cfg.HTTP.Listen)
	}
	site, err := where.at(o.base)
	return by, site, err
}

func (l *links) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "studio  %s\nwatch   %s\nwebrtc  %s\nflv     %s\nws-flv  %s\nhls     %s\nwhip    %s\n",
		l.studio, l.play.Watch, l.play.WebRTC, l.play.FLV, l.play.WSFLV, l.play.HLS, l.publish.WHIP)
	if err == nil && l.publish.RTMP != "" {
		_, err = fmt.Fprintf(w, "rtmp    %s\n", l.publish.RTMP)
	}
	return err
}

// baseURL is where this machine reaches the server that listens on addr.
func baseURL(cfg *config.Config, addr string) string {
	scheme, usual := "http", "80"
	if cfg.HTTP.TLS.Cert != "" {
		scheme, usual = "https", "443"
	}
	host, port, err := net.SplitHostPort(reachable(addr))
	if err == nil && port == usual {
		if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
			host = "[" + host + "]"
		}
		return scheme + "://" + host
	}
	return scheme + "://" + reachable(addr)
}

// reachable turns a listener's address into one that this machine can ask: any address becomes localhost,
// which is also where browsers open a camera without HTTPS.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
