package e2e

import (
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// python is Debian's, since the clients' libraries are its packages.
const python = "/usr/bin/python3"

// TestForeignClients: WHIP clients that share no code with weir or pion publish for real, and what they send comes out
// by FLV and HLS. Chromium does so in web/e2e.
func TestForeignClients(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, c := range []struct{ name, script string }{
		{"gstreamer", "../clients/gstreamer_whip.py"},
		{"aiortc", "../clients/aiortc_whip.py"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			testForeignClient(t, s, c.name, c.script)
		})
	}
}

// TestForeignViewers: WHEP clients that share no code with weir or pion play for real and decode what comes. Chromium
// does so in web/e2e.
func TestForeignViewers(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, "viewers/cam", media{video: true, audio: true})
	for _, c := range []struct {
		name, script string
		says         []string
	}{
		{"gstreamer", "../clients/gstreamer_whep.py", []string{"created 201", "video 60 video/x-raw", "width=(int)640", "audio 100 audio/x-raw", "deleted 200"}},
		{"aiortc", "../clients/aiortc_whep.py", []string{"created 201", "video 60 [(640, 360)] rising", "audio 100 4", "rising", "deleted 200"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), python, c.script, s.http+"/whep/viewers/cam").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, line := range c.says {
				if !strings.Contains(string(out), line) {
					t.Errorf("%q is not in\n%s", line, out)
				}
			}
		})
	}
}

func testForeignClient(t *testing.T, s *server, name, script string) {
	c := s.startClient(t, "clients/"+name, script, (*exec.Cmd).Start)
	c.live(t)
	v := watch(t, s.http+"/live/clients/"+name+".flv")
	p := play(t, s.http+"/live/clients/"+name+".m3u8")
	v.untilLength(t, 6*time.Second)
	p.until(t, 2)
	v.leave()
	checkCapture(t, v, 5, "aac", "h264")
	c.end(t)
	if _, ok := s.info(t, "clients", name); ok {
		t.Error("the stream is still there after the client's DELETE")
	}
	p.untilEnd(t)
	checkDecodes(t, p.media)
	checkProbe(t, p.media, "h264", "opus")
}

// foreignClient is a script of bench/clients that publishes.
type foreignClient struct {
	server *server
	path   string
	stdin  io.Closer // its end ends the publication
	out    *logBuffer
	exited chan struct{} // closed when the process is gone; err is then valid
	err    error
}

// startClient lets begin start a script that publishes as user "host". It is ended with the test.
func (s *server) startClient(t *testing.T, path, script string, begin func(*exec.Cmd) error, env ...string) *foreignClient {
	t.Helper()
	c := &foreignClient{server: s, path: path, out: new(logBuffer), exited: make(chan struct{})}
	cmd := exec.Command(python, script, s.http+"/whip/"+path)
	cmd.Env = append(cmd.Environ(), "WEIR_TOKEN="+s.token)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = c.out, c.out
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stdin = stdin
	if err := begin(cmd); err != nil {
		t.Fatalf("%s is needed (see .ci/deps): %v", python, err)
	}
	go func() {
		c.err = cmd.Wait()
		close(c.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone
		<-c.exited
		if t.Failed() {
			t.Logf("%s says:\n%s", script, c.out)
		}
	})
	return c
}

// live waits until the stream is live.
func (c *foreignClient) live(t *testing.T) {
	t.Helper()
	room, stream, _ := strings.Cut(c.path, "/")
	eventually(t, c.path+" to be live", func() bool {
		select {
		case <-c.exited:
			t.Fatalf("the client ended (see .ci/deps for what it needs): %v", c.err)
		default:
		}
		info, ok := c.server.info(t, room, stream)
		return ok && info.State == "live"
	})
}

// end lets the client DELETE its session and waits for it.
func (c *foreignClient) end(t *testing.T) {
	t.Helper()
	_ = c.stdin.Close() // a process that is gone is noticed next
	select {
	case <-c.exited:
	case <-time.After(patience):
		t.Fatal("the client does not end")
	}
	if out := c.out.String(); c.err != nil || !strings.Contains(out, "deleted 200") {
		t.Errorf("the client ended with %v and no DELETE in\n%s", c.err, out)
	}
}
