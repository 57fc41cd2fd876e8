package config

import (
	"strings"
	"testing"
)

// TestRelayRules: rules stand in the environment as JSON, and neither their addresses nor their keys show.
func TestRelayRules(t *testing.T) {
	t.Setenv("WEIR_RELAY_RULES", `[{"match":"live/*","to":"rtmp://u:hunter2@cdn.example.com/live/hunter2","app":7,"audio":"aac",
		"token":"hunter2","sign":{"dialect":"tencent","key":"hunter2"}}]`)
	c, err := Load("", nil)
	if err != nil || len(c.Relay.Rules) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	if r := c.Relay.Rules[0]; r.Match != "live/*" || string(r.To) != "rtmp://u:hunter2@cdn.example.com/live/hunter2" || r.App != 7 ||
		r.Audio != "aac" || string(r.Token) != "hunter2" || r.Sign.Dialect != "tencent" || string(r.Sign.Key) != "hunter2" {
		t.Error("read as something else")
	}
	var out strings.Builder
	if err := c.Write(&out); err != nil || !strings.Contains(out.String(), "live/*") || strings.Contains(out.String(), "hunter2") {
		t.Errorf("printed as %s, %v", out.String(), err)
	}
	if text := c.Relay.Rules.String(); !strings.Contains(text, "live/*") || strings.Contains(text, "hunter2") {
		t.Errorf("shown as %s", text)
	}
}

func TestRelayRulesRefused(t *testing.T) {
	for text, want := range map[string]string{
		`[{"match":"live","to":"rtmp://a/b"}]`:                         "relay.rules[0].match",
		`[{"match":"[/x","to":"rtmp://a/b"}]`:                          "relay.rules[0].match",
		`[{"match":"*/*","to":"hunter2"}]`:                             "relay.rules[0].to",
		`[{"match":"*/*","to":"rtmp://a/b","audio":"mp3"}]`:            "relay.rules[0].audio",
		`[{"match":"*/*","to":"rtmp://a/b","app":-1}]`:                 "relay.rules[0].app",
		`[{"match":"*/*","to":"rtmp://a/b","sign":{"dialect":"x"}}]`:   "relay.rules[0].sign.dialect",
		`[{"match":"*/*","to":"rtmp://a/b","sign":{"key":"hunter2"}}]`: "relay.rules[0].sign.key",
		`[{"match":"*/*","to":"rtmp://a/b","where":"x"}]`:              "where",
		`[{"match":"*/*","to":"rtmp://a/hunter2"}] []`:                 "behind the list",
		`{"match":"*/*"}`: "JSON",
	} {
		t.Setenv("WEIR_RELAY_RULES", text)
		if _, err := Load("", nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
