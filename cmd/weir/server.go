package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Bounds of what a client may make a listener wait for or hold.
const (
	headerTimeout = 5 * time.Second
	idleTimeout   = time.Minute
	maxHeader     = 16 << 10
)

// listener is an HTTP server on its open socket.
type listener struct {
	name   string
	server *http.Server
	socket net.Listener
}

// listen opens the socket, so that an address in use is an error at once and a port 0 is known from here on.
// With a configuration of TLS the listener speaks HTTPS.
func listen(name, addr string, h http.Handler, secure *tls.Config, log *slog.Logger) (*listener, error) {
	socket, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for %s: %w", name, err)
	}
	l := &listener{name: name, socket: socket, server: &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		// What net/http has to say is about single clients, such as a failed TLS handshake.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	if secure != nil {
		l.server.TLSConfig = secure
	}
	return l, nil
}

// serve answers until shutdown.
func (l *listener) serve() error {
	var err error
	if l.server.TLSConfig != nil {
		err = l.server.ServeTLS(l.socket, "", "")
	} else {
		err = l.server.Serve(l.socket)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("cannot serve %s: %w", l.name, err)
}

// shutdown takes no more requests, waits for those under way until ctx ends, and then cuts them.
func (l *listener) shutdown(ctx context.Context, log *slog.Logger) {
	if err := l.server.Shutdown(ctx); err != nil {
		log.Warn("connections were cut", "listener", l.name, "error", err)
		_ = l.server.Close() // closes what Shutdown was waiting for; its error adds nothing
	}
}

// text is an address; empty when there is none.
func text(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// addr is where the listener can be reached.
func (l *listener) addr() string { return l.socket.Addr().String() }
