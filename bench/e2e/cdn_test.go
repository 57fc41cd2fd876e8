package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/bench/receive"
	"weir/room/auth"
)

const (
	pullerSecret = "5ec2e70fapuller5ec2e70fapuller"
	pullerKey    = "5ec2e70fasigner5ec2e70fasigner"
	cdnHost      = "origin.example.com" // the domain of the puller that sends a secret
)

// startOrigin runs a server that plays to whoever has a signature, and to two CDNs.
func startOrigin(t *testing.T) *server {
	t.Helper()
	return start(t, "WEIR_AUTH_PLAY=signed", "WEIR_HLS_SEGMENT=1s", "WEIR_HLS_SESSIONS=true",
		`WEIR_ORIGIN_PULLERS=[{"name":"cdn","secret":"`+pullerSecret+`","max_pulls":200},`+
			`{"name":"signer","dialect":"tencent","key":"`+pullerKey+`","max_pulls":4}]`,
		`WEIR_ORIGIN_DOMAINS=[{"host":"`+cdnHost+`","puller":"cdn"}]`)
}

func startCDN(t *testing.T, o receive.CDNOptions) *receive.CDN {
	t.Helper()
	cdn, err := receive.StartCDN(t.Context(), t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cdn.Kill()
		if t.Failed() {
			t.Log(cdn.Said())
		}
	})
	return cdn
}

// TestCDN: nginx keeps HLS for fifty players, so that each object is asked for about once, and passes FLV through. Its pulls
// prove themselves, and are no viewers.
func TestCDN(t *testing.T) {
	t.Parallel()
	s := startOrigin(t)
	s.publish(t, "cdn/cam", media{video: true, audio: true})
	s.awaitState(t, "cdn", "cam", "live")
	cdn := startCDN(t, receive.CDNOptions{Origin: s.http, Host: cdnHost, Secret: pullerSecret})
	testCached(t, s, cdn)
	testPassedThrough(t, s, cdn)
	testPullsRefused(t, s)
	testSigner(t, s)
	if strings.Contains(s.log.String(), pullerSecret) || strings.Contains(string(get(t, s.admin+"/metrics").body), pullerSecret) {
		t.Error("the secret of the puller stands in a log or a figure")
	}
}

// listed are the addresses that a playlist has, init sections among them.
var listed = regexp.MustCompile(`(?m)^[^#\s].*$|EXT-X-MAP:URI="([^"]+)"`)

// follower plays HLS as a player does, reload by reload, and keeps the sum of each file.
type follower struct {
	files map[string][sha256.Size]byte
	asked int // requests
}

// follow plays until it has so many files.
func follow(ctx context.Context, base, multivariant string, files int) (*follower, error) {
	f := &follower{files: map[string][sha256.Size]byte{}}
	a, err := f.get(ctx, base+multivariant)
	if err != nil {
		return nil, err
	}
	media, err := url.JoinPath(base, "live/cdn", string(bytes.TrimSpace(listed.Find(a.body))))
	if err != nil {
		return nil, err
	}
	for len(f.files) < files {
		list, err := f.get(ctx, media)
		if err != nil {
			return nil, err
		}
		for _, m := range listed.FindAllSubmatch(list.body, -1) {
			name := string(m[0])
			if len(m[1]) > 0 {
				name = string(m[1])
			}
			if strings.Contains(name, "?") {
				return nil, fmt.Errorf("the shared playlist names somebody's own address %s", name)
			}
			if _, held := f.files[name]; held {
				continue
			}
			file, err := f.get(ctx, media[:strings.LastIndexByte(media, '/')+1]+name)
			if err != nil {
				return nil, err
			}
			f.files[name] = sha256.Sum256(file.body)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(300 * time.Millisecond): // more eager than players are
		}
	}
	return f, nil
}

func (f *follower) get(ctx context.Context, url string) (answer, error) {
	f.asked++
	a, err := tryAsk(ctx, http.MethodGet, url, request{})
	if err == nil && a.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(a.body), "stream_not_ready") {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
			return f.get(ctx, url)
		}
	}
	if err == nil && a.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", url, a.Status, a.body)
	}
	return a, err
}

// testCached: fifty players through nginx get the same bytes, and weir is asked for each file once and for a playlist about
// once a second.
func testCached(t *testing.T, s *server, cdn *receive.CDN) {
	const players, files = 50, 7
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	if _, err := follow(ctx, cdn.URL, "/live/cdn/cam.m3u8", 1); err != nil { // until there is something to keep
		t.Fatal(err)
	}
	before, begin := s.requests(t, "/live/cdn/"), time.Now()
	all := make([]*follower, players)
	errs := make([]error, players)
	var wg sync.WaitGroup
	for i := range players {
		wg.Go(func() { all[i], errs[i] = follow(ctx, cdn.URL, "/live/cdn/cam.m3u8", files) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	took, asked := time.Since(begin), 0
	sums := map[string][sha256.Size]byte{}
	for _, f := range all {
		asked += f.asked
		for name, sum := range f.files {
			if before, ok := sums[name]; ok && before != sum {
				t.Errorf("two players got other bytes of %s", name)
			}
			sums[name] = sum
		}
	}
	reached := s.requests(t, "/live/cdn/")
	for path, n := range reached {
		if !strings.HasSuffix(path, ".m3u8") {
			if n != 1 {
				t.Errorf("%s was asked for %d times", path, n)
			}
		} else if n -= before[path]; float64(n) > took.Seconds()+2 { // max-age=1
			t.Errorf("%s was asked for %d times within %v", path, n, took)
		}
	}
	if len(reached) < files+2 {
		t.Errorf("only %d paths reached weir: %v", len(reached), reached)
	}
	if info, _ := s.info(t, "cdn", "cam"); info.Watching != 0 || info.Viewers["hls"] != 0 {
		t.Errorf("the pulls are counted as %d viewers, %v", info.Watching, info.Viewers)
	}
	t.Logf("%d requests of %d players, %v of them reached weir", asked, players, reached)
}

// requests are how often each path was asked for, as the log has it.
func (s *server) requests(t *testing.T, below string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for line := range strings.Lines(s.log.String()) {
		var entry struct{ Msg, Path string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "request" && strings.HasPrefix(entry.Path, below) {
			counts[entry.Path]++
		}
	}
	return counts
}

// testPassedThrough: FLV comes through nginx as it is, one pull a viewer.
func testPassedThrough(t *testing.T, s *server, cdn *receive.CDN) {
	v, w := watch(t, cdn.URL+"/live/cdn/cam.flv"), watch(t, cdn.URL+"/live/cdn/cam.flv?viewer=somebody-else")
	v.untilLength(t, 3*time.Second)
	w.untilLength(t, time.Second)
	if n := s.metric(t, `weir_origin_pulls{puller="cdn"}`); n != "2" {
		t.Errorf("%s pulls are under way, want 2", n)
	}
	if info, _ := s.info(t, "cdn", "cam"); info.Watching != 0 || info.Viewers["flv"] != 0 {
		t.Errorf("the pulls are counted as %d viewers, %v", info.Watching, info.Viewers)
	}
	raw, _ := v.snapshot()
	if n := s.metric(t, `weir_origin_sent_bytes_total{puller="cdn"}`); n == "" || n == "0" {
		t.Errorf("%s bytes were sent to the CDN, of %d that came", n, len(raw))
	}
	w.leave()
	v.leave()
	checkCapture(t, v, 5, "aac", "h264")
	eventually(t, "the pulls to end", func() bool { return s.metric(t, `weir_origin_pulls{puller="cdn"}`) == "0" })
}

// testPullsRefused: who goes around the CDN gets nothing.
func testPullsRefused(t *testing.T, s *server) {
	refused := func(host, path, secret string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("X-Weir-Puller", secret)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		var p struct{ Code string }
		_ = json.NewDecoder(res.Body).Decode(&p) // what is no problem has no code
		return res.StatusCode, p.Code
	}
	for _, c := range []struct {
		host, path, secret string
		status             int
		code               string
	}{
		{cdnHost, "/live/cdn/cam.m3u8", "", 403, "pull_refused"},
		{cdnHost, "/live/cdn/cam.flv", pullerSecret + "x", 403, "pull_refused"},
		{cdnHost, "/api/v1/streams", pullerSecret, 404, "not_found"},
		{cdnHost, "/health", "", 200, ""},
		{"", "/live/cdn/cam.flv", "", 401, "token_missing"},
		{"", "/live/cdn/cam.m3u8", "another secret, just as long..", 401, "token_missing"},
		{"", "/health", "", 200, ""},
	} {
		if status, code := refused(c.host, c.path, c.secret); status != c.status || code != c.code {
			t.Errorf("%s%s: %d %s, want %d %s", c.host, c.path, status, code, c.status, c.code)
		}
	}
}

// testSigner: another CDN signs what it asks for with a key of its own, and has four pulls at once.
func testSigner(t *testing.T, s *server) {
	by, err := auth.New(auth.Options{App: auth.App{ID: 1400000000, Key: authKey, Keys: auth.Keys{Play: auth.KeyPair{Primary: pullerKey}}}})
	if err != nil {
		t.Fatal(err)
	}
	query, err := by.SignQuery(auth.DialectTencent, auth.Pass{
		Action: auth.ActionPlay, Room: "cdn", Stream: "cam", Expires: time.Now().Add(time.Hour),
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	cdn := startCDN(t, receive.CDNOptions{Origin: s.http, Query: query})
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	if _, err := follow(ctx, cdn.URL, "/live/cdn/cam.m3u8", 3); err != nil {
		t.Fatal(err)
	}
	eventually(t, "updates of the cache to end", func() bool { return s.metric(t, `weir_origin_pulls{puller="signer"}`) == "0" })
	for range 4 {
		watch(t, cdn.URL+"/live/cdn/cam.flv").untilLength(t, time.Second)
	}
	if a := get(t, cdn.URL+"/live/cdn/cam.flv"); a.StatusCode != http.StatusServiceUnavailable || a.code() != "pulls_full" || a.Header.Get("Retry-After") == "" {
		t.Errorf("one pull too many: %s %s %v", a.Status, a.body, a.Header)
	}
	if a := get(t, s.http+"/live/cdn/other.flv?"+query); a.StatusCode != http.StatusForbidden {
		t.Errorf("the signature opens another stream: %s", a.Status)
	}
	if n := s.metric(t, `weir_origin_requests_total{outcome="full",puller="signer"}`); n != "1" {
		t.Errorf("%s pulls were too many, want 1", n)
	}
}
