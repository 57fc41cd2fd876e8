package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/room/im"
)

var epoch = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func elem(text string) []im.Element {
	content, _ := json.Marshal(map[string]string{"Text": text})
	return []im.Element{{Type: im.ElemText, Content: content}}
}

var message = GroupMessage{
	Room: "@TGS#1", Type: "AVChatRoom", From: "user1", Operator: "admin", Random: 1287657, MsgBody: elem("red packet"), Cloud: "cloud",
}

var private = C2CMessage{
	From: "user1", To: "user2", Seq: 7, Random: 1287657, Time: 1777636800, Key: "7_1287657_1777636800", MsgBody: elem("hi"),
}

// bodies are one of each command, with every field.
var bodies = map[string]Body{
	GroupBeforeSend:    message,
	GroupAfterSend:     GroupMessageSent{GroupMessage: message, Seq: 42, Time: 1777636800, Nick: "Anna"},
	GroupSendException: GroupMessageCut{GroupMessage: message, Code: 10023, Info: "the room has more messages than may be sent"},
	GroupBeforeJoin:    GroupApplication{Room: "room", Type: "Public", Requestor: "user1"},
	GroupBeforeInvite:  GroupInvitation{Room: "room", Type: "Public", Operator: "user1", Members: Members{"user2", "user3"}},
	GroupAfterJoin:     GroupJoined{Room: "room", Type: "Public", How: JoinInvited, Operator: "user1", Members: Members{"user2"}},
	GroupAfterExit:     GroupLeft{Room: "room", Type: "Public", How: ExitKicked, Operator: "user1", Members: Members{"user2"}},
	GroupStateChange:   GroupPresence{Room: "room", Event: Offline, Cause: CauseInterrupted, Members: Members{"user2"}},
	GroupBeforeCreate:  GroupCreation{Operator: "admin", Owner: "user1", Type: "Public", Name: "A room", Owned: 3, Members: Members{"user2"}},
	GroupAfterCreate: GroupCreated{
		Room: "room", Operator: "admin", Owner: "user1", Type: "Public", Name: "A room", Owned: 4, Members: Members{"user2"},
		Fields: []Field{{"level", "7"}},
	},
	GroupAfterChange: GroupChanged{
		Room: "room", Type: "Public", Operator: "admin", Name: new("B room"), Introduction: new(""), Notification: new("<now>"),
		Face: new("https://example.com/f.png"),
	},
	GroupAfterDestroy: GroupDestroyed{Room: "room", Type: "Public", Name: "A room", Owner: "user1", Members: Members{"user2"}},
	GroupAfterFull:    GroupFull{Room: "room"},
	C2CBeforeSend:     private,
	C2CAfterSend:      C2CMessageSent{C2CMessage: private, Info: SentInfo, Unread: 2},
	C2CAfterRead:      C2CRead{Reader: "user2", Peer: "user1", Last: 1777636800},
	C2CAfterWithdraw:  C2CWithdrawn{From: "user1", To: "user2", Key: "7_1287657_1777636800", Unread: 1},
	StateChange: StateChanged{
		Info: StateInfo{Account: "user1", Action: Login, Reason: ReasonRegister}, Kicked: []KickedDevice{{im.PlatformWeb}},
	},
}

var actor = im.Actor{App: app, User: "admin", Admin: true, Platform: im.PlatformREST, Addr: "2001:db8::1"}

// TestCommandsB29: each command as its receiver gets it, address and body.
func TestCommandsB29(t *testing.T) {
	if len(bodies) != len(Commands()) {
		t.Fatalf("%d commands, %d bodies", len(Commands()), len(bodies))
	}
	h := newHooks(t, Options{IM: Receiver{URL: receiverURL}, Now: func() time.Time { return epoch }}, nil)
	for _, name := range Commands() {
		t.Run(name, func(t *testing.T) {
			cmd, _ := commandOf(name)
			body, err := h.body(cmd, Call{App: app, Command: name, Body: bodies[name]})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			fmt.Fprintf(&out, "POST %s\n\n", callAddress(receiverURL, "token", cmd, app, actor, epoch))
			if err := json.Indent(&out, body, "", "\t"); err != nil {
				t.Fatal(err)
			}
			out.WriteByte('\n')
			golden(t, "commands/"+name+".txt", out.Bytes())
		})
	}
}

// TestSwitchesB29: a command that is off is neither asked nor told.
func TestSwitchesB29(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, on := range Commands() {
			var r recorder
			h := newHooks(t, Options{IM: Receiver{URL: receiverURL, Commands: []string{on}}}, &r)
			stop := run(t, h)
			for _, name := range Commands() {
				if h.Wants(app, name) != (name == on) {
					t.Errorf("%s is on: Wants(%s) is %v", on, name, name != on)
				}
				h.Ask(t.Context(), Call{App: app, Command: name, Body: bodies[name]})
				h.Tell(Call{App: app, Command: name, Body: bodies[name]})
			}
			synctest.Wait()
			stop()
			if all := r.all(); len(all) != 1 || all[0].url.Query().Get("CallbackCommand") != on {
				t.Errorf("%s is on: %d calls", on, len(all))
			}
		}
	})
}

func TestSignature(t *testing.T) {
	// printf '%s' token1777636800 | sha256sum
	const want = "&RequestTime=1777636800&Sign=a166edbb5352b092986c0e09a77a21875cde59ab2c3606558d3471955235267d"
	if got := sign("token", time.Unix(1777636800, 0)); got != want {
		t.Errorf("got %s", got)
	}
	if got := sign("", epoch); got != "" {
		t.Errorf("without a token: %q", got)
	}
}

func TestWithQuery(t *testing.T) {
	for base, want := range map[string]string{
		"http://a/b":     "http://a/b?q=1",
		"http://a/b?c=d": "http://a/b?c=d&q=1",
		"http://a/b#c":   "http://a/b?q=1",
		"http://a":       "http://a?q=1",
	} {
		if got := withQuery(base, "q=1"); got != want {
			t.Errorf("%s: got %s", base, got)
		}
	}
}

// TestAnswers: what each answer of a receiver does, and what it has no power to do.
func TestAnswers(t *testing.T) {
	long := strings.Repeat("é", 1000)
	for _, tc := range []struct {
		id, command, answer string
		want                Verdict
		fault               reason
	}{
		{"C16 0 allows", GroupBeforeSend, `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`, Verdict{}, ""},
		{"C16 1 blocks", GroupBeforeSend, `{"ActionStatus":"OK","ErrorInfo":"muted","ErrorCode":1}`, Verdict{Code: 1, Info: "muted"}, ""},
		{"C16 1 blocks C2C", C2CBeforeSend, `{"ErrorCode":1}`, Verdict{Code: 1}, ""},
		{
			"E09", GroupBeforeSend, `{"ErrorCode":0,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"**"}}],"CloudCustomData":""}`,
			Verdict{Body: []im.Element{{Type: im.ElemText, Content: json.RawMessage(`{"Text":"**"}`)}}, Cloud: new("")},
			"",
		},
		{"E09 C2C", C2CBeforeSend, `{"ErrorCode":0,"CloudCustomData":"x"}`, Verdict{Cloud: new("x")}, ""},
		{"an empty body replaces nothing", GroupBeforeSend, `{"ErrorCode":0,"MsgBody":[]}`, Verdict{}, ""},
		{"E10 2", GroupBeforeSend, `{"ErrorCode":2}`, Verdict{Code: Dropped}, ""},
		{"E10 2 C2C", C2CBeforeSend, `{"ErrorCode":2}`, Verdict{Code: Dropped}, ""},
		{"E10 10150", GroupBeforeSend, `{"ErrorCode":10150,"ErrorInfo":"later"}`, Verdict{Code: 10150, Info: "later"}, ""},
		{"10100", GroupBeforeSend, `{"ErrorCode":10100}`, Verdict{Code: 10100}, ""},
		{"10200", GroupBeforeSend, `{"ErrorCode":10200}`, Verdict{Code: 10200}, ""},
		{"10099 is none of those", GroupBeforeSend, `{"ErrorCode":10099}`, Verdict{Code: 1}, ""},
		{"10201 is none of those", GroupBeforeSend, `{"ErrorCode":10201}`, Verdict{Code: 1}, ""},
		{"120001", C2CBeforeSend, `{"ErrorCode":120001,"ErrorInfo":"no"}`, Verdict{Code: 120001, Info: "no"}, ""},
		{"130000", C2CBeforeSend, `{"ErrorCode":130000}`, Verdict{Code: 130000}, ""},
		{"120000 is none of those", C2CBeforeSend, `{"ErrorCode":120000}`, Verdict{Code: 1}, ""},
		{"130001 is none of those", C2CBeforeSend, `{"ErrorCode":130001}`, Verdict{Code: 1}, ""},
		{"10150 is none of C2C", C2CBeforeSend, `{"ErrorCode":10150}`, Verdict{Code: 1}, ""},
		{"a negative code", GroupBeforeSend, `{"ErrorCode":-1}`, Verdict{Code: 1}, ""},
		{"join knows no 2", GroupBeforeJoin, `{"ErrorCode":2}`, Verdict{Code: 1}, ""},
		{"join replaces nothing", GroupBeforeJoin, `{"ErrorCode":0,"CloudCustomData":"x","RefusedMembers_Account":["a"]}`, Verdict{}, ""},
		{"join denied", GroupBeforeJoin, `{"ErrorCode":1}`, Verdict{Code: 1}, ""},
		{"create denied", GroupBeforeCreate, `{"ErrorCode":1}`, Verdict{Code: 1}, ""},
		{"refused members", GroupBeforeInvite, `{"ErrorCode":0,"RefusedMembers_Account":["user2"]}`, Verdict{Refused: []string{"user2"}}, ""},
		{"a long text", GroupBeforeSend, `{"ErrorCode":10150,"ErrorInfo":"` + long + `"}`, Verdict{Code: 10150, Info: long[:maxInfo]}, ""},
		{"nothing", GroupBeforeSend, ``, Verdict{}, reasonAnswer},
		{"no JSON", GroupBeforeSend, `OK`, Verdict{}, reasonAnswer},
		{"a list", GroupBeforeSend, `[1]`, Verdict{}, reasonAnswer},
		{"no code", GroupBeforeSend, `{"ActionStatus":"FAIL"}`, Verdict{}, reasonAnswer},
		{"a code in words", GroupBeforeSend, `{"ErrorCode":"1"}`, Verdict{}, reasonAnswer},
		{"a huge code", GroupBeforeSend, `{"ErrorCode":1e99}`, Verdict{}, reasonAnswer},
		{"a body of another type", GroupBeforeSend, `{"ErrorCode":0,"MsgBody":"x"}`, Verdict{}, reasonAnswer},
		{"a bomb", GroupBeforeSend, `{"ErrorCode":0,"MsgBody":` + strings.Repeat("[", 50000) + `}`, Verdict{}, reasonAnswer},
		{"too much", GroupBeforeSend, `{"ErrorCode":1,"x":"` + strings.Repeat("x", maxAnswer) + `"}`, Verdict{}, reasonAnswer},
	} {
		t.Run(tc.id, func(t *testing.T) {
			h := newHooks(t, Options{IM: Receiver{URL: receiverURL}}, transport(func(*http.Request) (*http.Response, error) {
				return says(200, tc.answer), nil
			}))
			cmd, _ := commandOf(tc.command)
			v, err := h.ask(t.Context(), cmd, h.receivers.own, Call{App: app, Command: tc.command, Body: bodies[tc.command]})
			if !sameVerdict(v, tc.want) {
				t.Errorf("got %+v, want %+v", v, tc.want)
			}
			if why := reasonOf(err); why != tc.fault {
				t.Errorf("it failed for %q (%v), want %q", why, err, tc.fault)
			}
			if v := h.Ask(t.Context(), Call{App: app, Command: tc.command, Body: bodies[tc.command]}); !sameVerdict(v, tc.want) {
				t.Errorf("Ask: got %+v, want %+v", v, tc.want)
			}
		})
	}
}

func reasonOf(err error) reason {
	var f *failure
	if errors.As(err, &f) {
		return f.reason
	}
	return ""
}

func sameVerdict(a, b Verdict) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// TestVerdictErr: what the client is told.
func TestVerdictErr(t *testing.T) {
	for _, tc := range []struct {
		v    Verdict
		want *im.Error
	}{
		{Verdict{}, nil},
		{Verdict{Code: Dropped}, nil},
		{Verdict{Code: 1, Info: "muted"}, im.ErrDenied},
		{Verdict{Code: 10150, Info: "later"}, im.Refused(10150, "later")},
	} {
		got := tc.v.Err(im.ErrDenied)
		if tc.want == nil && got == nil {
			continue
		}
		if tc.want == nil || got == nil || got.Error() != tc.want.Error() || !errors.Is(got, tc.want) {
			t.Errorf("%+v: got %v, want %v", tc.v, got, tc.want)
		}
	}
}

// TestOpenOnFailureC19: a receiver that is down, slow or mad lets everything happen, within two seconds.
func TestOpenOnFailureC19(t *testing.T) {
	for name, answer := range map[string]transport{
		"hangs":     hangs,
		"refuses":   func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		"fails":     func(*http.Request) (*http.Response, error) { return says(500, `{"ErrorCode":1}`), nil },
		"is absent": func(*http.Request) (*http.Response, error) { return says(404, `{"ErrorCode":1}`), nil },
		"redirects": func(*http.Request) (*http.Response, error) {
			r := says(302, `{"ErrorCode":1}`)
			r.Header.Set("Location", "https://elsewhere.example.com/")
			return r, nil
		},
		"answers too late": func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(2100 * time.Millisecond):
				return says(200, `{"ErrorCode":1}`), nil
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHooks(t, Options{IM: Receiver{URL: receiverURL}}, answer)
				start := time.Now()
				if v := h.Ask(t.Context(), Call{App: app, Command: GroupBeforeSend, Body: message}); v.Code != 0 {
					t.Errorf("got %+v", v)
				}
				if took := time.Since(start); took > askTimeout {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// TestBreakerC19: a receiver that hangs is soon asked no more, which is told once, and asked again when it answers.
func TestBreakerC19(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := true
		calls := 0
		var mu sync.Mutex
		log, out := logs()
		h := newHooks(t, Options{IM: Receiver{URL: "https://user:secret@app.example.com/imcallback?key=secret"}, Log: log},
			transport(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				calls++
				now := slow
				mu.Unlock()
				if now {
					return hangs(r)
				}
				return says(200, `{"ErrorCode":1}`), nil
			}))
		ask := func() Verdict {
			return h.Ask(context.Background(), Call{App: app, Command: GroupBeforeSend, Body: message})
		}
		for range patience {
			ask()
		}
		start := time.Now()
		for range 1000 {
			ask()
		}
		if took := time.Since(start); took != 0 || calls != patience {
			t.Errorf("a thousand messages waited %v, the receiver was asked %d times", took, calls)
		}
		// After the pause one asks, and the others go on.
		time.Sleep(minPause)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { ask() })
		}
		all.Wait()
		if calls != patience+1 {
			t.Errorf("after the pause it was asked %d times", calls-patience)
		}
		mu.Lock()
		slow = false
		mu.Unlock()
		time.Sleep(maxPause)
		if v := ask(); v.Code != 1 {
			t.Errorf("it is back, and the answer is %+v", v)
		}
		if v := ask(); v.Code != 1 {
			t.Errorf("it is back, and the second answer is %+v", v)
		}
		text := out.String()
		if strings.Count(text, "\n") != 2 || !strings.Contains(text, "too slow") || !strings.Contains(text, "answers again") {
			t.Errorf("the log is\n%s", text)
		}
		if strings.Contains(text, "secret") {
			t.Errorf("a secret is in the log:\n%s", text)
		}
	})
}

// TestSlowReceiverIsBoundedC19: whoever asks while all calls are taken waits no longer than anybody, and not at all when too
// many wait already.
func TestSlowReceiverIsBoundedC19(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		going, most := 0, 0
		h := newHooks(t, Options{IM: Receiver{URL: receiverURL}}, transport(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			going++
			most = max(most, going)
			mu.Unlock()
			defer func() {
				mu.Lock()
				going--
				mu.Unlock()
			}()
			return hangs(r)
		}))
		start := time.Now()
		var all sync.WaitGroup
		for range 2000 {
			all.Go(func() {
				if v := h.Ask(context.Background(), Call{App: app, Command: GroupBeforeSend, Body: message}); v.Code != 0 {
					t.Errorf("got %+v", v)
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took > askTimeout || most > maxAsking {
			t.Errorf("all took %v, %d at once", took, most)
		}
	})
}

// TestAskerGone: whoever leaves while the receiver is asked does not make it look slow.
func TestAskerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHooks(t, Options{IM: Receiver{URL: receiverURL}}, transport(hangs))
		for range 2 * patience {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(time.Second, cancel)
			h.Ask(ctx, Call{App: app, Command: GroupBeforeSend, Body: message})
		}
		if l := h.lanes.of(h.receivers.own.lane()); !l.breaker.fresh() {
			t.Error("the receiver is left alone")
		}
	})
}

// TestReceiverOfApp: each app has its own receiver, from the store, no older than some seconds; that of the configuration is the
// default app's alone.
func TestReceiverOfApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		apps := settingsOf(Receiver{URL: "https://other.example.com/cb", Token: "t"})
		h := newHooks(t, Options{IM: Receiver{URL: receiverURL}, Apps: apps}, &r)
		ask := func(app int) { h.Ask(t.Context(), Call{App: app, Command: GroupBeforeSend, Body: message}) }
		ask(app)
		ask(other)
		ask(7)
		apps.set(Receiver{URL: "https://new.example.com/cb"})
		ask(other)
		time.Sleep(settingsAge)
		ask(other)
		apps.set(Receiver{})
		h.Forget(other)
		ask(other)
		apps.set(Receiver{URL: "gopher://new.example.com/cb"})
		h.Forget(other)
		ask(other)
		var hosts []string
		for _, g := range r.all() {
			hosts = append(hosts, g.url.Host)
		}
		want := []string{"app.example.com", "other.example.com", "other.example.com", "new.example.com"}
		if !slices.Equal(hosts, want) {
			t.Errorf("got %v, want %v", hosts, want)
		}
		if q := r.all()[1].url.Query(); q.Get("SdkAppid") != "1400000001" || len(q.Get("Sign")) != 64 {
			t.Errorf("got %v", q)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for _, opts := range []Options{
		{IM: Receiver{URL: "ftp://a/b"}},
		{IM: Receiver{URL: "http://"}},
		{IM: Receiver{URL: "http://a/%zz"}},
		{IM: Receiver{URL: "http://a/" + strings.Repeat("x", maxURL)}},
		{IM: Receiver{URL: "http://a/b", Commands: []string{"Group.Nothing"}}},
		{Streams: []StreamReceiver{{FormWeir, "a"}}},
	} {
		if _, err := New(opts); !errors.Is(err, ErrReceiver) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`))
	f.Add([]byte(`{"ErrorCode":0,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"x"}}],"RefusedMembers_Account":["a"]}`))
	f.Add([]byte(`{"ErrorCode":10150,"ErrorInfo":"\ud800"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, cmd := range commands {
			v, err := parseAnswer(cmd, text)
			if err != nil && (v.Code != 0 || v.Body != nil || v.Cloud != nil || v.Refused != nil) {
				t.Fatalf("%s: it failed and did something: %+v", cmd.name, v)
			}
			if v.Code != 0 && v.Code != 1 && (v.Code != Dropped || !cmd.drops) && (v.Code < cmd.low || v.Code > cmd.high) {
				t.Fatalf("%s: code %d", cmd.name, v.Code)
			}
			if len(v.Info) > maxInfo {
				t.Fatalf("%d bytes of text", len(v.Info))
			}
		}
	})
}
