package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/config"
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
	var room, stream, user, base string
	var ttl time.Duration
	cmd := configured(&cobra.Command{
		Use:   "url",
		Short: "Print the addresses of a stream, the studio's with a token",
		Example: "  weir url --room demo --stream cam\n" +
			"  weir url --room demo --stream cam --ttl 1h --base https://live.example.com",
	}, func(cmd *cobra.Command, cfg *config.Config) error {
		app, err := appOf(cmd, cfg)
		if err != nil {
			return err
		}
		if base == "" {
			base = baseURL(cfg, cfg.HTTP.Listen)
		}
		urls, err := newURLs(app, base, room, stream, user, ttl)
		if err != nil {
			return err
		}
		if err := writeURLs(cmd.OutOrStdout(), urls); err != nil {
			return err
		}
		return writePushURL(cmd.OutOrStdout(), cfg, app, base, room, stream, user, ttl)
	})
	cmd.Flags().StringVar(&room, "room", "", "the room")
	cmd.Flags().StringVar(&stream, "stream", "", "the stream in it")
	cmd.Flags().StringVar(&user, "user", demoUser, "the user who publishes")
	cmd.Flags().StringVar(&base, "base", "", "where the server is reached, such as https://live.example.com")
	cmd.Flags().DurationVar(&ttl, "ttl", demoTTL, "life of the studio's token")
	mustRequire(cmd, "room", "stream")
	return cmd
}

func userSigCommand() *cobra.Command {
	var user string
	var ttl time.Duration
	cmd := configured(&cobra.Command{
		Use:   "usersig",
		Short: "Print a token that speaks for a user",
	}, func(cmd *cobra.Command, cfg *config.Config) error {
		app, err := appOf(cmd, cfg)
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

// appOf is the configured app with its key, which is made now if this is the first start.
func appOf(cmd *cobra.Command, cfg *config.Config) (auth.App, error) {
	key, err := loadKey(cfg)
	if err != nil {
		return auth.App{}, err
	}
	if key.made {
		cmd.PrintErrln("made a new secret key in", key.file+": a server that keeps its data elsewhere does not know it")
	}
	if key.warning != "" {
		cmd.PrintErrln("warning:", key.warning)
	}
	return newApp(cfg, key.secret), nil
}

func newApp(cfg *config.Config, key auth.Secret) auth.App {
	return auth.App{ID: cfg.Auth.AppID, Key: key, Admins: cfg.Auth.Admins}
}

// newURLs builds the addresses of a stream with a fresh token for its publisher.
func newURLs(app auth.App, base, room, stream, user string, ttl time.Duration) (auth.URLs, error) {
	token, err := auth.Sign(app, user, ttl)
	if err != nil {
		return auth.URLs{}, err
	}
	return auth.NewURLs(base, room, stream, token)
}

func writeURLs(w io.Writer, u auth.URLs) error {
	_, err := fmt.Fprintf(w, "studio  %s\nwatch   %s\nflv     %s\nhls     %s\nwhip    %s\n",
		u.Studio, u.Watch, u.FLV, u.HLS, u.WHIP)
	return err
}

// writePushURL prints the address for encoders, where there is one: RTMPS if both are open.
func writePushURL(w io.Writer, cfg *config.Config, app auth.App, base, room, stream, user string, ttl time.Duration) error {
	root, err := pushBase(cfg, base)
	if err != nil || root == "" {
		return err
	}
	token, err := auth.Sign(app, user, ttl)
	if err != nil {
		return err
	}
	push, err := auth.NewPushURL(root, room, stream, token)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "rtmp    %s\n", push)
	return err
}

// pushBase is the part of an RTMP address before its path, on the host of base; empty when nothing listens.
func pushBase(cfg *config.Config, base string) (string, error) {
	scheme, listen, usual := "rtmp", cfg.RTMP.Listen, "1935"
	if cfg.RTMP.TLSListen != "" {
		scheme, listen, usual = "rtmps", cfg.RTMP.TLSListen, "443"
	}
	if listen == "" {
		return "", nil
	}
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	b, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	host := b.Hostname()
	if port != usual || strings.Contains(host, ":") {
		host = net.JoinHostPort(host, port)
	}
	return scheme + "://" + host, nil
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
