package pull

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/room/dial"
)

const playlistHead = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"

// endless writes zeros until the reader is gone.
func endless(w io.Writer) {
	zeros := make([]byte, 64<<10)
	for {
		if _, err := w.Write(zeros); err != nil {
			return
		}
	}
}

// raw answers each connection with what f writes.
func raw(t *testing.T, f func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f(c)
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// TestHostileSources: BAD-07 for sources. Each is left with a reason, and costs no more memory than is taken at once.
func TestHostileSources(t *testing.T) {
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) }
	}
	segment := func(list string, answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				_, _ = io.WriteString(w, list)
				return
			}
			answer(w, r)
		}
	}
	one := playlistHead + "#EXTINF:2,\nx.ts\n#EXT-X-ENDLIST\n"
	for _, c := range []struct {
		name string
		from http.HandlerFunc
		want error
	}{
		{"a page", text("<html>no stream here</html>"), ErrFormat},
		{"nothing", text(""), ErrClosed},
		{"FLV that ends", text("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"), ErrClosed},
		{"FLV of another version", text("FLV\x09\x05\x00\x00\x00\x09\x00\x00\x00\x00"), ErrFormat},
		{"an FLV tag of 16 MiB", text("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00\x09\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00"), ErrTooLarge},
		{"a codec that nobody knows", text("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00\x09\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x12\x00\x00\x00\x00\x00\x00\x00\x00"), ErrUnfit},
		{"broken FLV tags", text("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00" + strings.Repeat("\x09\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x17\x00\x00\x00\x00\x01\x00\x00\x00\x00", 200)), ErrFormat},
		{"a playlist without an end", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, playlistHead)
			endless(w)
		}, ErrTooLarge},
		{"broken tags", text("#EXTM3U\n#EXT-X-TARGETDURATION:soon\n"), ErrFormat},
		{"a segment without a duration", text(playlistHead + "x.ts\n"), ErrFormat},
		{"a variant that is a page", segment("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nx\n", text("<html>")), ErrFormat},
		{"a variant that has variants", text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/\n"), ErrFormat},
		{"a segment of another protocol", text(playlistHead + "#EXTINF:2,\nfile:///etc/passwd\n"), ErrFormat},
		{"a segment that is encrypted in another way", text(playlistHead + "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"\n#EXTINF:2,\nx.ts\n"), ErrUnfit},
		{"a segment of 10 GB, as it says", segment(one, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10000000000")
			endless(w)
		}), ErrTooLarge},
		{"a segment without an end", segment(one, func(w http.ResponseWriter, _ *http.Request) { endless(w) }), ErrTooLarge},
		{"a range of 10 GB", text(playlistHead + "#EXT-X-BYTERANGE:10000000000@0\n#EXTINF:2,\nx.ts\n"), ErrTooLarge},
		{"an init section without an end", segment(playlistHead+"#EXT-X-MAP:URI=\"i\"\n#EXTINF:2,\nx.m4s\n", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/i" {
				endless(w)
			}
		}), ErrTooLarge},
		{"a segment of rubbish", segment(one, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(bytes.Repeat([]byte("G\x40\x00\x10"), 47*1000))
		}), ErrFormat},
		{"an empty playlist that has ended", text(playlistHead + "#EXT-X-ENDLIST\n"), ErrOver},
		{"missing segments", segment(playlistHead+strings.Repeat("#EXTINF:2,\nx.ts\n", 9)+"#EXT-X-ENDLIST\n", http.NotFound), errMissing},
		{"a redirect to itself", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, ErrRefused},
		{"a redirect to a file", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		}, ErrAddress},
		{"no leave", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }, ErrRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			g := newGround(t, func(o *Options) { o.Retry, o.MaxRetry = time.Hour, time.Hour }, always(serve(t, c.from)+"/?key=secret"))
			if errors.Is(c.want, errMissing) {
				await(t, "it fails", func() bool { return strings.Contains(g.status().Error, errMissing.Error()) })
			} else {
				g.failed(c.want)
			}
			g.stop()
			runtime.ReadMemStats(&after)
			if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 256 {
				t.Errorf("it took %d MiB", used)
			}
			if g.told.last().Relay.Error == "" {
				t.Error("nobody is told what went wrong")
			}
			if got := g.told.states(); got != "connecting waiting ended" {
				t.Errorf("told: %s", got)
			}
			g.secretless("secret")
		})
	}
}

// TestSlowSources: what says nothing in time is left.
func TestSlowSources(t *testing.T) {
	impatient := func(o *Options) { o.Timeout = 300 * time.Millisecond }
	silent := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	for name, from := range map[string]string{
		"never answers": raw(t, silent),
		"headers without an end": raw(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(c, "X-%d: %s\r\n", i, strings.Repeat("x", 1000)); err != nil {
					return
				}
			}
		}),
		"no media": serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}),
		"a body that comes byte by byte": serve(t, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "F")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}),
		"a playlist that never moves": serve(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, playlistHead)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			g := newGround(t, impatient, always(from))
			await(t, "it fails", func() bool { return g.status().Reason != "" })
			if now := g.status(); now.Reason != "timeout" && name != "headers without an end" && name != "a body that comes byte by byte" {
				t.Errorf("the status is %+v", now)
			}
			await(t, "it is tried again", func() bool { return g.status().Tries > 1 })
		})
	}
}

// TestInside: what came by API leads to no address inside, however it is written, nor does a redirect of what the operator
// did not write.
func TestInside(t *testing.T) {
	from := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked") })
	port := from[strings.LastIndexByte(from, ':'):]
	g := newGround(t, func(o *Options) { o.MaxTasks = 10 })
	for i, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "0.0.0.0"} {
		for _, scheme := range []string{"http", "rtmp"} {
			task := always(scheme + "://" + host + port + "/live/a")
			task.Stream = fmt.Sprint("s", i, scheme)
			added, err := g.m.Add(t.Context(), task)
			if errors.Is(err, ErrTask) && errors.Is(err, dial.ErrAddress) {
				if host == "localhost" {
					t.Error("a name was taken for an address")
				}
				continue // what is written in numbers is refused at once
			}
			if err != nil {
				t.Fatal(err)
			}
			await(t, "it fails", func() bool {
				p, err := g.m.Pull("1", added.ID)
				return err == nil && len(p.Streams) > 0 && p.Streams[0].Reason != ""
			})
			p, _ := g.m.Pull("1", added.ID)
			if r := p.Streams[0].Reason; r != "address" && (r != "connect" || host[0] != '0' && host[0] != '2') { // some are no hosts at all
				t.Errorf("%s: %s", host, r)
			}
			if err := g.m.Remove(t.Context(), "1", added.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestRedirectInside: a redirect passes the guard as its first address does.
func TestRedirectInside(t *testing.T) {
	inner := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked") })
	f := newFetcher("", guards{}, patience)
	t.Cleanup(f.transport.CloseIdleConnections)
	// A server outside cannot be had here: its first answer stands in, and the guard sees the second address.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, inner, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := f.client.Do(r)
	if err == nil {
		_ = answer.Body.Close()
		t.Fatal("it was let pass")
	}
	if requestError(err) != errInside { //nolint:errorlint // the very value
		t.Error(err)
	}
	r.Header.Set("Referer", "https://origin.example.com/?key=secret")
	if err := follow(r, []*http.Request{r, r, r, r, r}); err != nil || r.Header.Get("Referer") != "" {
		t.Errorf("%v, and the one before it is told: %q", err, r.Header.Get("Referer"))
	}
}

// TestTrustedSourceLeadsInside: that the operator has written a source's address says nothing of where its server leads to.
func TestTrustedSourceLeadsInside(t *testing.T) {
	inside := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip("there is one loopback address only")
	}
	_ = inside.Listener.Close()
	inside.Listener = listener
	inside.Start()
	defer inside.Close()
	source := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusFound))
	defer source.Close()
	if err := open(t.Context(), source.URL, guards{source: dial.Trusted}, patience, make(places), newSession(nil)); !errors.Is(err, ErrAddress) {
		t.Errorf("got %v", err)
	}
	again := httptest.NewServer(http.RedirectHandler(source.URL, http.StatusFound))
	defer again.Close()
	if err := open(t.Context(), again.URL, guards{source: dial.Trusted, others: dial.NewGuard()}, patience, make(places), newSession(nil)); !errors.Is(err, ErrAddress) {
		t.Errorf("by way of its own host: got %v", err)
	}
}
