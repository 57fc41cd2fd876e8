package measure

import (
	"bufio"
	"context"
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

// ErrNotReady means that a program ended before it said that it is ready.
var ErrNotReady = errors.New("the program ended before it was ready")

// Process is a program that is measured.
type Process struct {
	cmd   *exec.Cmd
	drain sync.WaitGroup // reads the rest of its output
}

// Launch starts a command and reads what it writes, to standard error or, if that is already taken, to standard output, up
// to the line that ready takes. The rest is thrown away.
func Launch(cmd *exec.Cmd, ready func(line []byte) bool) (*Process, error) {
	pipe := cmd.StderrPipe
	if cmd.Stderr != nil {
		pipe = cmd.StdoutPipe
	}
	out, err := pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot read what %s says: %w", cmd.Path, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the program: %w", err)
	}
	p := &Process{cmd: cmd}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if ready(lines.Bytes()) {
			p.drain.Go(func() { _, _ = io.Copy(io.Discard, out) }) // it ends with the pipe
			return p, nil
		}
	}
	p.Stop()
	return nil, fmt.Errorf("cannot use %s: %w", cmd.Path, ErrNotReady)
}

// Stop ends the process.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	p.drain.Wait()                            // before Wait, which closes the pipe
	_ = p.cmd.Wait()                          // how it ended is in its figures
}

// Usage is what a process has used.
type Usage struct {
	CPU  time.Duration // user and system
	User time.Duration // of it, outside of the kernel
	RSS  int           // bytes
	At   time.Time
}

// Usage reads the CPU time of the process (proc(5), stat: fields 14 and 15) and its resident memory.
func (p *Process) Usage() (Usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return Usage{}, fmt.Errorf("cannot read what the process has used: %w", err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name in field 2 may hold spaces
	fields := strings.Fields(rest)
	if len(fields) < 22 {
		return Usage{}, fmt.Errorf("cannot read what the process has used: %d fields", len(fields))
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	pages, _ := strconv.Atoi(fields[21])
	return Usage{
		CPU: time.Duration(user+system) * clockTick, User: time.Duration(user) * clockTick,
		RSS: pages * os.Getpagesize(), At: time.Now(),
	}, nil
}

// During tells what the process used while the time went by, or while ctx was not done.
func (p *Process) During(ctx context.Context, d time.Duration) (before, after Usage, err error) {
	if before, err = p.Usage(); err != nil {
		return before, after, err
	}
	if err = Wait(ctx, d); err != nil {
		return before, after, err
	}
	after, err = p.Usage()
	return before, after, err
}

// Wait lets the time go by. Its error is why ctx ended before.
func Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
