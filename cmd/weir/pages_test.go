package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"
)

func TestPages(t *testing.T) {
	p, err := newPages(fstest.MapFS{
		"index.html":     {Data: []byte("<!doctype html>")},
		"assets/a-12.js": {Data: []byte("export {}")},
	})
	if err != nil {
		t.Fatal(err)
	}
	page, asset := p.page("index.html"), http.HandlerFunc(p.asset)
	for _, tc := range []struct {
		name, path               string
		handler                  http.Handler
		status                   int
		contentType, cache, body string
		csp                      bool
	}{
		{"page", "/", page, 200, "text/html; charset=utf-8", "no-cache", "<!doctype html>", true},
		{"page under another path", "/watch/r/s", page, 200, "text/html; charset=utf-8", "no-cache", "<!doctype html>", true},
		{"asset", "/assets/a-12.js", asset, 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "export {}", false},
		{"no asset", "/assets/b.js", asset, 404, "application/problem+json", "no-store", "", false},
		{"the folder", "/assets/", asset, 404, "application/problem+json", "no-store", "", false},
		{"parent", "/assets/../index.html", asset, 404, "application/problem+json", "no-store", "", false},
	} {
		w := get(tc.handler, tc.path, "")
		h := w.Header()
		if w.Code != tc.status || h.Get("Content-Type") != tc.contentType || h.Get("Cache-Control") != tc.cache {
			t.Errorf("%s: got %d, %v", tc.name, w.Code, h)
		}
		if tc.body != "" && w.Body.String() != tc.body {
			t.Errorf("%s: got %q", tc.name, w.Body)
		}
		if (h.Get("Content-Security-Policy") != "") != tc.csp {
			t.Errorf("%s: policy %q", tc.name, h.Get("Content-Security-Policy"))
		}
		if tc.status != http.StatusOK {
			continue
		}
		if again := get(tc.handler, tc.path, h.Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%s: asked again with its ETag: %d", tc.name, again.Code)
		}
	}
}

func TestPagesRefuseUnknownTypes(t *testing.T) {
	if _, err := newPages(fstest.MapFS{"assets/a.exe": {}}); err == nil {
		t.Error("no error")
	}
}

func get(h http.Handler, path, etag string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.URL.Path = path
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
