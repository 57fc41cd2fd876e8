package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const appKey = "0123456789abcdef0123456789abcdef"

// TestApps: a list of apps can stand in the file and, as JSON, in the environment, and its keys never show.
func TestApps(t *testing.T) {
	const cdn = "rtmp://push.example.com/live/{streamid}"
	want := Apps{{
		ID: 1400000001, Key: appKey, Admins: []string{"boss"}, Name: "shop", Auto: RelayAuto{On: true, To: cdn, Dialect: "tencent", Key: "hidden"},
	}}
	file := filepath.Join(t.TempDir(), "weir.yaml")
	text := "auth:\n  apps:\n  - {id: 1400000001, key: " + appKey + ", admins: [boss], name: shop, autorelay: {on: true, to: '" + cdn + "', dialect: tencent, key: hidden}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, nil)
	if err != nil || !reflect.DeepEqual(c.Auth.Apps, want) {
		t.Fatalf("of the file: %+v, %v", c, err)
	}
	var out strings.Builder
	if err := c.Write(&out); err != nil || strings.Contains(out.String(), appKey) || strings.Contains(out.String(), "hidden") || !strings.Contains(out.String(), "shop") {
		t.Errorf("printed as %s, %v", out.String(), err)
	}
	if s := c.Auth.Apps.String(); strings.Contains(s, appKey) || !strings.Contains(s, "1400000001") {
		t.Errorf("shown as %s", s)
	}
	t.Setenv("WEIR_AUTH_APPS", `[{"id":1400000001,"key":"`+appKey+`","admins":["boss"],"name":"shop","autorelay":{"on":true,"to":"`+cdn+`","dialect":"tencent","key":"hidden"}}]`)
	if c, err = Load("", nil); err != nil || !reflect.DeepEqual(c.Auth.Apps, want) {
		t.Errorf("of the environment: %+v, %v", c, err)
	}
}

func TestAppsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`[{"id":1400000000,"key":"` + appKey + `"}]`: "auth.apps[0].id",
		`[{"id":0,"key":"` + appKey + `"}]`:          "auth.apps[0].id",
		`[{"id":5}]`:                                 "auth.apps[0].key",
		`[{"id":5,"key":"short"}]`:                   "auth.apps[0].key",
		`[{"id":5,"key":"` + appKey + `"},{"id":6,"key":"` + appKey + `"}]`: "auth.apps[1].key",
		`[{"id":5,"key":"` + appKey + `","admins":["a b"]}]`:                "auth.apps[0].admins",
		`[{"id":5,"key":"` + appKey + `","role":"x"}]`:                      "role",
		`[{"id":5,"key":"` + appKey + `","autorelay":{"dialect":"x"}}]`:     `auth.apps[0].autorelay.dialect is "x": must be empty or tencent`,
		`{`:     "JSON",
		`[] []`: "JSON",
		"[" + strings.Repeat(`{"id":5,"key":"`+appKey+`"},`, maxApps-1) + `{"id":5}]`: "fewer than 100",
	} {
		t.Setenv("WEIR_AUTH_APPS", text)
		if _, err := Load("", nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), appKey) {
			t.Errorf("%.80s: got %v, want %s", text, err, want)
		}
	}
}
