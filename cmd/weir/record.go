package main

import (
	"cmp"
	"log/slog"
	"net/http"
	"path/filepath"

	"weir/cdnrelay/record"
	"weir/config"
	"weir/room/api"
	"weir/room/apps"
	"weir/room/auth"
	"weir/room/hook"
	"weir/room/live"
	"weir/room/store"
)

// recordingsDir is what of data_dir holds recordings.
const recordingsDir = "recordings"

// newRecorder records streams.
func newRecorder(cfg *config.Config, hub *live.Registry, kept *store.Store, known *apps.Apps, hooks *hook.Hooks, who *auth.Authorizer, at *sites, log *slog.Logger) (*record.Recorder, error) {
	c, s3 := cfg.Record, cfg.Record.S3
	o := record.Options{
		Hub: hub, Index: kept, Exists: known.Exists, Hooks: hooks, Auth: who,
		Dir: cmp.Or(c.Dir, filepath.Join(cfg.DataDir, recordingsDir)),
		S3: record.S3{
			Endpoint: s3.Endpoint, Region: s3.Region, Bucket: s3.Bucket, AccessKey: s3.AccessKey, SecretKey: string(s3.SecretKey),
		},
		Split: c.Split, SplitBytes: int64(c.SplitBytes), Fragment: c.Fragment, Sync: c.Sync, Keep: c.Keep, MaxBytes: int64(c.MaxBytes),
		MaxRecordings: c.MaxRecordings, Site: cfg.HTTP.PublicURL, Encoder: maker(), Problem: api.Problem, Log: log,
		Base: func(r *http.Request) string {
			site, err := at.of(r)
			if err != nil {
				return "" // addresses then begin with their path
			}
			return site.HTTP
		},
	}
	for _, rule := range c.Rules {
		o.Rules = append(o.Rules, record.Rule{
			Match: rule.Match, App: rule.App, Spec: record.Spec{Format: rule.Format, Audio: rule.Audio},
		})
	}
	return record.New(o)
}

// recordings are the paths of recordings, and of still pictures. Who may watch a stream may watch what was recorded of it.
func recordings(d doors) []route {
	r := d.record
	return []route{
		{"GET /api/v1/recordings", http.HandlerFunc(r.List)},
		{"POST /api/v1/recordings", http.HandlerFunc(r.Create)},
		{"GET /api/v1/recordings/{id}", http.HandlerFunc(r.Show)},
		{"DELETE /api/v1/recordings/{id}", http.HandlerFunc(r.Remove)},
		{"POST /api/v1/recordings/{id}/stop", http.HandlerFunc(r.Finish)},

		{"GET /recordings/{room}/{stream}/{file}", checkIDs(d.mayPlay(false, r.ServePlaylist))},
		{"GET /recordings/{room}/{stream}/{id}/{file}", checkIDs(d.mayPlay(false, r.ServeFile))},
		{"GET /live/{room}/{stream}/poster.mp4", d.origin.Streams(checkIDs(d.mayPlay(false, r.ServePoster)))},
	}
}
