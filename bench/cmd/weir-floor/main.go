//go:build linux

// Command weir-floor sends a recording to whoever connects, over and over and in real time, as cheaply as it can: what
// weir's own cost is compared with. weir-bench starts it. It says in one line of JSON where it listens and when the
// recording began.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"weir/bench/floor"
)

func main() {
	form := flag.String("form", "goroutines", "goroutines (one a viewer) or poll (one thread)")
	file := flag.String("flv", "", "recording in FLV")
	join := flag.Duration("join", 0, "how long tags are collected into one write; 0 writes with every picture")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *form, *file, *join)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "weir-floor:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, form, file string, join time.Duration) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	rec, err := floor.Read(in)
	_ = in.Close() // read only
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	origin := time.Now()
	if err := json.NewEncoder(os.Stdout).Encode(floor.Ready{Listening: l.Addr().String(), Origin: origin}); err != nil {
		return err
	}
	switch form {
	case "goroutines":
		return floor.Goroutines(ctx, l, rec, join, origin)
	case "poll":
		return floor.Poll(ctx, l.(*net.TCPListener), rec, join, origin)
	default:
		return fmt.Errorf("cannot serve in the form %q", form)
	}
}
