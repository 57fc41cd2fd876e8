package web

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

var (
	reference = regexp.MustCompile(`(?:src|href)="([^"]+\.(?:js|css|svg))"`)
	script    = regexp.MustCompile(`<script\b[^>]*>`)
)

// A page may be served at any depth (/watch/{room}/{stream}), so what it loads must stand under an absolute
// path, and it must be among the files.
func TestPagesLoadOnlyEmbeddedFilesByAbsolutePath(t *testing.T) {
	files := FS()
	for _, page := range []string{IndexPage, StudioPage, WatchPage, GeneratorPage} {
		html, err := fs.ReadFile(files, page)
		if err != nil {
			t.Fatal(err)
		}
		refs := reference.FindAllStringSubmatch(string(html), -1)
		if len(refs) == 0 {
			t.Errorf("%s loads nothing", page)
		}
		for _, ref := range refs {
			name, ok := strings.CutPrefix(ref[1], "/assets/")
			if !ok {
				t.Errorf("%s loads %q, want a path below /assets/", page, ref[1])
				continue
			}
			if _, err := fs.Stat(files, "assets/"+name); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

func TestPagesObeyTheirPolicy(t *testing.T) {
	for _, page := range []string{IndexPage, StudioPage, WatchPage, GeneratorPage} {
		html, err := fs.ReadFile(FS(), page)
		if err != nil {
			t.Fatal(err)
		}
		text := string(html)
		for _, tag := range script.FindAllString(text, -1) {
			if !strings.Contains(tag, " src=") {
				t.Errorf("%s has an inline script: %s", page, tag)
			}
		}
		if strings.Contains(text, "<style") || strings.Contains(text, ` style="`) {
			t.Errorf("%s has an inline style", page)
		}
	}
}

// The licences of mpegts.js and hls.js ask that their text goes with the code.
func TestLicencesOfBundledCodeAreEmbedded(t *testing.T) {
	text, err := fs.ReadFile(FS(), "assets/licenses.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mpegts.js", "hls.js"} {
		if !strings.Contains(string(text), name) {
			t.Errorf("no licence of %s", name)
		}
	}
}
