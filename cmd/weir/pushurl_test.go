package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPushURL(t *testing.T) {
	dir := t.TempDir()
	keyPath := filepath.Join(dir, "cdn.key")
	if err := os.WriteFile(keyPath, []byte("e12c46f2612d5106e2034781ab261ca3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args  []string
		wants []string
	}{
		{[]string{"--room", "demo", "--stream", "cam"}, []string{
			"rtmp    rtmp://localhost/live/demo/cam?sign=w1.", "server  rtmp://localhost/live\n", "key     demo/cam?sign=w1.",
			"whip    http://localhost:8080/whip/demo/cam?sign=w1.",
		}},
		{[]string{"--streamid", "1400000000_demo_host_main", "--dialect", "tencent"}, []string{
			"rtmp    rtmp://localhost/live/1400000000_demo_host_main?txSecret=",
			"whip    http://localhost:8080/whip/demo/host?streamid=1400000000_demo_host_main&txSecret=",
		}},
		{[]string{"--to", "rtmp://push.example.com/live/cam", "--dialect", "tencent", "--key-file", keyPath}, []string{
			"rtmp    rtmp://push.example.com/live/cam?txSecret=", "server  rtmp://push.example.com/live\n", "key     cam?txSecret=",
		}},
		{[]string{"--streamid", "1400000001_demo_host_main", "--auth.apps", `[{"id":1400000001,"key":"` + otherKey + `"}]`}, []string{
			"rtmp    rtmp://localhost/live/1400000001_demo_host_main?sdkappid=1400000001&sign=w1.", // the app that has the id
		}},
		{[]string{"--streamid", "1400000001_demo_host_main"}, []string{"rtmp    rtmp://localhost/live/1400000001_demo_host_main?sign=w1."}}, // nobody has it
		{[]string{"--to", "https://push.example.com/whip/cam", "--dialect", "plain"}, []string{"push    https://push.example.com/whip/cam\n"}},
	} {
		out, _, err := run(t, append([]string{"push-url", "--data_dir", dir}, c.args...)...)
		if err != nil {
			t.Errorf("%v: %v", c.args, err)
		}
		for _, want := range c.wants {
			if !strings.Contains(out, want) {
				t.Errorf("%v: %q is missing in\n%s", c.args, want, out)
			}
		}
	}
	if _, _, err := run(t, "push-url", "--to", "rtmp://push.example.com/live/cam"); err == nil || !strings.Contains(err.Error(), "--key-file is missing") {
		t.Errorf("without the other server's key: %v", err)
	}
	for _, args := range [][]string{
		{},
		{"--room", "demo"},
		{"--room", "demo", "--stream", "cam", "--to", "rtmp://push.example.com/live/cam"},
		{"--streamid", "a/b"},
		{"--room", "demo", "--stream", "cam", "--ttl", "0s"},
		{"--to", "rtmp://push.example.com/live/cam", "--dialect", "tencent", "--key-file", keyPath, "--ttl", "-1h"},
		{"--room", "demo", "--stream", "cam", "--dialect", "tencent", "--auth.dialects", "weir"},
		{"--to", "push.example.com", "--dialect", "plain"},
		{"--to", "rtmp://push.example.com/live/cam", "--dialect", "tencent"},
		{"--to", "rtmp://push.example.com/live/cam", "--dialect", "tencent", "--key-file", filepath.Join(dir, "none")},
	} {
		if out, _, err := run(t, append([]string{"push-url", "--data_dir", dir}, args...)...); err == nil {
			t.Errorf("%v: got %s", args, out)
		}
	}
}
