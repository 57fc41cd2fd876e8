package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"

	"weir/config"
	"weir/room/api"
	"weir/room/auth"
	"weir/room/im"
	"weir/room/images"
)

// imagesDir is what of data_dir holds pictures.
const imagesDir = "images"

// newImages takes and serves the pictures of messages.
func newImages(cfg *config.Config, who visitors, at *sites, log *slog.Logger) (*images.Images, error) {
	s3 := cfg.Images.S3
	return images.New(images.Options{
		Dir: cmp.Or(cfg.Images.Dir, filepath.Join(cfg.DataDir, imagesDir)),
		S3: images.S3{
			Endpoint: s3.Endpoint, Region: s3.Region, Bucket: s3.Bucket, AccessKey: s3.AccessKey, SecretKey: string(s3.SecretKey),
		},
		MaxBytes: int64(cfg.Images.MaxBytes), Keep: cfg.Images.Keep,
		Authorize: who.uploader, Status: auth.Status, Problem: api.Problem, Log: log,
		Base: func(r *http.Request) string {
			site, err := at.of(r)
			if err != nil {
				return "" // addresses then begin with their path
			}
			return site.HTTP
		},
	})
}

// uploader tells who sends a picture: a user who may enter a room, so that there is somebody to show it to.
func (v visitors) uploader(r *http.Request) (im.Actor, error) {
	app := auth.AppOf(r.URL.RawQuery)
	user, err := v.auth.Verify(r.Context(), app, auth.Token(r))
	if err != nil {
		return im.Actor{}, err
	}
	if l := user.Limit; l != nil && !user.May(auth.RightEnterRoom, l.Room) {
		return im.Actor{}, fmt.Errorf("%w: the token lets it enter no room", auth.ErrForbidden)
	}
	if app == auth.DefaultApp {
		app = v.apps.Default()
	}
	return im.Actor{App: app, User: user.ID}, nil
}

// pictures are the paths of pictures.
func pictures(i *images.Images) []route {
	return []route{
		{"POST /api/v1/images", i},
		{"GET /images/{app}/{name}", http.HandlerFunc(i.Get)},
	}
}
