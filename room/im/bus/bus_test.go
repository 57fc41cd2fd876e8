package bus

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/room/im"
)

// TestMain looks for goroutines that are left over. Some of the engine's end a few seconds after it stopped.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		code = leaks()
	}
	os.Exit(code)
}

func leaks() int {
	deadline := time.Now().Add(patience)
	for {
		err := goleak.Find()
		if err == nil {
			return 0
		}
		if time.Now().After(deadline) {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until waits for something that no event tells.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestPublishBeforeRun: a server takes requests while it still starts. What they publish waits for the engine, which
// cannot be used before it runs.
func TestPublishBeforeRun(t *testing.T) {
	b, err := New(options(t))
	must(t, err)
	published := make(chan error, 1)
	go func() { published <- b.Publish(1, "AV1", []byte(`{"n":1}`)) }()
	select {
	case err := <-published:
		t.Fatalf("published before there was an engine: %v", err)
	case <-time.After(10 * time.Millisecond):
	}
	runBus(t, b)
	must(t, <-published)
	if kept, err := b.Recent(1, "AV1", 1); err != nil || len(kept) != 1 {
		t.Errorf("%d messages are kept: %v", len(kept), err)
	}
}

// TestNeverRun: who waits for an engine that does not come is told in the end.
func TestNeverRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := New(options(t))
		must(t, err)
		if err := b.Publish(1, "AV1", []byte(`{}`)); !errors.Is(err, ErrNotRunning) {
			t.Errorf("published: %v", err)
		}
		if _, err := b.Recent(1, "AV1", 1); !errors.Is(err, ErrNotRunning) {
			t.Errorf("read: %v", err)
		}
	})
}

func TestEnterAndReceive(t *testing.T) {
	b := run(t, options(t))
	c := dial(t, b.url)
	if m := c.login("alice", "", ""); m.Error != nil || m.Connect.Data.User != "alice" || m.Connect.Data.Resumed {
		t.Fatalf("%+v", m)
	}
	must(t, b.Publish(1, "AV1", []byte(`{"m":0}`))) // not for who is not there
	if m := c.call("enter", `"AV1"`); m.Error != nil {
		t.Fatalf("%+v", m.Error)
	}
	if n := b.Count(1, "AV1"); n != 1 {
		t.Errorf("%d are in the room", n)
	}
	for i := range 3 {
		must(t, b.Publish(1, "AV1", fmt.Appendf(nil, `{"m":%d}`, i+1)))
	}
	must(t, b.PublishTo(1, "alice", []byte(`{"c":1}`)))
	for _, want := range []string{`{"m":1}`, `{"m":2}`, `{"m":3}`, `{"c":1}`} {
		if got := c.pub(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	b.Part(1, "AV1", "alice", "")
	c.want("the room's end", func(m message) bool { return m.Push != nil && m.Push.Unsubscribe != nil })
	if n := b.LocalCount(1, "AV1"); n != 0 {
		t.Errorf("%d are in the room after the last one left", n)
	}
}

// E05: who is put out of a room at the moment of coming in gets nothing from it.
func TestE05_PutOutWhileComingIn(t *testing.T) {
	o := options(t)
	opened := make(chan *Session, 1)
	o.Opened = func(s *Session, _ []im.Platform) { opened <- s }
	b := run(t, o)
	c := dial(t, b.url)
	c.login("alice", "", "")
	s := <-opened
	client, _, err := b.join(s, "AV1")
	must(t, err)
	b.Part(1, "AV1", "alice", "")
	must(t, b.subscribe(s, client, "AV1", 0))
	if client.IsSubscribed(roomChannel(1, "AV1")) {
		t.Error("the client gets what is published in the room")
	}
	must(t, b.Publish(1, "AV1", []byte(`{"m":1}`)))
	must(t, b.PublishTo(1, "alice", []byte(`{"c":1}`)))
	if got := c.pub(); got != `{"c":1}` {
		t.Errorf("who was put out got %s", got)
	}
}

func TestErrorsOfCalls(t *testing.T) {
	b := run(t, options(t))
	c := dial(t, b.url)
	c.login("", "", "")
	if m := c.call("no", `{}`); m.Error == nil || m.Error.Code != 10017 {
		t.Errorf("a refusal is %+v", m.Error)
	}
	if m := c.call("fault", `{}`); m.Error == nil || m.Error.Code != 10002 || m.Error.Message != "internal error" {
		t.Errorf("a fault is %+v", m.Error)
	}
	if m := c.call("echo", `{"a":[1]}`); string(m.RPC.Data) != `{"a":[1]}` {
		t.Errorf("%s", m.RPC.Data)
	}
}

func TestRefusedLogin(t *testing.T) {
	b := run(t, options(t))
	c := dial(t, b.url)
	c.text(`{"id":1,"connect":{"token":"forged","data":{"user":"alice"}}}`)
	if m := c.next(); m.Error == nil || m.Error.Code != 70009 {
		t.Errorf("%+v", m)
	}
}

// E02: a cut of the connection takes nobody out of the room, and what was missed comes in order, once.
func TestE02ResumeAfterACut(t *testing.T) {
	o := options(t)
	opened, gone := make(chan *Session, 9), make(chan Reason, 9)
	o.Opened = func(s *Session, _ []im.Platform) { opened <- s }
	o.Gone = func(_ *Session, r Reason) { gone <- r }
	b := run(t, o)
	c := dial(t, b.url)
	hello := c.login("alice", "", "").Connect.Data
	c.call("enter", `"AV1"`)
	must(t, b.Publish(1, "AV1", []byte(`{"m":1}`)))
	m := c.want("a publication", func(m message) bool { return m.Push != nil && m.Push.Pub != nil })
	at := m.Push.Pub.Offset
	epoch := b.epoch(t, "r:1:AV1")
	_ = c.conn.Close()
	until(t, "the cut is seen", func() bool { return b.LocalCount(1, "AV1") == 0 })
	must(t, b.Publish(1, "AV1", []byte(`{"m":2}`)))
	must(t, b.Publish(1, "AV1", []byte(`{"m":3}`)))
	c = dial(t, b.url)
	m = c.login("alice", hello.Session, fmt.Sprintf(`,"subs":{"r:1:AV1":{"recover":true,"epoch":%q,"offset":%d}}`, epoch, at))
	sub := m.Connect.Subs["r:1:AV1"]
	if !m.Connect.Data.Resumed || !sub.Recovered || len(sub.Publications) != 2 || m.Connect.Data.Session != hello.Session {
		t.Fatalf("%+v", m.Connect)
	}
	for i, p := range sub.Publications {
		if want := fmt.Sprintf(`{"m":%d}`, i+2); string(p.Data) != want {
			t.Errorf("got %s, want %s", p.Data, want)
		}
	}
	must(t, b.Publish(1, "AV1", []byte(`{"m":4}`)))
	if got := c.pub(); got != `{"m":4}` {
		t.Errorf("after the cut comes %s", got)
	}
	until(t, "it counts again", func() bool { return b.LocalCount(1, "AV1") == 1 })
	if len(opened) != 1 || len(gone) != 0 {
		t.Errorf("opened %d times, gone %d times", len(opened), len(gone))
	}
}

func (s *stage) epoch(t *testing.T, channel string) string {
	t.Helper()
	top, err := s.node.History(channel)
	must(t, err)
	return top.Epoch
}
