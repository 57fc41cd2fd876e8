package push

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/room/dial"
	"weir/room/live"
	"weir/room/store"
)

func apiTask(to string) Task {
	return Task{App: "1", Room: "demo", Stream: "*", To: to, By: "administrator"}
}

// TestAdd: a relay of the API begins with the streams that are live, outlives a restart with all it says, and ends when it is
// deleted.
func TestAdd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testOptions())
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(time.Second)
		task := apiTask("rtmp://cdn.example.com/live/{stream}")
		task.Token, task.Audio, task.Sign, task.Trusted = "bearer", "opus", &Signing{"tencent", "k"}, true
		made, err := r.m.Add(t.Context(), task)
		if err != nil || made.Task.ID == "" || made.Task.Origin != OriginAPI || made.Task.Trusted {
			t.Fatalf("made: %+v, %v", made, err)
		}
		c.film(time.Second)
		if s := r.one(); s.State != Running {
			t.Errorf("a stream that was live: %+v", s)
		}
		if g := r.far.targets[0]; g.Guard == dial.Trusted || g.Token != "bearer" || g.Audio.String() != "opus" {
			t.Errorf("target: %+v", g)
		}
		c.pub.End(errTest)
		r.stop()

		r.hub = live.NewRegistry(live.Options{
			RingBytes: 4 << 20, RingTime: 8 * time.Second, Fresh: 3 * time.Second, Grace: 15 * time.Second,
			TrackWait: time.Second, FeedIdle: time.Second, MaxStreams: 10,
		})
		r.start(testOptions())
		again := r.m.Relays("1")
		if len(again) != 1 || fmt.Sprint(again[0].Task) == "" || again[0].Task.To != task.To || *again[0].Task.Sign != *task.Sign || again[0].Task.By != "administrator" {
			t.Fatalf("after a restart: %+v", again)
		}
		c = r.publish("demo", "cam", live.PublishOptions{})
		c.film(time.Second)
		if s := r.one(); s.State != Running {
			t.Errorf("after a restart: %+v", s)
		}
		if err := r.m.Remove(t.Context(), "2", made.Task.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleted by another app: %v", err)
		}
		closed := r.far.closed
		if err := r.m.Remove(t.Context(), "1", made.Task.ID); err != nil || r.far.closed != closed+1 {
			t.Errorf("deleted: %v; %d sessions closed", err, r.far.closed-closed)
		}
		if _, err := r.m.Relay("1", made.Task.ID); !errors.Is(err, ErrNotFound) || len(r.keep.rows) != 0 {
			t.Errorf("after it was deleted: %v, %v", err, r.keep.rows)
		}
		if got := r.heard.states(); !strings.HasSuffix(got, "connecting running ended(deleted)") {
			t.Errorf("told: %s", got)
		}
		c.pub.End(errTest)
	})
}

// TestDuplicates: no two relays push to the same address.
func TestDuplicates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.MaxTasks = 10
		o.Rules = []Task{rule("demo/*", "rtmp://cdn.example.com/live/{room}-{stream}")}
		r := newRig(t, o)
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(time.Second)
		add := func(task Task) error {
			_, err := r.m.Add(t.Context(), task)
			return err
		}
		if err := add(apiTask("RTMP://user:pw@CDN.example.com:1935/live/demo-cam/?txSecret=1&txTime=2")); !errors.Is(err, ErrDuplicate) {
			t.Errorf("the address that a rule pushes to now: %v", err)
		}
		if err := add(apiTask("rtmp://cdn.example.com/live/demo-cam?vhost=other")); err != nil {
			t.Errorf("another address: %v", err)
		}
		if err := add(apiTask("rtmp://cdn.example.com/live/demo-cam?vhost=other")); !errors.Is(err, ErrDuplicate) {
			t.Errorf("the same again: %v", err)
		}
		if err := add(apiTask("rtmp://cdn.example.com/{stream}")); err != nil {
			t.Errorf("with places: %v", err)
		}
		if err := add(apiTask("rtmp://cdn.example.com/{stream}")); !errors.Is(err, ErrDuplicate) {
			t.Errorf("with places, for the same streams: %v", err)
		}
		task := apiTask("rtmp://cdn.example.com/fixed")
		if err := add(task); err != nil {
			t.Fatal(err)
		}
		second := r.publish("demo", "two", live.PublishOptions{}) // both streams would go to one address
		second.film(time.Second)
		failed := 0
		for _, relay := range r.m.Relays("1") {
			for _, s := range relay.Destinations {
				if s.State == Failed && s.Reason == "duplicate" {
					failed++
				}
			}
		}
		if failed != 2 { // fixed, and demo-cam of the other vhost
			t.Errorf("%d destinations failed as duplicates: %+v", failed, r.m.Relays("1"))
		}
		c.pub.End(errTest)
		second.pub.End(errTest)
	})
	if _, err := New(Options{
		Outputs: map[string]Output{"rtmp": &far{}},
		Rules:   []Task{rule("*/*", "rtmp://a.example.com/x"), rule("demo/*", "rtmp://a.example.com/x")},
	}); !errors.Is(err, ErrDuplicate) {
		t.Errorf("rules: %v", err)
	}
}

// TestAddressIsReused: a relay that was deleted makes room for another one at its address, and so does a stream that is over.
func TestAddressIsReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testOptions())
		c := r.publish("demo", "cam", live.PublishOptions{})
		c.film(time.Second)
		for range 3 {
			made, err := r.m.Add(t.Context(), apiTask("rtmp://cdn.example.com/live/cam"))
			if err != nil {
				t.Fatal(err)
			}
			c.film(time.Second)
			if s := r.one(); s.State != Running {
				t.Errorf("%+v", s)
			}
			if err := r.m.Remove(t.Context(), "1", made.Task.ID); err != nil {
				t.Fatal(err)
			}
		}
		c.pub.End(errTest)
	})
}

// TestSlowGoodbye: whoever deletes a relay waits until nothing is pushed by it, and nobody else does.
func TestSlowGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testOptions())
		r.far.goodbye = 2 * time.Second
		c := r.publish("demo", "cam", live.PublishOptions{})
		made, err := r.m.Add(t.Context(), apiTask("rtmp://cdn.example.com/live/cam"))
		if err != nil {
			t.Fatal(err)
		}
		c.film(time.Second)
		deleted := make(chan error)
		go func() { deleted <- r.m.Remove(t.Context(), "1", made.Task.ID) }()
		synctest.Wait()
		if !r.m.changing.TryLock() {
			t.Error("others wait for the target")
		} else {
			r.m.changing.Unlock()
		}
		select {
		case err := <-deleted:
			t.Errorf("deleted while it is pushed: %v", err)
		default:
		}
		if err := <-deleted; err != nil {
			t.Error(err)
		}
		c.pub.End(errTest)
	})
}

// TestTooManyTasks: an app makes so many relays and no more.
func TestTooManyTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testOptions())
		for i := range 4 {
			_, err := r.m.Add(t.Context(), apiTask(fmt.Sprintf("rtmp://cdn.example.com/live/%d", i)))
			if want := i == 3; errors.Is(err, ErrTooMany) != want {
				t.Errorf("relay %d: %v", i, err)
			}
		}
		other := apiTask("rtmp://cdn.example.com/live/other")
		other.App = "2"
		if _, err := r.m.Add(t.Context(), other); err != nil {
			t.Errorf("of another app: %v", err)
		}
	})
}

// TestOtherNode: relays that another node makes and deletes are seen within a while, and what cannot be read is left out.
func TestOtherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testOptions())
		c := r.publish("demo", "cam", live.PublishOptions{})
		task := apiTask("rtmp://cdn.example.com/live/cam")
		task.ID = "from-elsewhere"
		row, err := task.stored()
		if err != nil {
			t.Fatal(err)
		}
		_ = r.keep.CreateRelay(t.Context(), row)
		_ = r.keep.CreateRelay(t.Context(), store.Relay{ID: "broken", App: 1, Facts: []byte("{")})
		_ = r.keep.CreateRelay(t.Context(), store.Relay{ID: "unknown", App: 1, Facts: []byte(`{"room":"a","stream":"b","to":"gopher://a"}`)})
		c.film(11 * time.Second)
		if s := r.one(); s.State != Running {
			t.Errorf("made elsewhere: %+v", s)
		}
		_ = r.keep.DeleteRelay(t.Context(), way, task.ID)
		c.film(11 * time.Second)
		if all := r.m.Relays("1"); len(all) != 0 || r.far.closed != 1 {
			t.Errorf("deleted elsewhere: %+v", all)
		}
		r.keep.mu.Lock()
		r.keep.err = errTest
		r.keep.mu.Unlock()
		if _, err := r.m.Add(t.Context(), apiTask("rtmp://cdn.example.com/live/cam")); !errors.Is(err, errTest) || len(r.m.Relays("1")) != 0 {
			t.Errorf("without the store: %v", err)
		}
		c.pub.End(errTest)
	})
}

// TestEdge: what another node was asked for is pushed by that node.
func TestEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Rules = []Task{rule("*/*", "rtmp://127.0.0.1/live/{stream}")}
		r := newRig(t, o)
		c := r.publish("demo", "cam", live.PublishOptions{Origin: live.Origin{Form: "edge"}})
		c.film(time.Second)
		if n := r.far.opened(); n != 0 {
			t.Errorf("connected %d times", n)
		}
		c.pub.End(errTest)
	})
}

// named is a Source.
type named struct {
	tasks []Task
	fails int
	asked []live.Info
}

func (n *named) Targets(_ context.Context, i live.Info) ([]Task, error) {
	n.asked = append(n.asked, i)
	if n.fails--; n.fails >= 0 {
		return nil, errTest
	}
	return n.tasks, nil
}

// TestSource: who is asked names targets for one stream, which end with it; what makes no sense or leads inside is left out.
func TestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		source := &named{fails: 2, tasks: []Task{
			{Origin: OriginCallback, To: "rtmp://cdn.example.com/live/{stream}"},
			{Origin: OriginCallback, To: "rtmp://127.0.0.1/live/inside"},
			{Origin: OriginAuto, To: "rtmp://127.0.0.1/live/own", Trusted: true},
			{Origin: OriginCallback, To: "gopher://cdn.example.com/"},
		}}
		o.Sources = []Source{source}
		r := newRig(t, o)
		c := r.publish("demo [1]*", "cam", live.PublishOptions{User: "host"})
		c.film(5 * time.Second)
		all := r.m.Relays("1")
		if len(all) != 2 || len(source.asked) != 3 || source.asked[0].User != "host" {
			t.Fatalf("asked %d times: %+v", len(source.asked), all)
		}
		for _, relay := range all {
			if len(relay.Destinations) != 1 || relay.Destinations[0].State != Running {
				t.Errorf("%+v", relay)
			}
			if err := r.m.Remove(t.Context(), "1", relay.Task.ID); !errors.Is(err, ErrFixed) {
				t.Errorf("deleted: %v", err)
			}
		}
		c.pub.End(errTest)
		synctest.Wait()
		if all := r.m.Relays("1"); len(all) != 0 {
			t.Errorf("when the stream is over: %+v", all)
		}
		if got := r.heard.states(); strings.Count(got, "ended(stream_ended)") != 2 {
			t.Errorf("told: %s", got)
		}
	})
}

// picky is an Output that knows of addresses.
type picky struct{ Output }

func (picky) Check(u *url.URL) error {
	if len(u.Query().Get("passphrase")) < 10 {
		return fmt.Errorf("%w: its passphrase is short", ErrAddress)
	}
	return nil
}

// TestCheck: what a relay may say.
func TestCheck(t *testing.T) {
	signs := func(address string, _ Signing, _ time.Time) (string, error) {
		if strings.HasSuffix(address, "hunter2") {
			return "", errTest
		}
		return address, nil
	}
	outputs := map[string]Output{"rtmp": &far{}, "https": &far{}, "srt": picky{}}
	with := func(change func(*Task)) Task {
		task := apiTask("rtmp://cdn.example.com/live/x")
		change(&task)
		return task
	}
	for name, c := range map[string]struct {
		task Task
		want string // in the error; empty: it is taken
	}{
		"plain":              {with(func(*Task) {}), ""},
		"places":             {with(func(t *Task) { t.To = "rtmp://cdn.example.com/{app}/{room}/{stream}/{user}/{streamid}?a={room}" }), ""},
		"no such place":      {with(func(t *Task) { t.To = "rtmp://cdn.example.com/{name}" }), "braces"},
		"an open brace":      {with(func(t *Task) { t.To = "rtmp://cdn.example.com/{room" }), "braces"},
		"a closing brace":    {with(func(t *Task) { t.To = "rtmp://cdn.example.com/room}" }), "braces"},
		"a place as host":    {with(func(t *Task) { t.To = "rtmp://{room}/live" }), "behind the host"},
		"in the host":        {with(func(t *Task) { t.To = "rtmp://{room}.example.com?x" }), "behind the host"},
		"as the scheme":      {with(func(t *Task) { t.To = "{room}://cdn.example.com/live" }), "behind the host"},
		"in a bare query":    {with(func(t *Task) { t.To = "rtmp://cdn.example.com?key={stream}" }), ""},
		"no scheme":          {with(func(t *Task) { t.To = "cdn.example.com/live" }), "scheme"},
		"another scheme":     {with(func(t *Task) { t.To = "ftp://cdn.example.com/live" }), "ftp"},
		"no host":            {with(func(t *Task) { t.To = "rtmp:///live" }), "malformed"},
		"malformed":          {with(func(t *Task) { t.To = "rtmp://cdn.example.com:x/hunter2" }), "malformed"},
		"no connection":      {with(func(t *Task) { t.To = "srt://cdn.example.com:1?passphrase=hunter2" }), "passphrase is short"},
		"maybe a connection": {with(func(t *Task) { t.To = "srt://cdn.example.com:1?passphrase={stream}" }), ""},
		"long":               {with(func(t *Task) { t.To += strings.Repeat("x", 3000) }), "longer"},
		"loopback":           {with(func(t *Task) { t.To = "rtmp://127.0.0.1/live" }), "public"},
		"loopback, IPv6":     {with(func(t *Task) { t.To = "rtmp://[::ffff:127.0.0.1]/live" }), "public"},
		"loopback, trusted":  {with(func(t *Task) { t.To, t.Trusted = "rtmp://127.0.0.1/live", true }), ""},
		"pattern":            {with(func(t *Task) { t.Room, t.Stream = "live-[0-9]*", "cam?" }), ""},
		"no pattern":         {with(func(t *Task) { t.Room = "[" }), "pattern"},
		"no room":            {with(func(t *Task) { t.Room = "" }), "room"},
		"no stream":          {with(func(t *Task) { t.Stream = "a b" }), "stream"},
		"audio":              {with(func(t *Task) { t.Audio = "aac" }), ""},
		"no audio":           {with(func(t *Task) { t.Audio = "mp3" }), "audio"},
		"token":              {with(func(t *Task) { t.Token = "a\r\nX: y" }), "token"},
		"signed":             {with(func(t *Task) { t.Sign = &Signing{"alibaba", "k"} }), ""},
		"signed by whom":     {with(func(t *Task) { t.Sign = &Signing{"akamai", "k"} }), "dialect"},
		"signed with no key": {with(func(t *Task) { t.Sign = &Signing{"tencent", ""} }), "key"},
		"not to be signed":   {with(func(t *Task) { t.To, t.Sign = "rtmp://cdn.example.com/hunter2", &Signing{"tencent", "k"} }), "cannot be signed"},
	} {
		err := c.task.Check(&Options{Outputs: outputs, Sign: signs})
		if c.want == "" && err == nil {
			continue
		}
		if c.want == "" || !errors.Is(err, ErrTask) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestFill: what stands in a room's name neither leaves its place nor is taken for another place.
func TestFill(t *testing.T) {
	v := map[string]string{"room": "a b/?&={stream}#é", "stream": "cam", "user": ""}
	for in, want := range map[string]string{
		"rtmp://h/{room}/{stream}": "rtmp://h/a%20b%2F%3F%26%3D%7Bstream%7D%23%C3%A9/cam",
		"rtmp://h/x{user}y?{room}": "rtmp://h/xy?a%20b%2F%3F%26%3D%7Bstream%7D%23%C3%A9",
		"rtmp://h/x":               "rtmp://h/x",
	} {
		if got := fill(in, v); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// FuzzAddress: whatever an address is, it is refused, or leads to the host that stands in it.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{
		"rtmp://cdn.example.com/live/{stream}", "rtmp://a@b:1/{room}?x={user}", "rtmp://h?{app}", "https://[::1]/{", "rtmp://{room}/x", "rtmp://h#/{room}",
	} {
		f.Add(seed, "room", "cam")
	}
	f.Fuzz(func(t *testing.T, to, room, stream string) {
		task := Task{App: "1", Room: "*", Stream: "*", To: to}
		if task.check(&Options{Outputs: map[string]Output{"rtmp": &far{}, "https": &far{}}}) != nil {
			return
		}
		info := live.Info{Key: live.Key{App: "1", Room: room, Stream: stream}, User: room}
		one := newCarried(t.Context(), nil, live.Info{Key: live.Key{App: "1", Room: "x", Stream: "x"}, User: "x"})
		two := newCarried(t.Context(), nil, info)
		a, b := mustParse(t, one.addressLocked(&task)), mustParse(t, two.addressLocked(&task))
		if a.Host != b.Host || a.Scheme != b.Scheme {
			t.Errorf("%q leads to %s and %s", to, a.Host, b.Host)
		}
	})
}

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return u
}
