package receive

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// modules is where Debian's packages put nginx's modules.
const modules = "/usr/lib/nginx/modules/"

// Nginx is an nginx with a configuration of its own, in the foreground and in a folder of its own. Its methods are not
// safe for concurrent use.
type Nginx struct {
	*process

	dir   string
	ports []int
}

// startNginx runs nginx with the sections of a configuration and returns when it listens on the ports.
func startNginx(ctx context.Context, dir, sections string, ports ...int) (*Nginx, error) {
	n := &Nginx{dir: dir, ports: ports}
	if err := os.WriteFile(n.conf(), []byte(preamble(dir)+sections), 0o600); err != nil {
		return nil, fmt.Errorf("cannot configure nginx: %w", err)
	}
	return n, n.Start(ctx)
}

func (n *Nginx) conf() string { return filepath.Join(n.dir, "nginx.conf") }

// preamble is what every configuration begins with.
func preamble(dir string) string {
	var b strings.Builder
	for _, m := range []string{"ngx_stream_module.so", "ngx_rtmp_module.so"} {
		fmt.Fprintf(&b, "load_module %s;\n", modules+m)
	}
	if os.Geteuid() == 0 {
		b.WriteString("user root;\n") // its workers write into a folder of the test's
	}
	fmt.Fprintf(&b, "daemon off;\nworker_processes 1;\npid %s/nginx.pid;\nerror_log stderr notice;\n", dir)
	b.WriteString("events { worker_connections 1024; }\n")
	return b.String()
}

// Start runs it again, with the same configuration and ports, after it was stopped or killed.
func (n *Nginx) Start(ctx context.Context) error {
	p, err := begin(program(), "-e", "stderr", "-p", n.dir, "-c", n.conf())
	if err != nil {
		return err
	}
	n.process = p
	for _, port := range n.ports {
		if err := n.await(ctx, port); err != nil {
			p.Kill()
			return fmt.Errorf("nginx does not listen: %w\n%s", err, p.Said())
		}
	}
	return nil
}

// program is nginx, which Debian puts where the paths of ordinary users do not lead.
func program() string {
	if found, err := exec.LookPath("nginx"); err == nil {
		return found
	}
	return "/usr/sbin/nginx"
}

// await returns when the port takes connections.
func (n *Nginx) await(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", local(port))
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-n.exited:
			return fmt.Errorf("it ended: %w", n.err)
		case <-ctx.Done():
			return err
		}
	}
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
