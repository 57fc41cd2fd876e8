package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"weir/config"
	"weir/room/apps"
	"weir/room/auth"
)

// gcPercent makes the garbage collector run when half as much again is in use: most of what a server holds are frames
// of a known age, and with 50 publishers 1.6 MB a stream are then resident instead of 2.1, at the same CPU.
const gcPercent = 50

func serveCommand() *cobra.Command {
	return configured(&cobra.Command{
		Use:   "serve",
		Short: "Run the server",
	}, func(cmd *cobra.Command, cfg *config.Config) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		// From the first signal on the next one has its default effect: it ends the process at once.
		context.AfterFunc(ctx, stop)
		if os.Getenv("GOGC") == "" { // the operator's own wish comes first
			debug.SetGCPercent(gcPercent)
		}
		return serve(ctx, cfg, cmd.OutOrStdout(), newLog(cmd.ErrOrStderr(), cfg.Log))
	})
}

// serve runs a whole server until ctx is done. What may be seen by the person at the terminal only, such as
// links with a token in them, goes to out if that is one; everything else goes to log.
func serve(ctx context.Context, cfg *config.Config, out io.Writer, log *slog.Logger) error {
	for _, w := range cfg.Warnings() {
		log.Warn(w)
	}
	key, err := loadKey(cfg)
	if err != nil {
		return err
	}
	if key.warning != "" {
		log.Warn(key.warning)
	}
	if key.made {
		log.Info("made the app's secret key", "file", key.file)
	}
	s, err := wire(cfg, key.secret, log)
	if err != nil {
		return err
	}
	log.Info("listening", "http", s.public.addr(), "webrtc_port", s.engine.Port(), "rtmp", text(s.rtmpAddr),
		"rtmps", text(s.rtmpsAddr), "admin", s.admin.addr())
	if err := welcome(cfg, s.apps, s.public.addr(), out, log); err != nil {
		return fmt.Errorf("cannot print the links: %w", err)
	}
	if err := s.Run(ctx); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// welcome prints links that work at once. They hold a token, so nothing that keeps what it gets may have them.
func welcome(cfg *config.Config, known *apps.Apps, addr string, out io.Writer, log *slog.Logger) error {
	if !isTerminal(out) {
		log.Info("for a link to the studio run: weir url --room " + demoRoom + " --stream " + demoStream)
		return nil
	}
	o := linkOptions{room: demoRoom, stream: demoStream, user: demoUser, ttl: demoTTL, base: cfg.HTTP.PublicURL, dialect: auth.DialectWeir.String()}
	if o.base == "" {
		o.base = baseURL(cfg, addr)
	}
	links, err := newLinks(cfg, known, o)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\nGo live: %s\nWatch:   %s\n\nThe first link can publish for %.0f hours. For others see weir url --help.\n\n",
		links.studio, links.play.Watch, demoTTL.Hours())
	return err
}
