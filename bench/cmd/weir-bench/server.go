package main

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

// server is the process that is measured.
type server struct {
	cmd   *exec.Cmd
	http  string
	token string
	dir   string
	drain sync.WaitGroup // reads the rest of the log
}

// startServer starts the binary on free ports of loopback, with a folder of its own.
func startServer(ctx context.Context, set settings) (*server, error) {
	dir, err := os.MkdirTemp("", "weir-bench")
	if err != nil {
		return nil, err
	}
	env := append(os.Environ(), "WEIR_HTTP_LISTEN=127.0.0.1:0", "WEIR_WEBRTC_LISTEN=127.0.0.1:0",
		"WEIR_ADMIN_LISTEN=127.0.0.1:0", "WEIR_RTMP_LISTEN=127.0.0.1:0", "WEIR_DATA_DIR="+dir, "WEIR_LOG_FORMAT=json", "WEIR_FLV_JOIN="+set.join.String())
	s := &server{cmd: exec.CommandContext(ctx, set.weir, "serve"), dir: dir}
	s.cmd.Env = env
	logs, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if s.http, err = s.listening(logs); err != nil {
		s.stop()
		return nil, err
	}
	usersig := exec.CommandContext(ctx, set.weir, "usersig", "--user", "bench")
	usersig.Env = env
	token, err := usersig.Output()
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("cannot get a token: %w", err)
	}
	s.token = string(bytes.TrimSpace(token))
	return s, nil
}

// listening reads the log up to the line that says where the server is. The rest is thrown away by a goroutine that
// ends with the process; stop waits for it.
func (s *server) listening(logs io.Reader) (string, error) {
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		var l struct{ Msg, HTTP string }
		if json.Unmarshal(lines.Bytes(), &l) == nil && l.Msg == "listening" {
			s.drain.Go(func() { _, _ = io.Copy(io.Discard, logs) }) // it ends with the pipe
			return l.HTTP, nil
		}
	}
	return "", errors.New("the server ended without listening")
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	s.drain.Wait()                            // before Wait, which closes the pipe
	_ = s.cmd.Wait()                          // how it ended is in its figures
	_ = os.RemoveAll(s.dir)
}

// usage is what a process has used.
type usage struct {
	cpu time.Duration
	rss int // bytes
}

// usage reads the server's CPU time (proc(5), stat: fields 14 and 15) and its resident memory.
func (s *server) usage() (usage, error) {
	dir := fmt.Sprintf("/proc/%d/", s.cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return usage{}, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name in field 2 may hold spaces
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	pages, _ := strconv.Atoi(fields[21])
	return usage{cpu: time.Duration(user+system) * clockTick, rss: pages * os.Getpagesize()}, nil
}
