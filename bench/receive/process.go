package receive

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// patience bounds every wait for a program, on a machine that may be busy.
const patience = 30 * time.Second

// process is a running program with those that it started, which are a group of their own.
type process struct {
	cmd    *exec.Cmd
	out    output
	exited chan struct{} // closed when it is gone; err is then valid
	err    error
}

// output keeps the first megabyte of what a program says.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p[:min(len(p), 1<<20-o.text.Len())])
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// begin starts a program.
func begin(name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// Its children hold the pipe of its output, too.
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s is needed (see .ci/deps): %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// Said is what the program wrote to its output and its log so far.
func (p *process) Said() string { return p.out.String() }

// Done is closed when the program is gone.
func (p *process) Done() <-chan struct{} { return p.exited }

// Kill ends the program at once, as a power cut does: it writes no word of goodbye and the kernel resets its connections.
func (p *process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// Stop asks the program to end and kills it when it does not. The error is the program's.
func (p *process) Stop() error {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.Kill()
		return errors.New("the program did not end when it was asked to")
	}
	return p.err
}

// Pause stands the program still: its connections stay, and it reads and answers nothing.
func (p *process) Pause() { p.signal(syscall.SIGSTOP) }

// Resume ends a pause.
func (p *process) Resume() { p.signal(syscall.SIGCONT) }

// signal goes to the whole group. One that is gone takes none.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.exited:
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, s) // it may just have gone
	}
}
