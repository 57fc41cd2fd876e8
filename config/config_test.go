package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

const example = "../weir.example.yaml"

// equal compares the values only: where they came from is no part of them.
func equal(a, b *Config) bool { return reflect.DeepEqual(entries(a), entries(b)) }

func writeFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func flagSet(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	flags := pflag.NewFlagSet("weir", pflag.ContinueOnError)
	AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return flags
}

func TestLoadNothingGivesDefaults(t *testing.T) {
	for name, flags := range map[string]*pflag.FlagSet{"without flags": nil, "with unset flags": flagSet(t)} {
		t.Run(name, func(t *testing.T) {
			c, err := Load("", flags)
			if err != nil {
				t.Fatal(err)
			}
			if !equal(c, Default()) {
				t.Errorf("got %+v, want %+v", entries(c), entries(Default()))
			}
		})
	}
}

func TestExampleIsTheDefaults(t *testing.T) {
	c, err := Load(example, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, want := entries(c), entries(Default())
	for i := range want {
		if !reflect.DeepEqual(got[i].Value, want[i].Value) {
			t.Errorf("%s is %v in the example, %v by default", want[i].Key, got[i].Value, want[i].Value)
		}
	}
}

func TestExampleCommentsEveryKey(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	commented := make(map[string]bool)
	leaves(doc.Content[0], "", func(key string, node *yaml.Node) { commented[key] = node.HeadComment != "" })
	for _, e := range entries(Default()) {
		has, ok := commented[e.Key]
		switch {
		case !ok:
			t.Errorf("%s is missing in the example", e.Key)
		case !has:
			t.Errorf("%s has no comment in the example", e.Key)
		}
		if e.Doc == "" {
			t.Errorf("%s has no doc tag", e.Key)
		}
	}
}

// leaves visits every key of a YAML mapping whose value is no mapping.
func leaves(mapping *yaml.Node, prefix string, visit func(key string, node *yaml.Node)) {
	for i := 0; i < len(mapping.Content); i += 2 {
		name, value := mapping.Content[i], mapping.Content[i+1]
		if value.Kind == yaml.MappingNode {
			leaves(value, prefix+name.Value+".", visit)
			continue
		}
		visit(prefix+name.Value, name)
	}
}

func TestKeysAreDistinctInEveryForm(t *testing.T) {
	seen := make(map[string]string)
	for _, e := range entries(Default()) {
		if e.Key != strings.ToLower(e.Key) {
			t.Errorf("%s is not in lower case, and viper would not find it", e.Key)
		}
		if other, ok := seen[envName(e.Key)]; ok {
			t.Errorf("%s and %s share the variable %s", e.Key, other, envName(e.Key))
		}
		seen[envName(e.Key)] = e.Key
	}
}

func TestPrecedence(t *testing.T) {
	file := writeFile(t, "http:\n  listen: ':1'\nadmin:\n  listen: ':1'\nwebrtc:\n  listen: ':1'\n")
	t.Setenv("WEIR_HTTP_LISTEN", ":2")
	t.Setenv("WEIR_ADMIN_LISTEN", ":2")
	t.Setenv("WEIR_INGEST_GRACE", "")
	c, err := Load(file, flagSet(t, "--http.listen=:3"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		value  any
		source Source
	}{
		"http.listen":   {":3", FromFlag},
		"admin.listen":  {":2", FromEnv},
		"webrtc.listen": {":1", FromFile},
		"ingest.grace":  {15 * time.Second, FromDefault}, // an empty variable is none
	}
	for _, e := range c.Entries() {
		w, ok := want[e.Key]
		if ok && (e.Value != w.value || e.Source != w.source) {
			t.Errorf("%s: got %v from %s, want %v from %s", e.Key, e.Value, e.Source, w.value, w.source)
		}
	}
}

func TestEveryKindFromTheEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"WEIR_HTTP_ORIGINS": "https://a.example, https://b.example:8443", "WEIR_LIVE_RING_BYTES": "32MiB",
		"WEIR_LIVE_FRESH": "1500ms", "WEIR_HLS_WINDOW": "10", "WEIR_AUTH_KEY": strings.Repeat("k", 64),
		"WEIR_SERVICE_HOST": "10.0.0.1",
	} {
		t.Setenv(name, value)
	}
	c, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.HTTP.Origins = []string{"https://a.example", "https://b.example:8443"}
	want.Live.RingBytes, want.Live.Fresh, want.HLS.Window = 32<<20, 1500*time.Millisecond, 10
	want.Auth.Key = Secret(strings.Repeat("k", 64))
	if !equal(c, want) {
		t.Errorf("got %+v, want %+v", entries(c), entries(want))
	}
	if w := strings.Join(c.Warnings(), "\n"); !strings.Contains(w, "WEIR_SERVICE_HOST") || strings.Contains(w, "WEIR_AUTH_KEY") {
		t.Errorf("warnings: %q, want one about WEIR_SERVICE_HOST only", w)
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"unknown key", "http:\n  listn: ':1'\n", "unknown key http.listn (did you mean http.listen?)"},
		{"unknown group", "srt:\n  listen: ':8890'\n", "unknown key srt.listen"},
		{"two unknown keys", "foo: 1\nbarbarbar: 2\n", "unknown key barbarbar\nunknown key foo"},
		{"group as a value", "http: 5\n", "http"},
		{"value as a group", "data_dir:\n  a: b\n", "data_dir.a"},
		{"time without a unit", "ingest:\n  grace: 15\n", "ingest.grace"},
		{"time that is none", "ingest:\n  grace: soon\n", "ingest.grace"},
		{"number that is none", "hls:\n  window: many\n", "hls.window"},
		{"size that is none", "live:\n  ring_bytes: 16 parsecs\n", "live.ring_bytes"},
		{"not YAML", "http: [\n", "cannot read configuration"},
		{"key twice", "data_dir: a\ndata_dir: b\n", "data_dir"},
		{"invalid value", "hls:\n  audio: mp3\n", `hls.audio is "mp3": must be opus or aac`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Load(writeFile(t, tc.file), nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil); err == nil {
		t.Error("a missing file is no error")
	}
}

func TestValidateNamesKeyAndAllowedValues(t *testing.T) {
	for _, tc := range []struct {
		key, want string
		set       func(*Config)
	}{
		{"http.listen", "an address such as", func(c *Config) { c.HTTP.Listen = "8080" }},
		{"http.listen", "an address such as", func(c *Config) { c.HTTP.Listen = ":65536" }},
		{"webrtc.listen", "an address such as", func(c *Config) { c.WebRTC.Listen = "" }},
		{"admin.listen", "an address such as", func(c *Config) { c.Admin.Listen = ":http" }},
		{"http.tls.cert", "together with http.tls.key", func(c *Config) { c.HTTP.TLS.Cert = "a.pem" }},
		{"http.tls.cert", "together with http.tls.key", func(c *Config) { c.HTTP.TLS.Key = "a.pem" }},
		{"http.origins", "an origin", func(c *Config) { c.HTTP.Origins = []string{"example.com"} }},
		{"http.origins", "an origin", func(c *Config) { c.HTTP.Origins = []string{"https://example.com/"} }},
		{"http.origins", "an origin", func(c *Config) { c.HTTP.Origins = []string{"*"} }},
		{"http.public_url", "empty, or where", func(c *Config) { c.HTTP.PublicURL = "live.example.com" }},
		{"http.public_url", "empty, or where", func(c *Config) { c.HTTP.PublicURL = "https://live.example.com/" }},
		{"outgoing.allow", "a network such as", func(c *Config) { c.Outgoing.Allow = []string{"localhost"} }},
		{"http.trusted_proxies", "a network such as", func(c *Config) { c.HTTP.TrustedProxies = []string{"10.0.0.1"} }},
		{"auth.play", "open or signed", func(c *Config) { c.Auth.Play = "closed" }},
		{"auth.dialects", "weir or tencent or alibaba", func(c *Config) { c.Auth.Dialects = []string{"weir", "md5"} }},
		{"auth.dialects", "a list with weir in it", func(c *Config) { c.Auth.Dialects = []string{"tencent"} }},
		{"store.url", "postgres://", func(c *Config) { c.Store.URL = "host=db password=secret" }},
		{"images.max_bytes", "64MiB", func(c *Config) { c.Images.MaxBytes = 1 }},
		{"images.keep", "1h", func(c *Config) { c.Images.Keep = time.Second }},
		{"images.s3.endpoint", "https://s3.example.com", func(c *Config) {
			c.Images.S3 = S3{Endpoint: "s3.example.com", Bucket: "b", AccessKey: "a", SecretKey: "s"}
		}},
		{"images.s3.bucket", "set", func(c *Config) { c.Images.S3 = S3{Endpoint: "http://s3", AccessKey: "a", SecretKey: "s"} }},
		{"auth.keys.play", "at least 16 bytes", func(c *Config) { c.Auth.Keys.Play = "short" }},
		{"auth.keys.publish_backup", "at least 16 bytes", func(c *Config) { c.Auth.Keys.PublishBackup = "short" }},
		{"auth.keys.play_backup", "another key", func(c *Config) {
			c.Auth.Keys.Play, c.Auth.Keys.PlayBackup = "0123456789abcdef", "0123456789abcdef"
		}},
		{"auth.keys.play", "another key than those for publishing", func(c *Config) {
			c.Auth.Keys.PlayBackup, c.Auth.Keys.Publish = "0123456789abcdef", "0123456789abcdef"
		}},
		{"webrtc.public_ips", "an IP address", func(c *Config) { c.WebRTC.PublicIPs = []string{"example.com"} }},
		{"webrtc.public_ips", "an IP address", func(c *Config) { c.WebRTC.PublicIPs = []string{"0.0.0.0"} }},
		{"webrtc.interfaces", "an interface such as", func(c *Config) { c.WebRTC.Interfaces = []string{"eth0", "!10.0.0.0/33"} }},
		{"webrtc.interfaces", "an interface such as", func(c *Config) { c.WebRTC.Interfaces = []string{"!"} }},
		{"webrtc.ice_servers", "a URL such as", func(c *Config) { c.WebRTC.ICEServers = []string{"stun.example.com"} }},
		{"webrtc.ice_servers", "a URL such as", func(c *Config) { c.WebRTC.ICEServers = []string{"stun:a>; rel=x"} }},
		{"webrtc.ice_servers", "turn_secret is empty", func(c *Config) { c.WebRTC.ICEServers = []string{"turns:[2001:db8::1]:443?transport=tcp"} }},
		{"webrtc.turn_ttl", "from 1m0s to", func(c *Config) { c.WebRTC.TURNTTL = time.Second }},
		{"webrtc.start_bitrate", "from 100 to 100000", func(c *Config) { c.WebRTC.StartBitrate = 0 }},
		{"rtmp.listen", "an address such as", func(c *Config) { c.RTMP.Listen = "1935" }},
		{"rtmp.tls_listen", "an address such as", func(c *Config) { c.RTMP.TLSListen, c.HTTP.TLS = "1936", TLS{"a", "b"} }},
		{"rtmp.tls_listen", "a certificate", func(c *Config) { c.RTMP.TLSListen = ":1936" }},
		{"rtmp.tls.cert", "together with rtmp.tls.key", func(c *Config) { c.RTMP.TLS.Key = "a.pem" }},
		{"rtmp.max_connections", "from 1 to", func(c *Config) { c.RTMP.MaxConnections = 0 }},
		{"rtmp.max_per_address", "from 1 to", func(c *Config) { c.RTMP.MaxPerAddress = 0 }},
		{"ingest.timeout", "from 500ms to 4.9s", func(c *Config) { c.Ingest.Timeout = 5 * time.Second }},
		{"ingest.grace", "from 0s to 10m0s", func(c *Config) { c.Ingest.Grace = -1 }},
		{"ingest.codecs", "a list of h264, h265, av1, vp9", func(c *Config) { c.Ingest.Codecs = nil }},
		{"ingest.codecs", "must be h264 or h265 or av1 or vp9", func(c *Config) { c.Ingest.Codecs = []string{"h264", "vp8"} }},
		{"im.seats", "from 1", func(c *Config) { c.IM.Seats = 101 }},
		{"im.seat_wait", "from 1s", func(c *Config) { c.IM.SeatWait = 0 }},
		{"im.rest_rate", "from 1", func(c *Config) { c.IM.RESTRate = 0 }},
		{"im.callbacks", "a callback of docs/callbacks.md", func(c *Config) { c.IM.Callbacks = []string{"Group.CallbackBeforeSend"} }},
		{"im.rest_rates", "SERVICE/COMMAND=N", func(c *Config) { c.IM.RESTRates = []string{"openim/sendmsg"} }},
		{"ingest.policy", "resume or replace or reject", func(c *Config) { c.Ingest.Policy = "both" }},
		{"ingest.max_streams", "from 1 to", func(c *Config) { c.Ingest.MaxStreams = 0 }},
		{"live.ring_bytes", "from 1MiB to 1GiB", func(c *Config) { c.Live.RingBytes = 1 }},
		{"live.ring_time", "at least twice hls.segment", func(c *Config) { c.HLS.Segment, c.Live.RingTime = 10*time.Second, 19*time.Second }},
		{"webrtc.max_viewers", "from 1 to", func(c *Config) { c.WebRTC.MaxViewers = 0 }},
		{"webrtc.max_connecting_per_address", "from 1 to", func(c *Config) { c.WebRTC.MaxConnecting = 0 }},
		{"flv.max_viewers", "from 1 to", func(c *Config) { c.FLV.MaxViewers = 0 }},
		{"hls.part", "from 100ms to 1s", func(c *Config) { c.HLS.Part = 1500 * time.Millisecond }},
		{"hls.window", "from 3 to 100", func(c *Config) { c.HLS.Window = 2 }},
		{"auth.app_id", "from 1 to 4294967295", func(c *Config) { c.Auth.AppID = 0 }},
		{"auth.key", "at least 32 bytes", func(c *Config) { c.Auth.Key = "short" }},
		{"auth.admins", "a user id", func(c *Config) { c.Auth.Admins = []string{"root@localhost"} }},
		{"auth.publish", "usersig or open", func(c *Config) { c.Auth.Publish = "yes" }},
		{"log.level", "debug or info or warn or error", func(c *Config) { c.Log.Level = "all" }},
		{"log.format", "auto or text or json", func(c *Config) { c.Log.Format = "xml" }},
		{"data_dir", "a folder", func(c *Config) { c.DataDir = "" }},
		{"shutdown_timeout", "from 0s to 5m0s", func(c *Config) { c.ShutdownTimeout = time.Hour }},
	} {
		c := Default()
		tc.set(c)
		err := c.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), tc.key+" is ") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got error %v, want one with %q", tc.key, err, tc.want)
		}
	}
}

func TestValidateReportsAllAtOnce(t *testing.T) {
	c := Default()
	c.Log.Level, c.HLS.Audio, c.Auth.Key = "all", "mp3", "a-short-secret"
	err := c.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 3 {
		t.Errorf("got %d lines, want 3: %v", len(lines), err)
	}
	if strings.Contains(err.Error(), "a-short-secret") {
		t.Errorf("the error shows the secret: %v", err)
	}
}

func TestOpenPublishWarns(t *testing.T) {
	c := Default()
	if w := c.Warnings(); len(w) != 0 {
		t.Errorf("the defaults warn: %q", w)
	}
	c.Auth.Publish = "open"
	if w := c.Warnings(); len(w) != 1 || !strings.Contains(w[0], "auth.publish") {
		t.Errorf("got %q, want one warning about auth.publish", w)
	}
}

func TestWriteIsReadable(t *testing.T) {
	want := Default()
	want.HTTP.Origins, want.Live.RingBytes = []string{"https://a.example"}, 20<<20
	var out bytes.Buffer
	if err := want.Write(&out); err != nil {
		t.Fatal(err)
	}
	got, err := Load(writeFile(t, out.String()), nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	if !equal(got, want) {
		t.Errorf("got %+v, want %+v", entries(got), entries(want))
	}
}

func TestSecretNeverShows(t *testing.T) {
	const value = "canary-0123456789-0123456789-0123456789"
	c := Default()
	c.Auth.Key = Secret(value)
	var out bytes.Buffer
	if err := c.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+" ", c.Auth.Key)
		fmt.Fprintf(&out, verb+" ", c.Auth)
	}
	if err := json.NewEncoder(&out).Encode(c); err != nil {
		t.Fatal(err)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("key", "key", c.Auth.Key, "auth", c.Auth)
	}
	for _, form := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%d", []byte(value))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q stands in\n%s", form, out.String())
		}
	}
	if got := fmt.Sprintf("%s", Secret("")); got != "" {
		t.Errorf("an empty secret prints %q", got)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "1000": 1000, "16MiB": 16 << 20, "64 KiB": 64 << 10, "2GiB": 2 << 30, "7B": 7} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
		var again Size
		if err := again.UnmarshalText([]byte(want.String())); err != nil || again != want {
			t.Errorf("%q written as %q reads as %d, %v", text, want, again, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5MiB", "16MB", "99999999999GiB", "0x10"} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q reads as %d", text, got)
		}
	}
}

func TestWriteReportsTheWriter(t *testing.T) {
	r, w := io.Pipe()
	_ = r.Close()
	if err := Default().Write(w); err == nil {
		t.Error("no error from a closed pipe")
	}
}
