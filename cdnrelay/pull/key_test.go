package pull

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"weir/mux/av"
	"weir/mux/fmp4"
	"weir/room/dial"
	"weir/testdata/samples"
)

var secretKey = []byte("0123456789abcdef")

// sealed is data encrypted as RFC 8216 4.3.2.4 says.
func sealed(t *testing.T, data, key, iv []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	n := aes.BlockSize - len(data)%aes.BlockSize
	out := append(bytes.Clone(data), bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, out)
	return out
}

const aes128 = `#EXT-X-KEY:METHOD=AES-128,URI="key?token=secret"`

// TestKeys: segments that are encrypted, and what their playlist and their key's server may say of them.
func TestKeys(t *testing.T) {
	t.Parallel()
	number := func(n byte) []byte { return append(make([]byte, 15), n) }
	given := []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xef}
	for _, c := range []struct {
		name  string
		lines []string
		iv    func(n byte) []byte
		key   []byte // what the server says is the key; nil: it does not
		want  error
	}{
		{"5.2: the number of the segment", []string{aes128, "7", "8"}, number, secretKey, nil},
		{"4.3.2.4: a vector", []string{aes128 + ",IV=0xbeef", "7", "8"}, func(byte) []byte { return given }, secretKey, nil},
		{"several formats", []string{
			`#EXT-X-KEY:METHOD=AES-128,URI="x",KEYFORMAT="org.example"`, aes128 + `,KEYFORMAT="identity"`,
			`#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x",KEYFORMAT="com.apple.streamingkeydelivery"`, "7", "8",
		}, number, secretKey, nil},
		{"another method", []string{`#EXT-X-KEY:METHOD=SAMPLE-AES,URI="key"`, "7", "8"}, number, secretKey, ErrUnfit},
		{"another format", []string{aes128 + `,KEYFORMAT="com.widevine"`, "7", "8"}, number, secretKey, ErrUnfit},
		{"another key", []string{aes128, "7", "8"}, number, []byte("fedcba9876543210"), ErrFormat},
		{"5.1: a key of 15 bytes", []string{aes128, "7", "8"}, number, secretKey[:15], ErrFormat},
		{"5.1: a key of 17 bytes", []string{aes128, "7", "8"}, number, append(secretKey[:16:16], 0), ErrTooLarge},
		{"no leave", []string{aes128, "7", "8"}, number, nil, ErrRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ch := newChannel(t, listOf(7, append(c.lines, "#EXT-X-KEY:METHOD=NONE", "9", ends)...))
			ch.seal = func(path string, segment []byte) []byte {
				if path == "/9.ts" {
					return segment
				}
				return sealed(t, segment, secretKey, c.iv(path[1]-'0'))
			}
			var asked int
			ch.other = func(w http.ResponseWriter, r *http.Request) {
				asked++
				if r.URL.Path != "/key" || r.URL.RawQuery != "token=secret" || c.key == nil {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				_, _ = w.Write(c.key)
			}
			got, err := ch.read(new(place), 3)
			if c.want == nil && (len(got) != 3 || asked != 1) {
				t.Errorf("%d segments, %d times the key, %v", len(got), asked, err)
			}
			if c.want != nil && (len(got) != 0 || !errors.Is(err, c.want)) {
				t.Errorf("%d segments, %v", len(got), err)
			}
			if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), string(secretKey[:8]))) {
				t.Errorf("it is told: %v", err)
			}
		})
	}
}

// TestEncryptedSection: RFC 8216 4.3.2.5: a key that stands before an initialization section is for that, too.
func TestEncryptedSection(t *testing.T) {
	t.Parallel()
	track, frames := samples.AAC(t)
	section, err := fmp4.Init(av.Tracks{track})
	if err != nil {
		t.Fatal(err)
	}
	iv := append(make([]byte, 15), 5)
	for name, lines := range map[string][]string{
		"behind the key":    {aes128 + ",IV=0x5", `#EXT-X-MAP:URI="init"`, "0", "1", ends},
		"in front of a key": {`#EXT-X-MAP:URI="init"`, aes128 + ",IV=0x5", "0", "1", ends},
	} {
		ch := newChannel(t, listOf(0, lines...))
		ch.segment = fmp4.AppendPart(nil, fmp4.Part{Tracks: []fmp4.PartTrack{{
			ID: fmp4.TrackID(track.ID), Samples: []fmp4.Sample{{Duration: 1024, Key: true, Data: frames[0].Data}},
		}}})
		ch.seal = func(_ string, segment []byte) []byte { return sealed(t, segment, secretKey, iv) }
		ch.other = func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/key":
				_, _ = w.Write(secretKey)
			case name == "behind the key":
				_, _ = w.Write(sealed(t, section, secretKey, iv))
			default:
				_, _ = w.Write(section)
			}
		}
		if got, err := ch.read(new(place), 2); len(got) != 2 || len(got[0].frames) != 2 {
			t.Errorf("%s: %d segments, %v", name, len(got), err)
		}
	}
}

// TestKeysAreForgotten: a playlist with a key for each segment costs no more memory than a few of them.
func TestKeysAreForgotten(t *testing.T) {
	ch := newChannel(t)
	ch.other = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(secretKey) }
	base, err := url.Parse(ch.url + "/list")
	if err != nil {
		t.Fatal(err)
	}
	r := rendition{fetch: newFetcher(base.Hostname(), guards{source: dial.Trusted}, patience), base: base}
	defer r.fetch.transport.CloseIdleConnections()
	for i := range 3 * maxKeys {
		if _, err := r.key(t.Context(), fmt.Sprint("key", i)); err != nil {
			t.Fatal(err)
		}
		if len(r.keys) > maxKeys {
			t.Fatalf("%d keys are remembered", len(r.keys))
		}
	}
}

// TestHLSEncrypted: what ffmpeg encrypts comes as it was; the key is asked for once.
func TestHLSEncrypted(t *testing.T) {
	t.Parallel()
	_, all := reel(t)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, secretKey, 0o600); err != nil {
		t.Fatal(err)
	}
	info := filepath.Join(t.TempDir(), "info")
	if err := os.WriteFile(info, []byte("keys/one?token=secret\n"+key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := segments(t, "-map", "0:v", "-map", "1:a", "-f", "hls", "-hls_key_info_file", info, "a.m3u8")
	var asked atomic.Int32
	from := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys/one" {
			asked.Add(1)
			_, _ = w.Write(secretKey)
			return
		}
		http.ServeFile(w, r, filepath.Join(dir, filepath.Base(r.URL.Path)))
	})
	g := newGround(t, nil, always(from+"/a.m3u8"))
	same(t, g.watch(300), all)
	if n := asked.Load(); n != 1 {
		t.Errorf("the key was asked for %d times", n)
	}
	g.secretless("token")
}
