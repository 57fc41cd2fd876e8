package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/cdnrelay/address"
	"weir/config"
	"weir/room/apps"
	"weir/room/auth"
)

// pushOptions say what address is wanted to publish at: of a stream here, or any other one.
type pushOptions struct {
	links   linkOptions
	id      string
	to      string // another server's address
	keyFile string
}

func pushURLCommand() *cobra.Command {
	var o pushOptions
	cmd := configured(&cobra.Command{
		Use:   "push-url",
		Short: "Print an address to publish at, of this server or signed for another one",
		Example: "  weir push-url --room demo --stream cam --dialect tencent --ttl 1h\n" +
			"  weir push-url --streamid 1400000000_demo_host_main\n" +
			"  weir push-url --to rtmp://push.example.com/live/cam --dialect tencent --key-file cdn.key",
	}, func(cmd *cobra.Command, cfg *config.Config) error {
		if o.links.ttl < time.Second || o.links.ttl > auth.MaxTTL {
			return fmt.Errorf("--ttl is %v: it must be from 1s to %v", o.links.ttl, auth.MaxTTL)
		}
		if o.to != "" {
			return o.elsewhere(cmd.InOrStdin(), cmd.OutOrStdout())
		}
		return o.here(cmd, cfg)
	})
	flags := cmd.Flags()
	flags.IntVar(&o.links.app, "app", auth.DefaultApp, "the app's number; 0: the one that the stream id begins with, else the default one")
	flags.StringVar(&o.links.room, "room", "", "the room")
	flags.StringVar(&o.links.stream, "stream", "", "the stream in it")
	flags.StringVar(&o.id, "streamid", "", "the stream's id; without a room and a stream it says which ones")
	flags.StringVar(&o.links.user, "user", "", "the user who publishes; empty: whoever has the address")
	flags.StringVar(&o.links.base, "base", "", "where the server is reached, such as https://live.example.com")
	flags.DurationVar(&o.links.ttl, "ttl", demoTTL, "life of the address")
	flags.StringVar(&o.links.dialect, "dialect", auth.DialectWeir.String(), "how it is signed: weir, tencent or alibaba; another server's may be plain")
	flags.StringVar(&o.to, "to", "", "another server's address, which is signed with its key")
	flags.StringVar(&o.keyFile, "key-file", "", "the file with that key, - for the standard input")
	cmd.MarkFlagsMutuallyExclusive("to", "room")
	cmd.MarkFlagsMutuallyExclusive("to", "streamid")
	cmd.MarkFlagsRequiredTogether("room", "stream")
	cmd.MarkFlagsOneRequired("to", "room", "streamid")
	return cmd
}

// elsewhere prints another server's address.
func (o *pushOptions) elsewhere(in io.Reader, out io.Writer) error {
	var key auth.Secret
	switch {
	case o.keyFile != "":
		var err error
		if key, err = cdnKey(o.keyFile, in); err != nil {
			return err
		}
	case address.Dialect(o.links.dialect) != address.Plain:
		return fmt.Errorf("--key-file is missing: an address in the dialect %s is signed with a key that the other server gave out "+
			"(--dialect plain signs nothing)", o.links.dialect)
	}
	signed, err := address.Sign(o.to, address.Dialect(o.links.dialect), key, auth.ActionPublish, time.Now().Add(o.links.ttl))
	if err != nil {
		return err
	}
	return printPush(out, signed, "")
}

// maxKeyLine is how long a key may be that is read from a file.
const maxKeyLine = 4 << 10

// cdnKey reads the first line of a file.
func cdnKey(name string, stdin io.Reader) (auth.Secret, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("cannot read the key: %w", err)
		}
		defer func() { _ = f.Close() }() // nothing was written
		stdin = f
	}
	line, err := bufio.NewReader(io.LimitReader(stdin, maxKeyLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("cannot read the key: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("cannot read the key: there is none")
	}
	return auth.Secret(line), nil
}

// here prints an address of a stream here.
func (o *pushOptions) here(cmd *cobra.Command, cfg *config.Config) error {
	known, err := o.apps(cmd, cfg)
	if err != nil {
		return err
	}
	by, site, err := builderOf(cfg, known, &o.links)
	if err != nil {
		return err
	}
	dialect, err := auth.ParseDialect(o.links.dialect)
	if err != nil {
		return err
	}
	a := auth.Address{
		App: o.links.app, Room: o.links.room, Stream: o.links.stream, ID: o.id, User: o.links.user, Dialect: dialect,
		Expires: time.Now().Add(o.links.ttl).Truncate(time.Second),
	}
	if a.Room == "" {
		if a.Room, a.Stream, err = auth.RoomOfID(o.id); err != nil {
			return err
		}
	}
	urls, err := by.PublishURLs(site, a)
	if err != nil {
		return err
	}
	return printPush(cmd.OutOrStdout(), urls.RTMP, urls.WHIP)
}

// apps are the apps with the one that is asked for: where none is named, the one that the stream id begins with, if there is one,
// as for whoever asks the server by it.
func (o *pushOptions) apps(cmd *cobra.Command, cfg *config.Config) (*apps.Apps, error) {
	of, _, _, cloud := auth.SplitCloudID(o.id)
	if !cloud || of == cfg.Auth.AppID || o.links.app != auth.DefaultApp {
		return appsOf(cmd, cfg, o.links.app)
	}
	known, err := appsOf(cmd, cfg, of)
	if err == nil && known.Exists(of) {
		o.links.app = of
	}
	return known, err
}

// printPush writes addresses to publish at; RTMP also cut in two, as encoders ask for it.
func printPush(out io.Writer, push, whip string) error {
	var lines strings.Builder
	switch {
	case strings.HasPrefix(push, "rtmp"):
		server, key := address.Cut(push)
		fmt.Fprintf(&lines, "rtmp    %s\nserver  %s\nkey     %s\n", push, server, key)
	case push != "":
		fmt.Fprintf(&lines, "push    %s\n", push)
	}
	if whip != "" {
		fmt.Fprintf(&lines, "whip    %s\n", whip)
	}
	_, err := io.WriteString(out, lines.String())
	return err
}
