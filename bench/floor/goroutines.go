package floor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// responseHead is what every viewer gets before the recording's preamble.
const responseHead = "HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n"

// node is a batch in the list that all viewers walk along.
type node struct {
	ready chan struct{} // closed when data and next are there
	data  []byte
	next  *node
}

// Goroutines sends the recording to whoever connects, a goroutine a viewer, until ctx ends, which is no error.
func Goroutines(ctx context.Context, l net.Listener, rec *Recording, join time.Duration, origin time.Time) error {
	var all sync.WaitGroup
	defer all.Wait()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	var mu sync.Mutex // guards end
	end := &node{ready: make(chan struct{})}
	all.Go(func() {
		pace(rec.batches(join), rec.Length, origin, ctx.Done(), func(data []byte) {
			mu.Lock()
			defer mu.Unlock()
			end.data, end.next = data, &node{ready: make(chan struct{})}
			close(end.ready)
			end = end.next
		})
	})
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed): // that was asked for
			return nil
		case err != nil:
			return fmt.Errorf("cannot take a viewer: %w", err)
		}
		all.Go(func() {
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			defer func() { _ = conn.Close() }()
			if err := greet(conn, rec); err != nil {
				return
			}
			mu.Lock()
			n := end
			mu.Unlock()
			follow(ctx, conn, n)
		})
	}
}

// greet reads the request and begins the response.
func greet(conn net.Conn, rec *Recording) error {
	for lines := bufio.NewReaderSize(conn, 512); ; {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= len("\r\n") {
			break
		}
	}
	_, err := conn.Write(append([]byte(responseHead), rec.Preamble...))
	return err
}

// follow writes what comes after n until the viewer is gone or ctx ends.
func follow(ctx context.Context, conn net.Conn, n *node) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.ready:
		}
		if _, err := conn.Write(n.data); err != nil {
			return
		}
		n = n.next
	}
}
