package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/room/im"
)

// BenchmarkKeepMessage keeps messages by so many callers at once: an operation is one message, acknowledged. commits/op
// shows how many shared one.
func BenchmarkKeepMessage(b *testing.B) {
	for name, where := range grounds {
		for _, callers := range []int{1, 8, 64, 512} {
			b.Run(fmt.Sprintf("%s/callers=%d", name, callers), func(b *testing.B) {
				s := openFor(b, where(b))
				m := im.Message{App: 1, From: "ann", Nick: "Ann", Body: []im.Element{{Type: im.ElemText, Content: []byte(`{"Text":"how do you do?"}`)}}}
				before := commitsOf(b, s)
				b.ReportAllocs()
				b.ResetTimer()
				var all sync.WaitGroup
				turns := make(chan int)
				for range callers {
					all.Go(func() {
						for i := range turns {
							m := m
							m.To = fmt.Sprint("user", i%1000)
							if _, err := s.KeepMessage(context.Background(), m, time.Now().Add(time.Hour)); err != nil {
								b.Error(err)
							}
						}
					})
				}
				for i := range b.N {
					turns <- i
				}
				close(turns)
				all.Wait()
				b.StopTimer()
				b.ReportMetric(float64(commitsOf(b, s)-before)/float64(b.N), "commits/op")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			})
		}
	}
}

func openFor(b *testing.B, opts Options) *Store {
	b.Helper()
	s, err := Open(b.Context(), opts)
	ok(b, err)
	b.Cleanup(func() { ok(b, s.Close()) })
	ok(b, s.write(b.Context(), "make accounts", func(a access) error {
		for i := range 1000 {
			if err := insertAccount(a, 1, fmt.Sprint("user", i), nil, noon); err != nil {
				return err
			}
		}
		return nil
	}))
	return s
}

// BenchmarkQueue takes a message's callbacks through the queue, 64 at once as the couriers do, with so many others that
// wait for a receiver who is down.
func BenchmarkQueue(b *testing.B) {
	for name, where := range grounds {
		for _, waiting := range []int{0, 100_000} {
			b.Run(fmt.Sprintf("%s/waiting=%d", name, waiting), func(b *testing.B) {
				s, ctx := openFor(b, where(b)), context.Background()
				body := []byte(strings.Repeat("b", 500))
				of := func(receiver string, n int) []Delivery {
					list := make([]Delivery, n)
					for i := range list {
						list[i] = Delivery{App: 1, Receiver: receiver, Key: fmt.Sprint("room", i%100), Body: body, Created: noon, Next: noon}
					}
					return list
				}
				for left := waiting; left > 0; left -= 1000 {
					ok(b, s.Enqueue(ctx, of("down", 1000)))
				}
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					ok(b, s.Enqueue(ctx, of("up", 64)))
					if _, err := s.Receivers(ctx, noon); err != nil {
						b.Fatal(err)
					}
					due, err := s.DueFor(ctx, "up", noon, 64)
					if err != nil || len(due) != 64 {
						b.Fatal(len(due), err)
					}
					ok(b, s.Delivered(ctx, idsOf(due)))
				}
				b.ReportMetric(64*float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
			})
		}
	}
}
