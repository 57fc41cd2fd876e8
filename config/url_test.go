package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestURLShowsNoSecret(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "",
		"https://example.com/cb":               "https://example.com/cb",
		"https://example.com:8443/a%20b?key=x": "https://example.com:8443/a%20b?[redacted]",
		"https://weir:canary@example.com/":     "https://[redacted]@example.com/",
		"css=https://canary@example.com?t=c":   "css=https://[redacted]@example.com?[redacted]",
		"https://example.com/%zz/canary":       "[redacted]",
	} {
		if got := URL(text).String(); got != want {
			t.Errorf("%s: got %s", text, got)
		}
	}
	c := Default()
	c.IM.CallbackURL = "https://weir:canary@example.com/cb?key=canary"
	c.Hook.URLs = URLs{"css=https://canary@example.com/", "https://example.com/?canary"}
	var out bytes.Buffer
	if err := c.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb, c.IM, c.Hook, c.Hook.URLs)
	}
	if err := json.NewEncoder(&out).Encode(c); err != nil {
		t.Fatal(err)
	}
	c.Hook.URLs = URLs{"css=ftp://canary@example.com/"}
	c.Edge.Origins = []string{"https://weir:canary@origin.example.com", "https://origin.example.com/?canary"}
	c.Record.S3.Endpoint, c.Images.S3.Endpoint = "https://weir:canary@s3.example.com", "https://s3.example.com/?key=canary"
	fmt.Fprint(&out, c.Validate())
	if text := out.String(); strings.Contains(text, "canary") || strings.Contains(text, fmt.Sprintf("%x", "canary")) {
		t.Errorf("a secret stands in\n%s", text)
	}
}

// TestURLsFromEverywhere: a file has a list, the environment texts with commas between them.
func TestURLsFromEverywhere(t *testing.T) {
	want := URLs{"css=https://a:b@example.com/?c=d", "https://example.com"}
	file := filepath.Join(t.TempDir(), "weir.yaml")
	text := "hook: {urls: ['css=https://a:b@example.com/?c=d', 'https://example.com'], key: 0123456789abcdef}\nim: {callback_url: 'http://a:b@c/d'}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, nil)
	if err != nil || !slices.Equal(c.Hook.URLs, want) || string(c.IM.CallbackURL) != "http://a:b@c/d" {
		t.Errorf("from the file: %v, %v", c, err)
	}
	t.Setenv("WEIR_HOOK_URLS", "css=https://a:b@example.com/?c=d, https://example.com")
	t.Setenv("WEIR_IM_CALLBACK_URL", "http://a:b@c/d")
	c, err = Load("", nil)
	if err != nil || !slices.Equal(c.Hook.URLs, want) || string(c.IM.CallbackURL) != "http://a:b@c/d" {
		t.Errorf("from the environment: %v, %v", c, err)
	}
	if w := c.Warnings(); len(w) != 1 || !strings.HasPrefix(w[0], "hook.key") {
		t.Errorf("warnings: %q", w)
	}
}

func TestValidateHooks(t *testing.T) {
	for _, tc := range []struct {
		key string
		set func(*Config)
	}{
		{"im.callback_url", func(c *Config) { c.IM.CallbackURL = "example.com/cb" }},
		{"im.callback_url", func(c *Config) { c.IM.CallbackURL = "css=http://example.com/cb" }},
		{"hook.urls", func(c *Config) { c.Hook.URLs = URLs{"zlm=http://example.com/cb"} }},
		{"hook.urls", func(c *Config) { c.Hook.URLs = URLs{"css=example.com"} }},
		{"hook.urls", func(c *Config) { c.Hook.URLs = URLs{"http://"} }},
		{"hook.key", func(c *Config) { c.Hook.Key = "short" }},
		{"hook.ask", func(c *Config) { c.Hook.Ask = []string{"connect"} }},
		{"hook.server", func(c *Config) { c.Hook.Server = "" }},
		{"hook.timeout", func(c *Config) { c.Hook.Timeout = 0 }},
		{"hook.max_age", func(c *Config) { c.Hook.MaxAge = 0 }},
	} {
		c := Default()
		tc.set(c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), tc.key+" is ") {
			t.Errorf("%s: got %v", tc.key, err)
		}
	}
}
