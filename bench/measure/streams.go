package measure

import (
	"context"
	"fmt"
	"time"

	"weir/bench/publish"
	"weir/testdata"
)

// Streams are publishers of one server.
type Streams struct {
	Sessions []*publish.Session
	Connect  []float64 // ms that each took to connect
}

// Publish lets so many publishers come one after another, as bench/s0, bench/s1, …, each with the samples or what
// stands in o instead.
func Publish(ctx context.Context, s *Server, n int, o publish.Options) (*Streams, error) {
	all := new(Streams)
	if o.H264 == "" {
		o.H264 = testdata.Path("bars-360p.h264")
	}
	if o.Ogg == "" {
		o.Ogg = testdata.Path("tone.ogg")
	}
	for i := range n {
		o.URL, o.Token, o.Loop = fmt.Sprintf("http://%s/whip/bench/s%d", s.HTTP, i), s.Token, true
		begin := time.Now()
		p, err := publish.Start(ctx, o)
		if err != nil {
			all.End()
			return nil, fmt.Errorf("cannot publish stream %d: %w", i, err)
		}
		all.Connect = append(all.Connect, Milliseconds(time.Since(begin)))
		all.Sessions = append(all.Sessions, p)
	}
	return all, nil
}

// End closes the connections.
func (s *Streams) End() {
	for _, p := range s.Sessions {
		p.Close()
	}
}

// Packets is how many were sent so far.
func (s *Streams) Packets() (n uint64) {
	for _, p := range s.Sessions {
		n += p.SentVideo().Packets + p.SentAudio().Packets
	}
	return n
}

// Asked is how many of them were asked for again so far.
func (s *Streams) Asked() (n uint64) {
	for _, p := range s.Sessions {
		n += p.NACKCount()
	}
	return n
}
