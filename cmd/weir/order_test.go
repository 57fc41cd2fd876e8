package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestInOrder: a group stops when those before it are over, whatever the reason was.
func TestInOrder(t *testing.T) {
	errPart := errors.New("a part failed")
	for name, c := range map[string]struct {
		fails int // which part fails; -1: the context ends
		want  []int
	}{
		"stop":             {-1, []int{0, 1, 2}},
		"the first fails":  {0, []int{0, 1, 2}},
		"the second fails": {1, []int{1, 0, 2}},
		"the last fails":   {2, []int{2, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				var mu sync.Mutex
				var ended []int
				waits := func(n int) part {
					return func(ctx context.Context) error {
						var err error
						if n == c.fails {
							time.Sleep(time.Second)
							err = errPart
						} else {
							<-ctx.Done()
							time.Sleep(time.Second) // who is not waited for stops too early
						}
						mu.Lock()
						defer mu.Unlock()
						ended = append(ended, n)
						return err
					}
				}
				if c.fails < 0 {
					time.AfterFunc(time.Second, stop)
				}
				err := inOrder(ctx, []part{waits(0)}, []part{waits(1)}, []part{waits(2)})
				if !slices.Equal(ended, c.want) || errors.Is(err, errPart) != (c.fails >= 0) {
					t.Errorf("ended %v with %v, want %v", ended, err, c.want)
				}
			})
		})
	}
}
