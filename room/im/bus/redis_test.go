package bus

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/room/im"
)

// redisServer is a Redis of the test's own, on a socket in its folder.
type redisServer struct {
	t      *testing.T
	socket string
	cmd    *exec.Cmd
}

// startRedis skips the test where there is no redis-server; .ci/deps installs it.
func startRedis(t *testing.T) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	r := &redisServer{t: t, socket: filepath.Join(t.TempDir(), "redis.sock")}
	r.start()
	t.Cleanup(func() { r.signal(syscall.SIGKILL); _ = r.cmd.Wait() })
	return r
}

func (r *redisServer) start() {
	r.t.Helper()
	r.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", r.socket, "--save", "", "--appendonly", "no", "--dir", r.t.TempDir())
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	until(r.t, "Redis answers", func() bool {
		answer, err := exec.Command("redis-cli", "-s", r.socket, "ping").Output()
		return err == nil && strings.TrimSpace(string(answer)) == "PONG"
	})
}

func (r *redisServer) signal(s syscall.Signal) { _ = r.cmd.Process.Signal(s) }

func (r *redisServer) options(t *testing.T) Options {
	o := options(t)
	o.Redis = "unix://" + r.socket
	return o
}

// A password stands in no error.
func TestRedisAddressIsNotShown(t *testing.T) {
	for _, address := range []string{"redis://u:secret@host:port/0", "redis://u:secret@[host/0", "redis://u:secret%zz@host"} {
		o := options(t)
		o.Redis = address
		b, err := New(o)
		must(t, err)
		if err := b.Run(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// cluster are nodes that know each other.
func cluster(t *testing.T, o Options, n int) []*stage {
	t.Helper()
	nodes := make([]*stage, n)
	for i := range nodes {
		nodes[i] = run(t, o)
	}
	until(t, "all nodes know each other", func() bool {
		return !slices.ContainsFunc(nodes, func(b *stage) bool { return len(b.peers.others()) != n-1 })
	})
	return nodes
}

// D08: what is sent at one node arrives at the other, in order, and both count everybody.
func TestD08NodesShareRooms(t *testing.T) {
	nodes := cluster(t, startRedis(t).options(t), 2)
	a, b := dial(t, nodes[0].url), dial(t, nodes[1].url)
	a.login("alice", "", "")
	b.login("bob", "", "")
	a.call("enter", `"AV1"`)
	b.call("enter", `"AV1"`)
	for i := range 50 {
		must(t, nodes[i%2].Publish(1, "AV1", fmt.Appendf(nil, `{"m":%d}`, i)))
	}
	for i := range 50 {
		want := fmt.Sprintf(`{"m":%d}`, i)
		if x, y := a.pub(), b.pub(); x != want || y != want {
			t.Fatalf("got %s and %s, want %s", x, y, want)
		}
	}
	must(t, nodes[1].PublishTo(1, "alice", []byte(`{"c":1}`)))
	if got := a.pub(); got != `{"c":1}` {
		t.Errorf("alice got %s", got)
	}
	until(t, "both count both", func() bool { return nodes[0].Count(1, "AV1") == 2 && nodes[1].Count(1, "AV1") == 2 })
	if got := nodes[0].Users(1, "AV1", 10); len(got) != 2 {
		t.Errorf("in the room: %v", got)
	}
	if n := nodes[0]; !n.IsIn(1, "AV1", "alice") || !n.IsIn(1, "AV1", "bob") || n.IsIn(1, "AV1", "carol") || n.IsIn(1, "AV2", "bob") {
		t.Error("it is not known who is in the room")
	}
	online := nodes[0].OnlineAll(1, []string{"alice", "bob", "carol"})
	if len(online) != 2 || !slices.Equal(online["bob"], []im.Platform{im.PlatformWeb}) {
		t.Errorf("online: %v", online)
	}
	if recent, err := nodes[1].Recent(1, "AV1", 2); err != nil || len(recent) != 2 || string(recent[1]) != `{"m":49}` {
		t.Errorf("recent: %s, %v", recent, err)
	}
}

// E01 over nodes: a login at one node ends that at the other, and so does a kick.
func TestE01OverNodes(t *testing.T) {
	nodes := cluster(t, startRedis(t).options(t), 2)
	first, second := dial(t, nodes[0].url), dial(t, nodes[1].url)
	first.login("alice", "", "")
	first.call("echo", `1`)
	second.login("alice", "", "")
	if code := first.cutBy(); code != 4501 {
		t.Errorf("the first login is cut by %d", code)
	}
	nodes[0].Kick(1, "alice", ReasonREST)
	if code := second.cutBy(); code != 4503 {
		t.Errorf("the kicked login is cut by %d", code)
	}
}

// A session goes on at another node: it is in its rooms and gets what it missed.
func TestE02ResumeAtAnotherNode(t *testing.T) {
	o := startRedis(t).options(t)
	gone := make(chan Reason, 9)
	o.Gone = func(_ *Session, r Reason) { gone <- r }
	nodes := cluster(t, o, 2)
	a := dial(t, nodes[0].url)
	hello := a.login("alice", "", "").Connect.Data
	a.call("enter", `"AV1"`)
	epoch := nodes[0].epoch(t, "r:1:AV1")
	_ = a.conn.Close()
	must(t, nodes[0].Publish(1, "AV1", []byte(`{"m":1}`)))
	a = dial(t, nodes[1].url)
	m := a.login("alice", hello.Session, fmt.Sprintf(`,"subs":{"r:1:AV1":{"recover":true,"epoch":%q,"offset":0}}`, epoch))
	if sub := m.Connect.Subs["r:1:AV1"]; !m.Connect.Data.Resumed || !sub.Recovered || len(sub.Publications) != 1 {
		t.Errorf("%+v", m.Connect)
	}
	if why := <-gone; why != ReasonMoved {
		t.Errorf("gone by %s", why)
	}
	until(t, "it is in the room at the second node", func() bool { return nodes[1].LocalCount(1, "AV1") == 1 })
}

// Who asks a node that is gone by now does not wait for it any longer.
func TestAskedNodeGoes(t *testing.T) {
	o := startRedis(t).options(t)
	o.Now = func() time.Time { return time.Unix(0, 0) } // nobody is silent for too long
	b := run(t, o)
	b.peers.mark("gone", true)
	key := "k"
	for b.Owner(key) {
		key += "k"
	}
	time.AfterFunc(100*time.Millisecond, func() { b.peers.mark("gone", false) })
	if _, err := b.Ask(t.Context(), key, "test.who", nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Each key has one owner, who answers; a node that is gone owns nothing any more.
func TestOwners(t *testing.T) {
	o := startRedis(t).options(t)
	nodes := make([]*stage, 3)
	for i := range nodes {
		b, err := New(o)
		must(t, err)
		b.Handle("test.who", func(_ context.Context, data []byte) ([]byte, error) {
			if string(data) == "no" {
				return nil, im.ErrBanned
			}
			return []byte(b.node.ID()), nil
		})
		nodes[i] = runBus(t, b)
	}
	until(t, "all nodes know each other", func() bool {
		return !slices.ContainsFunc(nodes, func(b *stage) bool { return len(b.peers.others()) != 2 })
	})
	ask := func(key string) string {
		var answers []string
		owners := 0
		for _, b := range nodes {
			answer, err := b.Ask(context.Background(), key, "test.who", nil)
			must(t, err)
			answers = append(answers, string(answer))
			if b.Owner(key) {
				owners++
			}
		}
		if owners != 1 || len(slices.Compact(answers)) != 1 {
			t.Fatalf("%s has %d owners, who are %v", key, owners, answers)
		}
		return answers[0]
	}
	before := make(map[string]string)
	for i := range 30 {
		key := fmt.Sprint("1/room", i)
		before[key] = ask(key)
	}
	for _, b := range nodes {
		if _, err := b.Ask(context.Background(), "k", "test.who", []byte("no")); !errors.Is(err, im.ErrBanned) {
			t.Errorf("a refusal is %v", err)
		}
		if _, err := b.Ask(context.Background(), "k", "test.nobody", nil); err == nil {
			t.Error("an unknown question is answered")
		}
	}
	last := nodes[2]
	nodes = nodes[:2]
	last.end()
	until(t, "the others forget the node that ended", func() bool {
		return len(nodes[0].peers.others()) == 1 && len(nodes[1].peers.others()) == 1
	})
	moved := 0
	for key, owner := range before {
		switch now := ask(key); {
		case owner == last.node.ID():
			moved++
		case now != owner:
			t.Errorf("%s moved from a node that is alive", key)
		}
	}
	if moved == 0 {
		t.Error("the third of three nodes owned nothing")
	}
}

// A node that dies says nothing: it is forgotten all the same.
func TestSilentNodeIsForgotten(t *testing.T) {
	now := time.Now()
	b, err := New(options(t))
	must(t, err)
	b.o.Now = func() time.Time { return now }
	b.o.Redis = "somewhere"
	b.peers.mark("other", true)
	b.peers.note("other", []byte(`[{"a":1,"r":"AV1","n":7}]`))
	if b.Count(1, "AV1") != 7 {
		t.Errorf("%d are counted", b.Count(1, "AV1"))
	}
	now = now.Add(deadAfter)
	b.peers.age(now, nil)
	if len(b.peers.others()) != 1 {
		t.Error("forgotten too early")
	}
	now = now.Add(time.Second)
	b.peers.age(now, errors.New("Redis is away")) // its silence means nothing
	b.peers.age(now, nil)
	if len(b.peers.others()) != 1 {
		t.Error("forgotten although nothing could be heard")
	}
	now = now.Add(deadAfter + time.Second)
	b.peers.age(now, nil)
	if len(b.peers.others()) != 0 || b.Count(1, "AV1") != 0 {
		t.Error("not forgotten")
	}
}

// While Redis hangs sessions stay, and what is said afterwards arrives.
func TestRedisHangs(t *testing.T) {
	redis := startRedis(t)
	nodes := cluster(t, redis.options(t), 2)
	c := dial(t, nodes[0].url)
	c.login("alice", "", "")
	c.call("enter", `"AV1"`)
	redis.signal(syscall.SIGSTOP)
	failed := nodes[1].Publish(1, "AV1", []byte(`{"m":1}`)) // waits for its time to be over
	redis.signal(syscall.SIGCONT)
	if failed == nil {
		t.Error("a publication into nothing is no error")
	}
	until(t, "publications pass again", func() bool { return nodes[1].Publish(1, "AV1", []byte(`{"m":2}`)) == nil })
	got := c.pub()
	for got != `{"m":2}` { // the first may have come through after all
		got = c.pub()
	}
	until(t, "it is in the room", func() bool { return nodes[0].LocalCount(1, "AV1") == 1 })
}

// A Redis that starts anew has forgotten what was published: clients come again, to the same session.
func TestRedisRestarts(t *testing.T) {
	redis := startRedis(t)
	nodes := cluster(t, redis.options(t), 2)
	c := dial(t, nodes[0].url)
	hello := c.login("alice", "", "").Connect.Data
	c.call("enter", `"AV1"`)
	must(t, nodes[1].Publish(1, "AV1", []byte(`{"m":1}`)))
	c.pub()
	redis.signal(syscall.SIGKILL)
	_ = redis.cmd.Wait()
	redis.start()
	until(t, "publications pass again", func() bool { return nodes[1].Publish(1, "AV1", []byte(`{"m":2}`)) == nil })
	until(t, "they arrive", func() bool {
		must(t, nodes[1].Publish(1, "AV1", []byte(`{"m":3}`)))
		return nodes[0].stats.deliveries.Load() > 1 || nodes[0].LocalCount(1, "AV1") == 0
	})
	_ = c.conn.Close()
	c = dial(t, nodes[0].url)
	if m := c.login("alice", hello.Session, ""); !m.Connect.Data.Resumed || m.Connect.Data.Session != hello.Session {
		t.Fatalf("%+v", m.Connect)
	}
	until(t, "they arrive", func() bool { return nodes[1].Publish(1, "AV1", []byte(`{"m":4}`)) == nil })
	got := c.pub()
	for got != `{"m":4}` {
		got = c.pub()
	}
}

func TestWithoutItsRedis(t *testing.T) {
	o := options(t)
	o.Redis = "unix://" + filepath.Join(t.TempDir(), "none.sock")
	b, err := New(o)
	must(t, err)
	if err := b.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "Redis") {
		t.Errorf("%v", err)
	}
}
