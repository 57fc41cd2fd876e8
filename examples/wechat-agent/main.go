// Command wechat-agent is an example: a customer-service bridge between a WeChat subscription account and an agent in the room
// system, written as an integrator would, against the public interfaces alone. README.md says how to run it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"weir/examples/wechat-agent/bridge"
	"weir/examples/wechat-agent/im"
	"weir/examples/wechat-agent/wechat"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	err := run(ctx, os.Getenv, log)
	stop()
	if err != nil {
		log.Error("stopped", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, env func(string) string, log *slog.Logger) error {
	c, err := readConfig(env)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.listen)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	log.Info("listening", "address", listener.Addr().String())
	return serve(ctx, c, listener, log)
}

// serve answers WeChat and the room system on a listener, which it closes.
func serve(ctx context.Context, c config, listener net.Listener, log *slog.Logger) error {
	client := &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	rooms := &im.Client{Base: c.rooms, App: c.app, Key: c.key, Admin: c.admin, HTTP: client, Now: time.Now}
	if err := rooms.ImportAccount(ctx, c.agent); err != nil {
		return errors.Join(fmt.Errorf("cannot import the agent: %w", err), listener.Close())
	}
	b := &bridge.Bridge{
		Token: c.token, CallbackToken: c.callbackToken, App: c.app, Agent: c.agent, Rooms: rooms, Now: time.Now, Log: log,
		Customers: &wechat.Client{Base: c.wechat, ID: c.wechatID, Secret: c.wechatSecret, HTTP: client, Now: time.Now},
	}
	server := &http.Server{
		Handler: b.Handler(), MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("cannot serve: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := server.Shutdown(last)
	if ended := <-ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
