package auto

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/cdnrelay/address"
	"weir/cdnrelay/admin"
	"weir/cdnrelay/push"
	"weir/room/auth"
	"weir/room/live"
	"weir/room/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const cdn = "rtmp://push.example.com/live/{streamid}"

// shelf is a keeper of one app, 7.
type shelf struct {
	mu       sync.Mutex // guards the fields below
	settings string
	mute     bool // it does not answer
}

func (s *shelf) Apps(ctx context.Context) ([]store.App, error) {
	s.mu.Lock()
	mute := s.mute
	s.mu.Unlock()
	if mute {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return []store.App{{ID: 7, Settings: []byte(s.settings)}}, nil
}

func (s *shelf) ModifyApp(_ context.Context, id int, change func(*store.App) error) (store.App, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != 7 {
		return store.App{}, store.ErrNotFound
	}
	app := store.App{ID: 7, Settings: []byte(s.settings)}
	err := change(&app)
	s.settings = string(app.Settings)
	return app, err
}

// put changes what the shelf has, as another node does.
func (s *shelf) put(settings string, mute bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings, s.mute = settings, mute
}

// pushed takes what a signature can be put to, by RTMP.
func pushed(t push.Task) error {
	return t.Check(&push.Options{Outputs: map[string]push.Output{"rtmp": new(push.RTMP)}, Sign: func(to string, s push.Signing, expires time.Time) (string, error) {
		return address.Sign(to, address.Dialect(s.Dialect), auth.Secret(s.Key), auth.ActionPublish, expires)
	}})
}

func TestCheck(t *testing.T) {
	for name, s := range map[string]Settings{
		"off":          {},
		"ids alone":    {On: true},
		"plain":        {On: true, To: "rtmp://push.example.com/app/{streamid}"},
		"signed":       {On: true, To: cdn, Dialect: "tencent", Key: "k"},
		"another weir": {To: "rtmp://weir.example.com/live/{room}/{stream}?sdkappid=7", Dialect: "weir", Key: "k"},
	} {
		if err := s.Check(true, pushed); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, s := range map[string]Settings{
		"no address":             {To: "push.example.com/{streamid}"},
		"a scheme of no use":     {To: "file:///live/{streamid}"},
		"nothing to push by":     {To: "webrtc://push.example.com/live/{streamid}"},
		"a host of its own":      {To: "rtmp://{room}.example.com/live/{streamid}"},
		"no application":         {To: "rtmp://push.example.com/{streamid}"},
		"one address for all":    {To: "rtmp://push.example.com/live/cam"},
		"an unknown place":       {To: "rtmp://push.example.com/{vhost}/{streamid}"},
		"a dialect without key":  {To: cdn, Dialect: "tencent"},
		"a key without dialect":  {To: cdn, Key: "k"},
		"a key without address":  {Key: "k"},
		"plain is no dialect":    {To: cdn, Dialect: "plain", Key: "k"},
		"an unknown dialect":     {To: cdn, Dialect: "x", Key: "k"},
		"weir's without its app": {To: cdn, Dialect: "weir", Key: "k"},
		"too long":               {To: cdn + strings.Repeat("x", maxTo)},
	} {
		if err := s.Check(true, pushed); !errors.Is(err, ErrSettings) {
			t.Errorf("%s: %v", name, err)
		}
	}
	inside := Settings{To: "rtmp://127.0.0.1/live/{streamid}"}
	if err := inside.Check(true, pushed); err != nil {
		t.Errorf("the operator's own: %v", err)
	}
	if err := inside.Check(false, pushed); !errors.Is(err, ErrSettings) {
		t.Errorf("an administrator's, into the server's network: %v", err)
	}
}

// A26: with the automatic relay on, each stream that has its id goes to the CDN; else it does not.
func TestA26(t *testing.T) {
	kept := &shelf{settings: `{"callback_url":"https://app.example.com/"}`}
	r := New(Options{Configured: map[int]Settings{1: {On: true, To: cdn, Dialect: "tencent", Key: "k"}, 8: {}}, Apps: kept, Pushed: pushed})
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	stream := func(app, id string) live.Info {
		return live.Info{Key: live.Key{App: app, Room: "r", Stream: "s"}, ID: id}
	}
	got, err := r.Targets(t.Context(), stream("1", "1_r_ann_main"))
	if err != nil || len(got) != 1 || got[0].To != cdn || !got[0].Trusted || got[0].Origin != push.OriginAuto || *got[0].Sign != (push.Signing{Dialect: "tencent", Key: "k"}) {
		t.Errorf("the default app: %+v, %v", got, err)
	}
	for _, i := range []live.Info{stream("1", ""), stream("7", "7_r_ann_main")} {
		if got, err := r.Targets(t.Context(), i); err != nil || len(got) != 0 {
			t.Errorf("%v: %+v, %v", i.Key, got, err)
		}
	}
	if r.On(7) || !r.On(1) {
		t.Error("the wrong app is on")
	}
	if err := r.Set(t.Context(), 7, Settings{On: true, To: cdn}); err != nil || !strings.Contains(kept.settings, "callback_url") || !r.On(7) {
		t.Fatalf("%v, %s", err, kept.settings)
	}
	if got, err := r.Targets(t.Context(), stream("7", "id")); err != nil || len(got) != 1 || got[0].Trusted || got[0].Sign != nil {
		t.Errorf("%+v, %v", got, err)
	}
	for _, app := range []int{1, 8, 9} {
		if err := r.Set(t.Context(), app, Settings{}); !errors.Is(err, ErrConfigured) {
			t.Errorf("app %d of the configuration: %v", app, err)
		}
	}
}

// Another node's change is seen within age, and nobody who asks waits for the store: also where it does not answer, what was
// known holds.
func TestStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		kept := &shelf{settings: `{}`}
		r := New(Options{Apps: kept, Log: slog.New(slog.NewTextHandler(&lines, nil))})
		done := make(chan error)
		ctx, stop := context.WithCancel(t.Context())
		go func() { done <- r.Run(ctx) }()
		is := func(when string, want bool) {
			t.Helper()
			begin := time.Now()
			if got := r.On(7); got != want {
				t.Errorf("%s: %v", when, got)
			}
			if _, err := r.Targets(t.Context(), live.Info{Key: live.Key{App: "7"}, ID: "id"}); err != nil {
				t.Errorf("%s: %v", when, err)
			}
			if waited := time.Since(begin); waited > 0 {
				t.Errorf("%s: a publisher waits for %v", when, waited)
			}
		}
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		is("before anything is known", false)
		kept.put(`{"relay_auto":{"on":true}}`, false)
		is("another node's change, at once", false)
		pass(age)
		is("another node's change", true)
		kept.put(`{}`, true)
		pass(10 * age)
		is("without an answer", true)
		kept.put(`{"relay_auto":{"on":"maybe"}}`, false)
		pass(2 * age)
		is("what cannot be read", true)
		kept.put(`{}`, false)
		pass(2 * age)
		is("when it answers again", false)
		if told := strings.Count(lines.String(), "\n"); told != 2 {
			t.Errorf("told %d times:\n%s", told, &lines)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestREST(t *testing.T) {
	r := New(Options{Configured: map[int]Settings{1: {}}, Apps: &shelf{settings: "{}"}, Pushed: pushed})
	calls := func(app int) admin.Calls {
		return admin.Calls{Auth: as(app), Problem: func(w http.ResponseWriter, _ *http.Request, status int, code, _ string) {
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, code)
		}}
	}
	ask := func(app int, method, body string) (int, string) {
		w := httptest.NewRecorder()
		do := r.Get
		if method == http.MethodPut {
			do = r.Put
		}
		calls(app).To(do).ServeHTTP(w, httptest.NewRequest(method, "/api/v1/autorelay", strings.NewReader(body)))
		return w.Code, w.Body.String()
	}
	const set = `{"on":true,"to":"rtmp://user:pw@push.example.com/live/{streamid}?x=y","dialect":"tencent","key":"hidden"}`
	if status, text := ask(7, http.MethodPut, set); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, text)
	}
	status, text := ask(7, http.MethodGet, "")
	var got shown
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	if want := (shown{On: true, To: cdn, Dialect: "tencent", Signed: true}); got != want {
		t.Errorf("got %+v", got)
	}
	if status, text := ask(7, http.MethodPut, `{"to":"x"}`); status != http.StatusBadRequest || text != "bad_request" {
		t.Errorf("%d %s", status, text)
	}
	if status, text := ask(1, http.MethodPut, `{}`); status != http.StatusConflict || text != "app_configured" {
		t.Errorf("%d %s", status, text)
	}
}

// as takes everybody for an administrator of an app.
type as int

func (a as) Authorize(context.Context, auth.Request) (auth.Grant, error) {
	return auth.Grant{App: int(a), User: "root", Admin: true}, nil
}
