//go:build linux

// Command weir-netsim runs a shell command at each end of a bad network, with nothing else in reach: a server at one
// end (10.231.0.1), a client at the other (10.231.0.2). It ends with the client. Lines on standard input change the
// network meanwhile, such as "loss=10 burst=4" or "blackhole=1"; "stats" prints what went both ways.
//
//	weir-netsim -set "loss=2 delay=40ms" -a "bin/weir serve" -b "sleep 1; weir-publish -url http://10.231.0.1:8080/whip/a/b"
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"weir/bench/netsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "weir-netsim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	a := flag.String("a", "", "shell command at 10.231.0.1, ended with that of the other end")
	b := flag.String("b", "", "shell command at 10.231.0.2")
	set := flag.String("set", "", "what the network does: loss, burst, delay, jitter, reorder, dup, rate, queue, blackhole")
	seed := flag.Uint64("seed", 1, "seed of what happens by chance")
	flag.Parse()
	c := netsim.Conditions{Queue: 200 * time.Millisecond}
	if err := c.Set(*set); err != nil {
		return err
	}
	wire, err := netsim.New(netip.MustParsePrefix("10.231.0.0/24"), netsim.Seed(*seed))
	if err != nil {
		return err
	}
	wire.Set(c)
	ctx, cancel := context.WithCancel(ctx)
	carried := make(chan error, 1)
	go func() { carried <- wire.Run(ctx) }()
	go control(wire, c) // ends with the process, as standard input may never
	err = both(ctx, wire, *a, *b)
	cancel()
	return errors.Join(err, <-carried)
}

// both runs the commands until the second one is over.
func both(ctx context.Context, wire *netsim.Wire, a, b string) error {
	server, err := start(ctx, wire.A, a)
	if err != nil {
		return err
	}
	client, err := start(ctx, wire.B, b)
	if err == nil {
		err = client.Wait()
	}
	_ = server.Process.Signal(syscall.SIGTERM) // it may be gone
	_ = server.Wait()                          // it was ended from here
	return err
}

// start runs a command at one end. The end of ctx ends it.
func start(ctx context.Context, at *netsim.Namespace, command string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := at.Do(cmd.Start); err != nil {
		return nil, fmt.Errorf("cannot start %q: %w", command, err)
	}
	return cmd, nil
}

// control obeys standard input until it ends.
func control(wire *netsim.Wire, c netsim.Conditions) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "stats" {
			there, back := wire.Stats()
			fmt.Fprintf(os.Stderr, "there %+v, back %+v\n", there, back)
			continue
		}
		if err := c.Set(lines.Text()); err != nil {
			fmt.Fprintln(os.Stderr, "weir-netsim:", err)
			continue
		}
		wire.Set(c)
	}
}
