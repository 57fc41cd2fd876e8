//go:build linux

// Command weir-floor sends a recording, or packets, to whoever connects, over and over and in real time, as cheaply as it
// can: what weir's own cost is compared with. weir-bench starts it. It says in one line of JSON where it listens and when the
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
	"weir/bench/publish"
)

// settings are what the flags say.
type settings struct {
	form, flv, h264 string
	join            time.Duration
	fps, frame      int
}

func main() {
	var set settings
	flag.StringVar(&set.form, "form", "goroutines", "FLV by goroutines (one a viewer) or poll (one thread); packets by sendto, segments or srtp; window of the room channel")
	flag.StringVar(&set.flv, "flv", "", "recording in FLV")
	flag.DurationVar(&set.join, "join", 0, "how long tags are collected into one write; 0 writes with every picture")
	flag.StringVar(&set.h264, "h264", "", "H.264 Annex B file, for packets")
	flag.IntVar(&set.fps, "fps", 30, "its pictures a second")
	flag.IntVar(&set.frame, "frame", 0, "bytes that a member of the room channel gets with each window")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, set)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "weir-floor:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, set settings) error {
	switch set.form {
	case "goroutines", "poll":
		return sendFLV(ctx, set)
	case "sendto":
		return sendPackets(ctx, set, floor.UDPForm{})
	case "segments":
		return sendPackets(ctx, set, floor.UDPForm{Segments: true})
	case "srtp":
		return sendPackets(ctx, set, floor.UDPForm{Segments: true, Seal: true})
	case "window":
		return sendWindows(ctx, set)
	default:
		return fmt.Errorf("cannot send in the form %q", set.form)
	}
}

// sendFLV sends a recording over TCP.
func sendFLV(ctx context.Context, set settings) error {
	in, err := os.Open(set.flv)
	if err != nil {
		return err
	}
	rec, err := floor.Read(in)
	_ = in.Close() // read only
	if err != nil {
		return err
	}
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	origin, err := ready(l.Addr())
	if err != nil {
		return err
	}
	if set.form == "poll" {
		return floor.Poll(ctx, l, rec, set.join, origin)
	}
	return floor.Goroutines(ctx, l, rec, set.join, origin)
}

// sendWindows sends what members of the room channel get: every window the same ten messages.
func sendWindows(ctx context.Context, set settings) error {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	if _, err := ready(l.Addr()); err != nil {
		return err
	}
	return floor.Window(ctx, l, floor.Messages(10, set.frame), set.join)
}

// sendPackets sends pictures as datagrams.
func sendPackets(ctx context.Context, set settings, form floor.UDPForm) error {
	stream, err := os.ReadFile(set.h264)
	if err != nil {
		return err
	}
	units := publish.SplitAccessUnits(stream)
	if len(units) == 0 || set.fps <= 0 {
		return fmt.Errorf("cannot send %s: there are no pictures in it", set.h264)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	origin, err := ready(conn.LocalAddr())
	if err != nil {
		return err
	}
	return floor.UDP(ctx, conn, form, floor.Cut(units, set.fps), origin)
}

// ready says where it listens. The recording begins now.
func ready(addr net.Addr) (time.Time, error) {
	origin := time.Now()
	return origin, json.NewEncoder(os.Stdout).Encode(floor.Ready{Listening: addr.String(), Origin: origin})
}
