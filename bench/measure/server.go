package measure

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// clockTick is the unit of CPU time in /proc: USER_HZ, 100 on every Linux that Go runs on.
const clockTick = time.Second / 100

// Server is the process that is measured.
type Server struct {
	HTTP, Admin string // addresses
	Token       string // of a user who may publish

	cmd   *exec.Cmd
	dir   string
	drain sync.WaitGroup // reads the rest of the log
}

// Start starts the binary on free ports of loopback, with a folder of its own and more settings, given as NAME=value.
// The end of ctx kills it.
func Start(ctx context.Context, binary string, settings ...string) (*Server, error) {
	dir, err := os.MkdirTemp("", "weir-bench")
	if err != nil {
		return nil, err
	}
	env := append(os.Environ(), "WEIR_HTTP_LISTEN=127.0.0.1:0", "WEIR_WEBRTC_LISTEN=127.0.0.1:0",
		"WEIR_ADMIN_LISTEN=127.0.0.1:0", "WEIR_RTMP_LISTEN=127.0.0.1:0", "WEIR_DATA_DIR="+dir, "WEIR_LOG_FORMAT=json")
	env = append(env, settings...)
	s := &Server{cmd: exec.CommandContext(ctx, binary, "serve"), dir: dir}
	s.cmd.Env = env
	logs, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.listening(logs); err != nil {
		s.Stop()
		return nil, err
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

// listening reads the log up to the line that says where the server is. The rest is thrown away by a goroutine that
// ends with the process; Stop waits for it.
func (s *Server) listening(logs io.Reader) error {
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		var l struct{ Msg, HTTP, Admin string }
		if json.Unmarshal(lines.Bytes(), &l) == nil && l.Msg == "listening" {
			s.drain.Go(func() { _, _ = io.Copy(io.Discard, logs) }) // it ends with the pipe
			s.HTTP, s.Admin = l.HTTP, l.Admin
			return nil
		}
	}
	return errors.New("the server ended without listening")
}

// Stop ends the process and removes its folder.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	s.drain.Wait()                            // before Wait, which closes the pipe
	_ = s.cmd.Wait()                          // how it ended is in its figures
	_ = os.RemoveAll(s.dir)
}

// Usage is what a process has used.
type Usage struct {
	CPU time.Duration
	RSS int // bytes
}

// Usage reads the server's CPU time (proc(5), stat: fields 14 and 15) and its resident memory.
func (s *Server) Usage() (Usage, error) {
	dir := fmt.Sprintf("/proc/%d/", s.cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return Usage{}, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name in field 2 may hold spaces
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	pages, _ := strconv.Atoi(fields[21])
	return Usage{CPU: time.Duration(user+system) * clockTick, RSS: pages * os.Getpagesize()}, nil
}
