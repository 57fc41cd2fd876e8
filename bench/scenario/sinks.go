package scenario

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"weir/mux/rtmp"
)

// sinks is an RTMP server that takes every push and throws away what comes.
type sinks struct {
	listener net.Listener
	bytes    atomic.Uint64 // that came behind the commands
	began    chan struct{} // a push began
	tasks    sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func listenSinks() (*sinks, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot listen for pushes: %w", err)
	}
	s := &sinks{listener: l, began: make(chan struct{}, 1000)}
	s.tasks.Go(s.accept)
	return s, nil
}

func (s *sinks) addr() string { return s.listener.Addr().String() }

// await waits for so many pushes.
func (s *sinks) await(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("not all pushes came"))
	defer cancel()
	for range n {
		select {
		case <-s.began:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (s *sinks) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.tasks.Wait()
}

func (s *sinks) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
		s.tasks.Go(func() { s.take(conn) })
	}
}

// take answers a push's commands and reads the rest.
func (s *sinks) take(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	if rtmp.Accept(conn, new(rtmp.Random)) != nil {
		return
	}
	if answer(conn, rtmp.NewReader(in, 1<<20)) != nil {
		return
	}
	s.began <- struct{}{}
	buf := make([]byte, 64<<10)
	for {
		n, err := in.Read(buf)
		s.bytes.Add(uint64(n)) //nolint:gosec // not negative
		if err != nil {
			return
		}
	}
}

// answer answers commands up to the one to publish.
func answer(conn net.Conn, in *rtmp.Reader) error {
	for {
		m, err := in.Next()
		if err != nil {
			return err
		}
		if m.Type != rtmp.TypeCommand {
			continue
		}
		cmd, err := rtmp.ParseCommand(m)
		if err != nil {
			return err
		}
		var say rtmp.Message
		switch cmd.Name {
		case "connect":
			say = rtmp.NewCommand(0, "_result", cmd.Transaction, nil, nil)
		case "createStream":
			say = rtmp.NewCommand(0, "_result", cmd.Transaction, nil, 1.0)
		case "publish":
			say = rtmp.NewCommand(1, "onStatus", 0.0, nil, []rtmp.Property{rtmp.Prop("level", "status"), rtmp.Prop("code", "NetStream.Publish.Start")})
		default:
			continue
		}
		if _, err := conn.Write(rtmp.AppendMessage(nil, say, rtmp.DefaultChunk)); err != nil || cmd.Name == "publish" {
			return err
		}
	}
}
