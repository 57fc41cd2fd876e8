package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// cluster is a PostgreSQL server of the tests' own, on a socket in a temporary folder. It is started by the first test
// that wants it and ended by TestMain.
var cluster struct {
	once sync.Once
	dir  string
	err  error // why there is none
	stop func()
	last atomic.Int64
}

func TestMain(m *testing.M) {
	if where := os.Getenv(childEnv); where != "" {
		if err := child(where); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if cluster.stop != nil {
		cluster.stop()
	}
	if cluster.dir != "" {
		_ = os.RemoveAll(cluster.dir)
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// postgresURL makes an empty database and returns its address.
func postgresURL(t testing.TB) string {
	t.Helper()
	cluster.once.Do(func() { cluster.err = startCluster() })
	if errors.Is(cluster.err, exec.ErrNotFound) {
		t.Skip("PostgreSQL is not installed")
	}
	if cluster.err != nil {
		t.Fatal(cluster.err)
	}
	name := fmt.Sprint("test", cluster.last.Add(1))
	admin, err := sql.Open("pgx", clusterURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return clusterURL(name)
}

func clusterURL(database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {cluster.dir}, "user": {"postgres"}}.Encode()
}

// program finds one of PostgreSQL's, which Debian keeps out of the path.
func program(name string) (string, error) {
	found, err := exec.LookPath(name)
	if err == nil {
		return found, nil
	}
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(all) == 0 {
		return "", err
	}
	return slices.Max(all), nil
}

func startCluster() error {
	initdb, err := program("initdb")
	if err != nil {
		return err
	}
	postgres, err := program("postgres")
	if err != nil {
		return err
	}
	if cluster.dir, err = os.MkdirTemp("", "weir-postgres-"); err != nil {
		return err
	}
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT} // a test that dies leaves no server
	if os.Geteuid() == 0 {                                   // PostgreSQL refuses to be root
		if attr.Credential, err = postgresUser(); err != nil {
			return err
		}
		if err := os.Chown(cluster.dir, int(attr.Credential.Uid), int(attr.Credential.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(cluster.dir, "data")
	run := func(name string, args ...string) (*exec.Cmd, *bytes.Buffer) {
		var out bytes.Buffer
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = cluster.dir, &out, &out
		own := *attr
		cmd.SysProcAttr = &own
		return cmd, &out
	}
	if cmd, out := run(initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"); cmd.Run() != nil {
		return fmt.Errorf("initdb: %s", out)
	}
	args := []string{"-D", data, "-k", cluster.dir, "-c", "listen_addresses="}
	if flag.Lookup("test.bench").Value.String() == "" {
		args = append(args, "-c", "fsync=off") // the machine is not switched off, and benchmarks alone want to wait for the disk
	}
	cmd, out := run(postgres, args...)
	started := make(chan error)
	ended := make(chan struct{})
	go func() {
		runtime.LockOSThread() // the death of the thread that started it is what Pdeathsig waits for
		started <- cmd.Start()
		_ = cmd.Wait()
		close(ended)
	}()
	if err := <-started; err != nil {
		return err
	}
	cluster.stop = func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // at once, in order
		<-ended
	}
	return awaitCluster(ended, out)
}

// awaitCluster waits until the server takes connections.
func awaitCluster(ended <-chan struct{}, out *bytes.Buffer) error {
	db, err := sql.Open("pgx", clusterURL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for deadline := time.Now().Add(time.Minute); ; {
		err := db.PingContext(context.Background())
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("postgres ended: %s", out)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

func postgresUser() (*syscall.Credential, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}
