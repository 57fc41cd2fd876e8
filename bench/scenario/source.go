package scenario

import (
	"context"
	"fmt"
	"time"

	"weir/bench/crowd"
	"weir/bench/measure"
	"weir/bench/publish"
)

// flvPath is where the stream is watched by HTTP-FLV.
const flvPath = "/live/bench/s0.flv"

// source is a server with one publisher.
type source struct {
	*measure.Server
	publisher *publish.Session
	pictures  *crowd.Pictures
}

// start starts a server and publishes.
func (o *Options) start(ctx context.Context, fps int, settings ...string) (*source, error) {
	server, err := measure.Start(ctx, o.Weir, append(settings, o.Settings...)...)
	if err != nil {
		return nil, err
	}
	s := &source{Server: server, pictures: crowd.NewPictures()}
	s.publisher, err = publish.Start(ctx, publish.Options{
		URL: fmt.Sprintf("http://%s/whip/bench/s0", server.HTTP), Token: server.Token, H264: o.H264, Ogg: o.Ogg, FPS: fps,
		Loop: true, StapA: true, RTX: true,
		OnNAL: func(nal []byte, _ time.Duration) { s.pictures.Send(nal) },
	})
	if err != nil {
		server.Stop()
		return nil, fmt.Errorf("cannot publish: %w", err)
	}
	return s, nil
}

func (s *source) stop() {
	s.publisher.Close()
	s.Stop()
}
