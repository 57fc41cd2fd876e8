package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"weir/room/api"
	"weir/web"
)

// How browsers and caches may keep what pages serve.
const (
	// cacheForever is for files whose name changes with their content.
	cacheForever = "public, max-age=31536000, immutable"
	// cacheAsk is for files that a new version of weir changes: keep them, and ask each time.
	cacheAsk = "no-cache"
)

// assets is the folder of the files with a hash in their name.
const assets = "assets/"

// contentTypes are those of the files that a build of the pages consists of. The system's own table differs
// from machine to machine.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp", ".woff2": "font/woff2",
	".json": "application/json", ".md": "text/markdown; charset=utf-8",
}

// file is one file of the pages, ready to be sent.
type file struct {
	body         []byte
	contentType  string
	etag         string
	cacheControl string
}

// pages serves the browser's side of weir out of memory.
type pages struct{ files map[string]file }

// newPages reads all files. Only they are ever served: there is no path to confine and no listing.
func newPages(fsys fs.FS) (*pages, error) {
	p := &pages{files: make(map[string]file)}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		contentType, ok := contentTypes[path.Ext(name)]
		if !ok {
			return fmt.Errorf("no content type is known for %s", name)
		}
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		f := file{
			body: body, contentType: contentType, cacheControl: cacheAsk,
			etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		}
		if strings.HasPrefix(name, assets) {
			f.cacheControl = cacheForever
		}
		p.files[name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the pages: %w", err)
	}
	return p, nil
}

// page serves one page whatever the path is.
func (p *pages) page(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", web.ContentSecurityPolicy)
		p.serve(w, r, name)
	})
}

// asset serves the file that the path names.
func (p *pages) asset(w http.ResponseWriter, r *http.Request) {
	p.serve(w, r, strings.TrimPrefix(r.URL.Path, "/"))
}

func (p *pages) serve(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := p.files[name]
	if !ok {
		api.Problem(w, r, http.StatusNotFound, api.CodeNotFound, "there is no such file")
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cacheControl)
	h.Set("ETag", f.etag)
	// The ETag is the version; a binary's files have no time.
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}
