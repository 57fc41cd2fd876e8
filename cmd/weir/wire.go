package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"weir/config"
	"weir/room/api"
	"weir/room/auth"
	"weir/room/live"
	"weir/web"
)

// server is all of weir, made by wire.
type server struct {
	cfg *config.Config
	log *slog.Logger

	hub           *live.Registry
	public, admin *listener
	ready         atomic.Bool
}

// wire makes every part, opens the sockets and starts nothing.
func wire(cfg *config.Config, key auth.Secret, log *slog.Logger) (*server, error) {
	s := &server{cfg: cfg, log: log}
	authorizer, err := auth.New(auth.Options{App: newApp(cfg, key), Publish: publishMode(cfg)})
	if err != nil {
		return nil, err
	}
	s.hub = live.NewRegistry(live.Options{
		RingBytes: int(cfg.Live.RingBytes), RingTime: cfg.Live.RingTime, Fresh: cfg.Live.Fresh,
		Grace: cfg.Ingest.Grace, TrackWait: cfg.Ingest.TrackWait, MaxStreams: cfg.Ingest.MaxStreams, Log: log,
	})
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), s.hub.Stats())
	pages, err := newPages(web.FS())
	if err != nil {
		return nil, err
	}
	mux := newMux(routes(doors{
		pages: pages,
		api:   api.New(api.Options{Lister: lister{hub: s.hub}, Auth: authorizer, Log: log}),
		whip:  http.NotFoundHandler(), flv: http.NotFoundHandler(), hls: http.NotFoundHandler(), hlsFile: http.NotFoundHandler(),
	}))
	if err := s.listen(publicHandler(mux, cfg.HTTP.Origins, log), adminHandler(metrics, s.ready.Load)); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func publishMode(cfg *config.Config) auth.Mode {
	if cfg.Auth.Publish == "open" {
		return auth.PublishOpen
	}
	return auth.PublishUserSig
}

// listen opens the sockets.
func (s *server) listen(public, admin http.Handler) error {
	var cert *tls.Certificate
	if s.cfg.HTTP.TLS.Cert != "" {
		pair, err := tls.LoadX509KeyPair(s.cfg.HTTP.TLS.Cert, s.cfg.HTTP.TLS.Key)
		if err != nil {
			return fmt.Errorf("cannot load the certificate of http.tls: %w", err)
		}
		cert = &pair
	}
	var err error
	if s.public, err = listen("http", s.cfg.HTTP.Listen, public, cert, s.log); err != nil {
		return err
	}
	s.admin, err = listen("admin", s.cfg.Admin.Listen, admin, nil, s.log)
	return err
}

// close gives back the sockets of a server that never ran.
func (s *server) close() error {
	var errs []error
	for _, l := range []*listener{s.public, s.admin} {
		if l != nil {
			errs = append(errs, l.socket.Close())
		}
	}
	return errors.Join(errs...)
}

// Run runs all parts until ctx is done or one of them fails, and then stops in order: no longer ready, streams
// and the main listener end, the operator's listener last.
func (s *server) Run(ctx context.Context) error {
	s.ready.Store(true)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.hub.Run(ctx) })
	g.Go(s.public.serve)
	g.Go(s.admin.serve)
	g.Go(func() error {
		<-ctx.Done()
		s.ready.Store(false)
		s.log.Info("stopping", "within", s.cfg.ShutdownTimeout)
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.ShutdownTimeout)
		defer cancel()
		s.public.shutdown(patience, s.log)
		s.admin.shutdown(patience, s.log)
		return nil
	})
	return g.Wait()
}
