package measure

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Server is a weir process.
type Server struct {
	*Process
	HTTP, Admin string // addresses
	Token       string // of a user who may publish

	dir string
}

// Start starts the binary on free ports of loopback, with a folder of its own and more settings, given as NAME=value.
// Settings of the caller's environment do not count. The end of ctx kills it.
func Start(ctx context.Context, binary string, settings ...string) (*Server, error) {
	dir, err := os.MkdirTemp("", "weir-bench")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder: %w", err)
	}
	env := append(plainEnv(), "WEIR_HTTP_LISTEN=127.0.0.1:0", "WEIR_WEBRTC_LISTEN=127.0.0.1:0",
		"WEIR_ADMIN_LISTEN=127.0.0.1:0", "WEIR_RTMP_LISTEN=127.0.0.1:0", "WEIR_DATA_DIR="+dir, "WEIR_LOG_FORMAT=json")
	env = append(env, settings...)
	s := &Server{dir: dir}
	cmd := exec.CommandContext(ctx, binary, "serve")
	cmd.Env = env
	if s.Process, err = Launch(cmd, s.listening); err != nil {
		return nil, fmt.Errorf("cannot start the server: %w", err)
	}
	usersig := exec.CommandContext(ctx, binary, "usersig", "--user", "bench")
	usersig.Env = env
	token, err := usersig.Output()
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("cannot get a token: %w", err)
	}
	s.Token = string(bytes.TrimSpace(token))
	return s, nil
}

// plainEnv is the environment without settings of weir.
func plainEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WEIR_") })
}

// listening reads the line of the log that says where the server is.
func (s *Server) listening(line []byte) bool {
	var l struct{ Msg, HTTP, Admin string }
	if json.Unmarshal(line, &l) != nil || l.Msg != "listening" {
		return false
	}
	s.HTTP, s.Admin = l.HTTP, l.Admin
	return true
}

// Stop ends the process and removes its folder.
func (s *Server) Stop() {
	s.Process.Stop()
	_ = os.RemoveAll(s.dir)
}

// Metrics reads the server's own figures.
func (s *Server) Metrics(ctx context.Context) (Metrics, error) {
	text, err := s.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	return parseMetrics(string(text)), nil
}

// Profile writes a CPU profile of the next d to a file. Taking it costs the server some CPU itself.
func (s *Server) Profile(ctx context.Context, d time.Duration, name string) error {
	profile, err := s.get(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%d", max(1, int(d.Seconds()))))
	if err != nil {
		return err
	}
	return os.WriteFile(name, profile, 0o600)
}

func (s *Server) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Admin+path, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot ask the server for %s: %w", path, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("cannot ask the server for %s: %w", path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("cannot ask the server for %s: %s", path, resp.Status)
	}
	return io.ReadAll(resp.Body)
}
