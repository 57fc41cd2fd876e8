package main

import (
	"context"
	"net/http"

	"weir/cdnrelay/edge"
	"weir/config"
	"weir/room/api"
	"weir/room/live"
)

// newEdge makes the side of this node towards others.
func (s *server) newEdge(cfg *config.Config) *edge.Edge {
	return edge.New(edge.Options{
		Hub: s.hub, Key: string(cfg.Edge.Key), Origins: cfg.Edge.Origins, Files: ownFiles{s}, Brings: s.pulls.Brings,
		Idle: cfg.Edge.Idle, CacheBytes: int(cfg.Edge.CacheBytes), MaxAge: cfg.FLV.MaxAge, WriteTimeout: cfg.FLV.WriteTimeout,
		Problem: api.Problem, Log: s.log,
	})
}

// ownFiles are the HLS objects of streams that are published here.
type ownFiles struct{ server *server }

// Object implements edge.Files.
func (f ownFiles) Object(ctx context.Context, k live.Key, name string) ([]byte, error) {
	return f.server.hls.Object(ctx, k, name)
}

// betweenNodes are what nodes ask each other for. A room's or stream's id is checked by who answers, like the nodes' key.
func betweenNodes(e *edge.Edge) []route {
	return []route{
		{"GET /edge/{app}/{room}/{stream}", http.HandlerFunc(e.ServeStream)},
		{"GET /edge/{app}/{streamid}", http.HandlerFunc(e.ServeStream)},
		{"GET /edge/{app}/{room}/{stream}/{file}", http.HandlerFunc(e.ServeFile)},
		{"POST /edge/{app}/{room}/{stream}/keyframe", http.HandlerFunc(e.ServeKeyFrame)},
	}
}
