package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const pullerSecret = "a secret of a puller"

// TestOrigin: domains and pullers can stand in the file and, as JSON, in the environment, and secrets never show.
func TestOrigin(t *testing.T) {
	want := Origin{
		Domains: Domains{{Host: "play.example.com", App: 1400000000, Puller: "cdn"}},
		Pullers: Pullers{{Name: "cdn", Secret: pullerSecret, Dialect: "tencent", Key: pullerSecret, Networks: []string{"192.0.2.0/24"}, MaxPulls: 5}},
	}
	file := filepath.Join(t.TempDir(), "weir.yaml")
	text := "origin:\n  domains:\n  - {host: play.example.com, app: 1400000000, puller: cdn}\n  pullers:\n" +
		"  - {name: cdn, secret: " + pullerSecret + ", dialect: tencent, key: " + pullerSecret + ", networks: [192.0.2.0/24], max_pulls: 5}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, nil)
	if err != nil || !reflect.DeepEqual(c.Origin, want) {
		t.Fatalf("of the file: %+v, %v", c, err)
	}
	var out strings.Builder
	if err := c.Write(&out); err != nil || strings.Contains(out.String(), pullerSecret) || !strings.Contains(out.String(), "192.0.2.0/24") {
		t.Errorf("printed as %s, %v", out.String(), err)
	}
	if s := c.Origin.Pullers.String(); strings.Contains(s, pullerSecret) || !strings.Contains(s, "tencent") {
		t.Errorf("shown as %s", s)
	}
	t.Setenv("WEIR_ORIGIN_DOMAINS", `[{"host":"play.example.com","app":1400000000,"puller":"cdn"}]`)
	t.Setenv("WEIR_ORIGIN_PULLERS", `[{"name":"cdn","secret":"`+pullerSecret+`","dialect":"tencent","key":"`+pullerSecret+`","networks":["192.0.2.0/24"],"max_pulls":5}]`)
	if c, err = Load("", nil); err != nil || !reflect.DeepEqual(c.Origin, want) {
		t.Errorf("of the environment: %+v, %v", c, err)
	}
}

func TestOriginRefused(t *testing.T) {
	const ok = `"max_pulls":5,"name":"cdn"`
	for text, want := range map[string]string{
		`[{` + ok + `}]`:                  "origin.pullers[0] is",
		`[{` + ok + `,"secret":"short"}]`: "origin.pullers[0].secret",
		`[{` + ok + `,"trusted":true,"secret":"` + pullerSecret + `","networks":["10.0.0.0/8"]}]`:     "origin.pullers[0].trusted",
		`[{` + ok + `,"trusted":true,"secret":"` + pullerSecret + `"}]`:                               "origin.pullers[0].trusted",
		`[{` + ok + `,"dialect":"tencent","secret":"` + pullerSecret + `"}]`:                          "origin.pullers[0].key",
		`[{` + ok + `,"key":"` + pullerSecret + `"}]`:                                                 "origin.pullers[0].dialect",
		`[{` + ok + `,"networks":["10.0.0.1"]}]`:                                                      "origin.pullers[0].networks",
		`[{"name":"a b","max_pulls":5,"secret":"` + pullerSecret + `"}]`:                              "origin.pullers[0].name",
		`[{"name":"cdn","secret":"` + pullerSecret + `"}]`:                                            "origin.pullers[0].max_pulls",
		`[{` + ok + `,"secret":"` + pullerSecret + `"},{` + ok + `,"secret":"` + pullerSecret + `"}]`: "origin.pullers[1].name",
		`{`: "JSON",
	} {
		t.Setenv("WEIR_ORIGIN_PULLERS", text)
		if _, err := Load("", nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), pullerSecret) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	t.Setenv("WEIR_ORIGIN_PULLERS", `[{`+ok+`,"app":7,"secret":"`+pullerSecret+`"}]`)
	for text, want := range map[string]string{
		`[{"host":"Play.example.com"}]`:                                  "origin.domains[0].host",
		`[{"host":"play.example.com:80"}]`:                               "origin.domains[0].host",
		`[{"host":"a.example"},{"host":"a.example"}]`:                    "origin.domains[1].host",
		`[{"host":"a.example","cert":"a.pem"}]`:                          "origin.domains[0].cert",
		`[{"host":"a.example","cert":"a.pem","key":"a.key"}]`:            "http.tls.cert",
		`[{"host":"a.example","puller":"other"}]`:                        "origin.domains[0].puller",
		`[{"host":"a.example","puller":"cdn"}]`:                          "origin.domains[0].puller",
		`[{"host":"a.example","app":7,"puller":"cdn","certif":"x"}]`:     "certif",
		`[{"host":"a.example","app":-7,"puller":"","cert":"","key":""}]`: "origin.domains[0].app",
	} {
		t.Setenv("WEIR_ORIGIN_DOMAINS", text)
		if _, err := Load("", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
