package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
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

// appsOf are the apps as far as one of them needs it: the configured ones, the default one with its key, which is made now
// if this is the first start, and those of the store.
func appsOf(cmd *cobra.Command, cfg *config.Config, id int) (*apps.Apps, error) {
	key, err := loadKey(cfg)
	if err != nil {
		return nil, err
	}
	if key.made {
		cmd.PrintErrln("made a new secret key in", key.file+": a server that keeps its data elsewhere does not know it")
	}
	if key.warning != "" {
		cmd.PrintErrln("warning:", key.warning)
	}
	quiet := slog.New(slog.DiscardHandler)
	if id == auth.DefaultApp || slices.ContainsFunc(cfg.Auth.Apps, func(a config.App) bool { return a.ID == id }) {
		return loadApps(cfg, key.secret, nil, nil, quiet) // the store is of no interest, and need not be there
	}
	kept, err := openStore(cfg, quiet)
	if err != nil {
		return nil, err
	}
	known, err := loadApps(cfg, key.secret, kept, nil, quiet)
	return known, errors.Join(err, kept.Close())
}

// appOf is an app, or the default one.
func appOf(known *apps.Apps, id int) (auth.App, error) {
	if id == auth.DefaultApp {
		id = known.Default()
	}
	app, ok := known.App(id)
	if !ok {
		return auth.App{}, fmt.Errorf("app %d: %w", id, auth.ErrUnknownApp)
	}
	return *app, nil
}

// newApp is the default app.
func newApp(cfg *config.Config, key auth.Secret) auth.App {
	return auth.App{
		ID: cfg.Auth.AppID, Key: key, Admins: cfg.Auth.Admins, Keys: auth.Keys{
			Play:    auth.KeyPair{Primary: auth.Secret(cfg.Auth.Keys.Play), Backup: auth.Secret(cfg.Auth.Keys.PlayBackup)},
			Publish: auth.KeyPair{Primary: auth.Secret(cfg.Auth.Keys.Publish), Backup: auth.Secret(cfg.Auth.Keys.PublishBackup)},
		},
	}
}

// loadApps knows the apps of the configuration and those of the store. deleted hears of each app that is gone later; it may
// be nil.
func loadApps(cfg *config.Config, key auth.Secret, kept apps.Store, deleted func(id int), log *slog.Logger) (*apps.Apps, error) {
	o := apps.Options{Default: newApp(cfg, key), Store: kept, Deleted: deleted, Log: log}
	for _, app := range cfg.Auth.Apps {
		o.Configured = append(o.Configured, auth.App{ID: app.ID, Name: app.Name, Key: auth.Secret(app.Key), Admins: app.Admins})
	}
	known, err := apps.New(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	return known, known.Load(ctx)
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
