package e2e

import (
	"net/http"
	"path"
	"strings"
	"testing"
)

// testPages: the pages and the operator's listener answer, with the right types, and a policy that runs no foreign
// script.
func testPages(t *testing.T, s *server) {
	for _, page := range []string{"/", "/studio", "/watch/demo/cam"} {
		a := get(t, s.http+page)
		if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %s %s", page, a.Status, a.Header.Get("Content-Type"))
		}
		policy := a.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src") || strings.Contains(policy, "unsafe-eval") ||
			strings.Contains(directive(policy, "script-src"), "unsafe-inline") {
			t.Errorf("%s: Content-Security-Policy %q", page, policy)
		}
		if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: header %v", page, a.Header)
		}
		checkAssets(t, s, string(a.body))
	}
	for _, c := range []struct{ url, kind, says string }{
		{s.admin + "/healthz", "text/plain", "ok"},
		{s.admin + "/readyz", "text/plain", "ok"},
		{s.admin + "/metrics", "text/plain", "weir_streams{"},
		{s.http + "/live", "application/json", `"streams":[`},
	} {
		a := get(t, c.url)
		if a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), c.kind) || !strings.Contains(string(a.body), c.says) {
			t.Errorf("%s: %s %s", c.url, a.Status, a.Header.Get("Content-Type"))
		}
	}
	for _, page := range []string{"/metrics", "/healthz", "/readyz", "/debug/pprof/"} {
		if a := get(t, s.http+page); a.StatusCode != http.StatusNotFound {
			t.Errorf("the main listener answers %s with %s: it belongs to the operator's", page, a.Status)
		}
	}
}

// directive is one directive of a policy.
func directive(policy, name string) string {
	for d := range strings.SplitSeq(policy, ";") {
		if d = strings.TrimSpace(d); strings.HasPrefix(d, name+" ") {
			return d
		}
	}
	return ""
}

// assetTypes are the content types of what pages load.
var assetTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}

// checkAssets fetches what a page loads from its own server.
func checkAssets(t *testing.T, s *server, html string) {
	t.Helper()
	n := 0
	for _, piece := range strings.Split(html, `"/assets/`)[1:] {
		name, _, _ := strings.Cut(piece, `"`)
		a := get(t, s.http+"/assets/"+name)
		if kind, ok := assetTypes[path.Ext(name)]; !ok || a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != kind || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s %v", name, a.Status, a.Header)
		}
		n++
	}
	if n == 0 {
		t.Errorf("a page without assets:\n%s", html)
	}
}
