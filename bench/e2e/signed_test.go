package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"weir/bench/publish"
	"weir/testdata"
)

// addresses are what the server tells of a stream.
type addresses struct {
	Play    struct{ WebRTC, FLV, HLS, Watch string }
	Publish struct{ WHIP, RTMP string }
}

// urls asks for the addresses of a stream with a token.
func (s *server) urls(t *testing.T, token, path, query string) (a addresses) {
	t.Helper()
	got := ask(t, http.MethodGet, s.http+"/api/v1/streams/"+path+"/urls?"+query, request{
		header: map[string]string{"Authorization": "Bearer " + token},
	})
	if err := json.Unmarshal(got.body, &a); err != nil || got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	return a
}

// TestSigned: where playing is signed, ffmpeg publishes and plays with nothing but the addresses that the server tells,
// in every dialect, and with nothing else.
func TestSigned(t *testing.T) {
	s := start(t, "WEIR_AUTH_PLAY=signed")
	t.Run("while it serves", func(t *testing.T) { testSigned(t, s) })
	if found := signature.FindString(s.log.String()); found != "" {
		t.Errorf("the log has %s", found)
	}
}

// signature is what proves something in any dialect.
var signature = regexp.MustCompile(`w1\.\d{10}\.[^ "]{40,}|[0-9a-f]{32}(&|\\u0026)txTime|\d{10}-0-\w+-[0-9a-f]{32}`)

func testSigned(t *testing.T, s *server) {
	for _, dialect := range []string{"weir", "tencent", "alibaba"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			// Tencent's dialect has no place for a name: its addresses to publish at are for administrators to give.
			own := s.urls(t, s.adminToken, dialect+"/cam", "dialect="+dialect)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			session, err := publish.Start(ctx, publish.Options{
				URL: own.Publish.WHIP, Loop: true, H264: testdata.Path("bars-360p.h264"), Ogg: testdata.Path("tone.ogg"),
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(session.Close)
			checkDecodes(t, own.Play.FLV, "-t", "3")
			checkDecodes(t, own.Play.HLS, "-t", "3")
			for name, address := range map[string]string{
				"without a signature": s.http + "/live/" + dialect + "/cam.flv",
				"of another room":     strings.Replace(own.Play.FLV, "/"+dialect+"/", "/other/", 1),
				"a file of HLS":       s.http + "/live/" + dialect + "/cam/main.m3u8",
			} {
				if got := get(t, address); got.StatusCode != http.StatusUnauthorized && got.StatusCode != http.StatusForbidden {
					t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
				}
			}
		})
	}
	t.Run("RTMP, once", func(t *testing.T) {
		t.Parallel()
		own := s.urls(t, s.token, "encoder/cam", "once=1")
		push := []string{
			"-v", "error", "-nostdin", "-f", "h264", "-framerate", "30", "-i", testdata.Path("bars-360p.h264"), "-c", "copy", "-f", "flv", own.Publish.RTMP,
		}
		if out, err := tool(t, "ffmpeg", push...); err != nil {
			t.Errorf("the first use: %v\n%s", err, out)
		}
		if out, err := tool(t, "ffmpeg", push...); err == nil {
			t.Errorf("a second use is let in\n%s", out)
		}
	})
	t.Run("what promises to end ends", func(t *testing.T) {
		t.Parallel()
		s.publish(t, "short/cam", media{video: true})
		own := s.urls(t, s.token, "short/cam", "end=1&ttl=15s")
		got := get(t, own.Play.FLV) // to its end
		if got.StatusCode != http.StatusOK || len(got.body) < 13 {
			t.Fatalf("%d, %d bytes", got.StatusCode, len(got.body))
		}
		// The address opens up to its second, which may have just begun.
		for begin := time.Now(); get(t, own.Play.FLV).code() != "signature_expired"; {
			if time.Since(begin) > patience {
				t.Fatal("the address opens still")
			}
		}
	})
}
