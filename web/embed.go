// Package web holds weir's pages and browser code as files inside the binary.
//
// It serves nothing itself: the caller maps paths to the files of FS. The files are the committed output of
// the build described in web/README.md; the package starts no goroutine.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// The pages by file name in FS.
const (
	IndexPage  = "index.html"
	StudioPage = "studio.html"
	WatchPage  = "watch.html"
	// GeneratorPage makes addresses.
	GeneratorPage = "generator.html"
)

// ContentSecurityPolicy is the policy that the pages are built for and that they should be served with:
// no inline script or style, workers from blobs (mpegts.js), media and requests to wherever a stream is.
const ContentSecurityPolicy = "default-src 'self'; script-src 'self' blob:; worker-src 'self' blob:; " +
	"media-src 'self' blob:; connect-src *; style-src 'self'; img-src 'self' data:"

// FS returns the built files: the pages at the root and everything they load below assets/. Names below
// assets/ contain a hash of the content, so those files never change.
func FS() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		// Only an invalid path makes Sub fail, and this one is a constant.
		panic(err)
	}
	return sub
}
