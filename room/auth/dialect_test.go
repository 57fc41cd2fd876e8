package auth

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

var epoch = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// memory is a Uses of one process.
type memory struct {
	mu   sync.Mutex
	seen map[string]time.Time
	err  error
}

func (m *memory) Use(once string, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return false, m.err
	}
	if m.seen == nil {
		m.seen = make(map[string]time.Time)
	}
	_, there := m.seen[once]
	m.seen[once] = until
	return !there, nil
}

var tencentKeys = Keys{Play: KeyPair{Primary: "e12c46f2612d5106e2034781ab261ca3"}}

// closed is an Authorizer that wants authority for everything and takes every dialect.
func closed(t *testing.T, keys Keys, now time.Time, uses Uses) *Authorizer {
	t.Helper()
	a, err := New(Options{
		App: App{ID: demoApp, Key: demoKey, Admins: []string{"administrator"}, Keys: keys}, PlaySigned: true, Uses: uses,
		Dialects: []Dialect{DialectTencent, DialectAlibaba}, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// ask asks for an action at an address.
func ask(a *Authorizer, action Action, room, stream, path, query string) (Grant, error) {
	return a.Authorize(context.Background(), Request{Action: action, Room: room, Stream: stream, Path: path, Query: query})
}

func mustSign(t *testing.T, a *Authorizer, d Dialect, p Pass, path string) string {
	t.Helper()
	q, err := a.SignQuery(d, p, path)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestTencentVector is C1: the vector of the dialect's documentation, whose StreamName is what stands behind live/.
func TestTencentVector(t *testing.T) {
	sum := tencentSum("e12c46f2612d5106e2034781ab261ca3", "test", "5C271099")
	check, err := md5Check("f85a2ab363fe4deaffef9754d79da6fe", func(Secret) [16]byte { return sum })
	if err != nil || !check("") {
		t.Errorf("the hash is %x, %v", sum, err)
	}
	if upper, err := md5Check("F85A2AB363FE4DEAFFEF9754D79DA6FE", func(Secret) [16]byte { return sum }); err != nil || !upper("") {
		t.Errorf("the case of the hash matters: %v", err)
	}
}

// TestDialectForms pins what every dialect writes. md5sum and openssl dgst -hmac give the same.
func TestDialectForms(t *testing.T) {
	a := closed(t, Keys{
		Play:    KeyPair{Primary: "e12c46f2612d5106e2034781ab261ca3"},
		Publish: KeyPair{Primary: "0123456789abcdef0123456789abcdef"},
	}, epoch, nil)
	until := time.Unix(1777636800, 0)
	play := Pass{Action: ActionPlay, Room: "demo", Stream: "cam", Expires: until}
	full := Pass{Action: ActionPublish, Room: "my room", Stream: "cam", User: "host", Once: "n1", Expires: until, Ends: true}
	for _, tc := range []struct {
		d    Dialect
		p    Pass
		path string
		want string
	}{
		{DialectWeir, play, "", wantWeirPlay},
		{DialectWeir, full, "", wantWeirPublish},
		{DialectTencent, play, "", wantTencent},
		{DialectAlibaba, play, "/live/demo/cam.flv", wantAlibaba},
	} {
		if got := mustSign(t, a, tc.d, tc.p, tc.path); got != tc.want {
			t.Errorf("%v: got  %s\nwant %s", tc.d, got, tc.want)
		}
	}
}

const (
	wantWeirPlay    = "sign=w1.1777636800....4g1FpKwUrzlMq8O_qAYXGEeUtwDfjDz6jYp2PmLtraQ"
	wantWeirPublish = "sign=w1.1777636800.e.host.n1.IzgXPWXA73BPXX7OyAg-4ZYGa_BLZvsInHcNkxfERbs"
	wantTencent     = "txSecret=2442f3f743985e7bbc088d3631dea9ed&txTime=69F495C0"
	wantAlibaba     = "auth_key=1777635000-0-0-7c24a017919c51c935ef655826aa6786"
)

// TestSignedPasses shows what comes out of good addresses.
func TestSignedPasses(t *testing.T) {
	a := closed(t, Keys{}, epoch, &memory{})
	hour := epoch.Add(time.Hour)
	for _, tc := range []struct {
		name string
		d    Dialect
		p    Pass
		want Grant
	}{
		{"play", DialectWeir, Pass{Action: ActionPlay}, Grant{Rights: RightsAll}},
		{"play by name", DialectWeir, Pass{Action: ActionPlay, User: "ann-1"}, Grant{User: "ann-1", Rights: RightsAll}},
		{"play until then", DialectWeir, Pass{Action: ActionPlay, Ends: true}, Grant{Rights: RightsAll, Ends: hour}},
		{"publish once", DialectWeir, Pass{Action: ActionPublish, User: "host", Once: "n-1"}, Grant{User: "host", Rights: RightsAll}},
		{"tencent play", DialectTencent, Pass{Action: ActionPlay}, Grant{Rights: RightsAll}},
		{"tencent publish", DialectTencent, Pass{Action: ActionPublish}, Grant{Rights: RightsAll}},
		{"alibaba play", DialectAlibaba, Pass{Action: ActionPlay}, Grant{Rights: RightsAll}},
		{"alibaba publish by name", DialectAlibaba, Pass{Action: ActionPublish, User: "ann_1"}, Grant{User: "ann_1", Rights: RightsAll}},
	} {
		tc.p.Room, tc.p.Stream, tc.p.Expires, tc.want.Expires = "my room", "cam", hour, hour
		const path = "/live/my%20room/cam.flv"
		query := "audio=opus&" + mustSign(t, a, tc.d, tc.p, path) + "&layer=%zz&x=%26"
		got, err := ask(a, tc.p.Action, "my room", "cam", path, query)
		if err != nil || !got.Expires.Equal(tc.want.Expires) || !got.Ends.Equal(tc.want.Ends) {
			t.Errorf("%s: got %+v, %v", tc.name, got, err)
		}
		got.Expires, tc.want.Expires, got.Ends, tc.want.Ends = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		tc.want.App = demoApp
		if got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

// TestSignedRefuses is the table of what an altered address meets, in every dialect, for both actions.
func TestSignedRefuses(t *testing.T) {
	const path = "/live/demo/cam.flv"
	until := epoch.Add(time.Hour)
	type request struct {
		action             Action
		room, stream, path string
		query              string
		now                time.Time
	}
	cases := []struct {
		name  string
		alter func(r *request)
		want  error
	}{
		{"expired", func(r *request) { r.now = until.Add(time.Second) }, ErrSignatureExpired},
		{"another stream", func(r *request) { r.stream, r.path = "cam2", "/live/demo/cam2.flv" }, ErrBadSignature},
		{"another room", func(r *request) { r.room, r.path = "demo2", "/live/demo2/cam.flv" }, ErrBadSignature},
		{"the other action", func(r *request) { r.action = ActionPlay + ActionPublish - r.action }, ErrBadSignature},
		{"nothing", func(r *request) { r.query = "" }, ErrNoToken},
		{"other parameters only", func(r *request) { r.query = "a=b&c" }, ErrNoToken},
		{"doubled", func(r *request) { r.query += "&" + r.query }, ErrBadSignature},
		{"each name doubled", func(r *request) { r.query += "&" + strings.Split(r.query, "&")[0] }, ErrBadSignature},
		{"a doubled empty one", func(r *request) { r.query += "&" + strings.Split(r.query, "=")[0] + "=" }, ErrBadSignature},
		{"empty", func(r *request) { r.query = strings.Split(r.query, "=")[0] + "=" }, ErrBadSignature},
		{"names in capitals", func(r *request) { r.query = capital(r.query, strings.ToUpper) }, ErrBadSignature},
		{"names encoded", func(r *request) {
			r.query = capital(r.query, func(n string) string { return n[:1] + "%" + hexOf(n[1]) + n[2:] })
		}, ErrBadSignature},
		{"values encoded", func(r *request) { r.query += "%2e" }, ErrBadSignature},
		{"a space behind", func(r *request) { r.query += "+" }, ErrBadSignature},
		{"longer", func(r *request) { r.query += "A" }, ErrBadSignature},
		{"shorter", func(r *request) { r.query = r.query[:len(r.query)-1] }, ErrBadSignature},
		{"over-long", func(r *request) { r.query = "a=" + strings.Repeat("b", maxQuery) + "&" + r.query }, ErrBadSignature},
		{"beside a token", func(r *request) { r.query += "&usersig=x" }, ErrBadSignature},
		{"another dialect beside it", func(r *request) { r.query += "&sign=x&auth_key=x&txSecret=x" }, ErrBadSignature},
	}
	for d := range dialects {
		for _, action := range []Action{ActionPlay, ActionPublish} {
			for _, tc := range cases {
				a := closed(t, Keys{}, epoch, nil)
				pass := Pass{Action: action, Room: "demo", Stream: "cam", Expires: until}
				r := request{action, "demo", "cam", path, mustSign(t, a, Dialect(d), pass, path), epoch}
				tc.alter(&r)
				a.now = func() time.Time { return r.now }
				if got, err := ask(a, r.action, r.room, r.stream, r.path, r.query); !errors.Is(err, tc.want) || got != (Grant{}) {
					t.Errorf("%v, %s, %s: got %+v, %v, want %v", Dialect(d), actionNames[action], tc.name, got, err, tc.want)
				}
			}
		}
	}
}

// capital changes the names of a query.
func capital(query string, change func(string) string) string {
	pairs := strings.Split(query, "&")
	for i, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		pairs[i] = change(name) + "=" + value
	}
	return strings.Join(pairs, "&")
}

func hexOf(c byte) string { return string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]) }

// TestEveryByteCounts changes each character of every dialect's proof.
func TestEveryByteCounts(t *testing.T) {
	const path = "/live/demo/cam.flv"
	a := closed(t, Keys{}, epoch, &memory{})
	for d := range dialects {
		pass := Pass{Action: ActionPlay, Room: "demo", Stream: "cam", Expires: epoch.Add(time.Hour)}
		if Dialect(d) == DialectWeir {
			pass.User, pass.Ends = "ann", true
		}
		query := mustSign(t, a, Dialect(d), pass, path)
		for i := range len(query) {
			for _, c := range []byte("0aAfFz.-_&=%") {
				changed := query[:i] + string(c) + query[i+1:]
				hash := i > strings.LastIndexAny(query, "-=") || strings.Index(query, "&") > i
				if changed == query || Dialect(d) != DialectWeir && hash && strings.EqualFold(changed, query) {
					if Dialect(d) != DialectTencent || i < strings.Index(query, "&") || changed == query {
						continue // the hash's case does not matter
					}
				}
				if got, err := ask(a, ActionPlay, "demo", "cam", path, changed); err == nil {
					t.Fatalf("%v: %s opens as %+v, signed was %s", Dialect(d), changed, got, query)
				}
			}
		}
	}
}

// Values of two good addresses, exchanged, are none.
func TestSwapped(t *testing.T) {
	a := closed(t, Keys{}, epoch, nil)
	p := Pass{Action: ActionPlay, Room: "demo", Stream: "cam", Expires: epoch.Add(time.Hour)}
	q := p
	q.Expires = epoch.Add(2 * time.Hour)
	const path = "/live/demo/cam.flv"
	for _, tc := range []struct {
		d   Dialect
		cut string
	}{{DialectWeir, "."}, {DialectTencent, "&"}, {DialectAlibaba, "-"}} {
		one, two := mustSign(t, a, tc.d, p, path), mustSign(t, a, tc.d, q, path)
		i := strings.LastIndex(one, tc.cut)
		if _, err := ask(a, ActionPlay, "demo", "cam", path, one[:i]+two[strings.LastIndex(two, tc.cut):]); !errors.Is(err, ErrBadSignature) {
			t.Errorf("%v: %v", tc.d, err)
		}
	}
	one := mustSign(t, a, DialectTencent, p, "")
	first, second, _ := strings.Cut(one, "&")
	for _, query := range []string{
		second + "&" + first, // out of order
		paramTxSecret + "=" + second[len(paramTxTime)+1:] + "&" + paramTxTime + "=" + first[len(paramTxSecret)+1:],
	} {
		if _, err := ask(a, ActionPlay, "demo", "cam", "", query); !errors.Is(err, ErrBadSignature) {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// A digit moved from the time to the stream leaves the hashed text as it is.
func TestTencentJoining(t *testing.T) {
	a := closed(t, tencentKeys, epoch, nil)
	const at = "6A000000"
	sum := tencentSum(a.own.Keys.Play.Primary, "demo/cam", at)
	hash := strings.Split(mustSign(t, a, DialectTencent, Pass{Action: ActionPlay, Room: "demo", Stream: "cam", Expires: time.Unix(0x6A000000, 0)}, ""), "&")[0]
	for _, query := range []string{hash + "&txTime=A000000", hash + "&txTime=06A000000", hash + "&txTime=6a000000", hash + "&txTime=+A000000"} {
		for _, stream := range []string{"cam", "cam6"} {
			if _, err := ask(a, ActionPlay, "demo", stream, "", query); !errors.Is(err, ErrBadSignature) {
				t.Errorf("%s for %s: %v (%x)", query, stream, err, sum)
			}
		}
	}
}

// An address of another program may write the time in small letters: the text is hashed as it came.
func TestTencentHashesTheReceivedText(t *testing.T) {
	a := closed(t, tencentKeys, epoch, nil)
	sum := tencentSum(a.own.Keys.Play.Primary, "demo/cam", "7fffffff")
	query := "txSecret=" + url.QueryEscape(strings.ToUpper(hexText(sum[:]))) + "&txTime=7fffffff"
	if g, err := ask(a, ActionPlay, "demo", "cam", "", query); err != nil || g.Expires.Unix() != 0x7fffffff {
		t.Errorf("got %+v, %v", g, err)
	}
}

func hexText(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteString(hexOf(c))
	}
	return s.String()
}

func TestRotation(t *testing.T) {
	pass := Pass{Action: ActionPlay, Room: "r", Stream: "s", Expires: epoch.Add(time.Hour)}
	before := closed(t, Keys{Play: KeyPair{Primary: "old"}}, epoch, nil)
	during := closed(t, Keys{Play: KeyPair{Primary: "new", Backup: "old"}}, epoch, nil)
	after := closed(t, Keys{Play: KeyPair{Primary: "new"}}, epoch, nil)
	for d := range dialects {
		old, fresh := mustSign(t, before, Dialect(d), pass, "/r/s"), mustSign(t, during, Dialect(d), pass, "/r/s")
		for _, tc := range []struct {
			a     *Authorizer
			query string
			want  error
		}{{during, old, nil}, {during, fresh, nil}, {after, fresh, nil}, {after, old, ErrBadSignature}, {before, fresh, ErrBadSignature}} {
			if _, err := ask(tc.a, ActionPlay, "r", "s", "/r/s", tc.query); !errors.Is(err, tc.want) {
				t.Errorf("%v: got %v, want %v", Dialect(d), err, tc.want)
			}
		}
	}
}

func TestDialectsThatAreNotTaken(t *testing.T) {
	a := closed(t, Keys{}, epoch, nil)
	a.dialects[DialectTencent] = false
	query := mustSign(t, a, DialectTencent, Pass{Action: ActionPlay, Room: "r", Stream: "s", Expires: epoch.Add(time.Hour)}, "")
	if _, err := ask(a, ActionPlay, "r", "s", "", query); !errors.Is(err, ErrBadSignature) {
		t.Error(err)
	}
}

func TestOneUse(t *testing.T) {
	uses := &memory{}
	a := closed(t, Keys{}, epoch, uses)
	query := mustSign(t, a, DialectWeir, Pass{Action: ActionPublish, Room: "r", Stream: "s", Once: "n", Expires: epoch.Add(time.Hour)}, "")
	if _, err := ask(a, ActionPlay, "r", "s", "", query); !errors.Is(err, ErrBadSignature) {
		t.Error("an address of another action takes the use:", err)
	}
	for i, want := range []error{nil, ErrUsed, ErrUsed} {
		if _, err := ask(a, ActionPublish, "r", "s", "", query); !errors.Is(err, want) {
			t.Errorf("use %d: got %v, want %v", i+1, err, want)
		}
	}
	if !uses.seen["n"].Equal(epoch.Add(time.Hour)) {
		t.Errorf("it is remembered until %v", uses.seen["n"])
	}
	r := Request{Action: ActionPublish, Room: "r", Stream: "s", Query: query, Path: "/whip/r/s/1"}
	a.now = func() time.Time { return epoch.Add(2 * time.Hour) }
	if _, err := a.Authorize(t.Context(), r.OfSession()); err != nil {
		t.Error("the session's own request:", err)
	}
	r.Stream = "s2"
	if _, err := a.Authorize(t.Context(), r.OfSession()); !errors.Is(err, ErrBadSignature) {
		t.Error("another stream's session:", err)
	}
	for name, broken := range map[string]Uses{"no memory": nil, "a broken one": &memory{err: errors.New("disk full")}} {
		if _, err := ask(closed(t, Keys{}, epoch, broken), ActionPublish, "r", "s", "", query); err == nil {
			t.Error(name, "opens")
		}
	}
}

func TestOfSessionPath(t *testing.T) {
	a := closed(t, Keys{}, epoch, nil)
	query := mustSign(t, a, DialectAlibaba, Pass{Action: ActionPublish, Room: "r", Stream: "s", Expires: epoch.Add(time.Hour)}, "/whip/r/s")
	r := RequestOf(httptest.NewRequest(http.MethodDelete, "/whip/r/s/1?"+query, nil), ActionPublish, "r", "s")
	if _, err := a.Authorize(t.Context(), r.OfSession()); err != nil {
		t.Error(err)
	}
	if _, err := a.Authorize(t.Context(), r); !errors.Is(err, ErrBadSignature) {
		t.Error("another path:", err)
	}
}

func TestSignQueryRefuses(t *testing.T) {
	a := closed(t, Keys{}, epoch, nil)
	good := Pass{Action: ActionPublish, Room: "r", Stream: "s", Expires: epoch.Add(time.Hour)}
	for name, c := range map[string]struct {
		d     Dialect
		alter func(*Pass)
	}{
		"no action":            {DialectWeir, func(p *Pass) { p.Action = ActionNone }},
		"an administrator":     {DialectWeir, func(p *Pass) { p.Action = ActionAdmin }},
		"no room":              {DialectWeir, func(p *Pass) { p.Room = "" }},
		"no stream":            {DialectWeir, func(p *Pass) { p.Stream = "a/b" }},
		"a bad user":           {DialectWeir, func(p *Pass) { p.User = "a.b" }},
		"a bad use":            {DialectWeir, func(p *Pass) { p.Once = "a.b" }},
		"a long use":           {DialectWeir, func(p *Pass) { p.Once = strings.Repeat("a", maxOnce+1) }},
		"one use to play":      {DialectWeir, func(p *Pass) { p.Action, p.Once = ActionPlay, "a" }},
		"no expiry":            {DialectWeir, func(p *Pass) { p.Expires = time.Time{} }},
		"too late an expiry":   {DialectTencent, func(p *Pass) { p.Expires = time.Unix(lastExpiry+1, 0) }},
		"tencent with a user":  {DialectTencent, func(p *Pass) { p.User = "ann" }},
		"tencent with an end":  {DialectTencent, func(p *Pass) { p.Ends = true }},
		"alibaba with one use": {DialectAlibaba, func(p *Pass) { p.Once = "a" }},
		"alibaba with a dash":  {DialectAlibaba, func(p *Pass) { p.User = "a-b" }},
		"alibaba with nobody":  {DialectAlibaba, func(p *Pass) { p.User = "0" }},
		"alibaba, long ago":    {DialectAlibaba, func(p *Pass) { p.Expires = time.Unix(1e9+1, 0) }},
	} {
		p := good
		c.alter(&p)
		if got, err := a.SignQuery(c.d, p, "/r/s"); err == nil {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestParseDialect(t *testing.T) {
	for d := range dialects {
		if got, err := ParseDialect(Dialect(d).String()); err != nil || got != Dialect(d) {
			t.Errorf("%v: got %v, %v", Dialect(d), got, err)
		}
	}
	if _, err := ParseDialect("Weir"); !errors.Is(err, ErrBadDialect) {
		t.Error(err)
	}
}

func TestDerivedKeysDiffer(t *testing.T) {
	k, err := Keys{}.WithDefaults("app key")
	if err != nil || k.Play.Primary == k.Publish.Primary || len(k.Play.Primary) != 64 || k.Play.Backup != "" {
		t.Errorf("got %+v, %v", k, err)
	}
	other, _ := Keys{}.WithDefaults("another")
	if other.Play.Primary == k.Play.Primary {
		t.Error("two apps have one key")
	}
	if own, _ := (Keys{Play: KeyPair{Primary: "own"}}).WithDefaults("app key"); own.Play.Primary != "own" || own.Publish != k.Publish {
		t.Error("a configured key is not kept")
	}
}

// What nobody has configured signs nothing: an empty key would sign for everybody.
func TestEmptyKeysSignNothing(t *testing.T) {
	if (KeyPair{}).any(func(Secret) bool { return true }) {
		t.Error("an empty key signs")
	}
	keys := Keys{Play: KeyPair{Primary: "a"}, Publish: KeyPair{Primary: "b"}}
	if keys.of(ActionAdmin) != (KeyPair{}) {
		t.Error("there is a key to administer")
	}
}

func TestCarried(t *testing.T) {
	for query, want := range map[string]string{
		"":                            "",
		"a=b&sign=x&c":                "sign=x",
		"txSecret=1&layer=q&txTime=2": "txSecret=1&txTime=2",
		"usersig=a%2Ab&sign=":         "usersig=a%2Ab",
		"Sign=x&auth_key=1-2-3-4":     "auth_key=1-2-3-4",
	} {
		if got := Carried(query); got != want {
			t.Errorf("%q: got %q, want %q", query, got, want)
		}
	}
	if got := ReplaceProof("layer=q&auth_key=1&&a=b", "sign=x"); got != "sign=x&layer=q&a=b" {
		t.Errorf("got %q", got)
	}
	for query, want := range map[string]bool{
		"sign=x": false, "usersig=x": false, "a=b": false, "auth_key=x": true, "txSecret=a&txTime=b": true, "auth_key=x&auth_key=y": false,
	} {
		if got := Foreign(query); got != want {
			t.Errorf("%q is foreign: %v", query, got)
		}
	}
}

func TestBound(t *testing.T) {
	free, stop := Grant{Expires: epoch}.Bound(t.Context())
	defer stop()
	if _, ends := free.Deadline(); ends || free.Err() != nil {
		t.Error("what promises no end has one")
	}
	over, stop := Grant{Ends: time.Unix(1, 0)}.Bound(t.Context())
	defer stop()
	if err := context.Cause(over); !errors.Is(err, ErrEnds) {
		t.Errorf("it ended because of %v", err)
	}
	var reason interface{ Reason() string }
	if !errors.As(ErrEnds, &reason) || reason.Reason() != "expired" {
		t.Error("the reason has another name")
	}
}

func TestPlayMayBeOpen(t *testing.T) {
	a := closed(t, Keys{}, epoch, nil)
	a.playSigned = false
	good := mustSign(t, a, DialectWeir, Pass{Action: ActionPlay, Room: "r", Stream: "s", User: "ann", Expires: epoch.Add(time.Hour)}, "")
	for query, user := range map[string]string{"": "", "sign=x": "", "sign=x&sign=y": "", good: "ann"} {
		if g, err := ask(a, ActionPlay, "r", "s", "", query); err != nil || g.User != user {
			t.Errorf("%s: got %+v, %v", query, g, err)
		}
	}
	if _, err := ask(a, ActionAddresses, "r", "s", "", ""); !errors.Is(err, ErrNoToken) {
		t.Error("addresses are told to nobody:", err)
	}
	if g, err := ask(a, ActionAddresses, "r", "s", "", good); err != nil || g.User != "ann" {
		t.Errorf("got %+v, %v", g, err)
	}
}

// FuzzProof gives every reader of a query whatever bytes. Nothing opens that was not signed, and what is signed has
// one spelling.
func FuzzProof(f *testing.F) {
	a, err := New(Options{
		App: App{ID: demoApp, Key: demoKey}, PlaySigned: true, Dialects: []Dialect{DialectTencent, DialectAlibaba},
		Now: func() time.Time { return epoch },
	})
	if err != nil {
		f.Fatal(err)
	}
	signed := make(map[string]bool)
	for d := range dialects {
		q, err := a.SignQuery(Dialect(d), Pass{Action: ActionPlay, Room: "r", Stream: "s", Expires: epoch.Add(time.Hour)}, "/r/s")
		if err != nil {
			f.Fatal(err)
		}
		signed[strings.ToLower(q)] = true
		f.Add(q)
		f.Add("a=b&" + q + "&" + q)
		f.Add(strings.ToUpper(q))
	}
	f.Add("txTime=6A000000&txSecret=00&auth_key=1-2-3-4&sign=w1.1777636800....x&usersig=%zz;")
	f.Fuzz(func(t *testing.T, query string) {
		_, err := ask(a, ActionPlay, "r", "s", "/r/s", query)
		if carried := Carried(query); err == nil && !signed[strings.ToLower(carried)] {
			t.Errorf("%q opens", query)
		}
		_ = Foreign(ReplaceProof(query, "sign=x"))
	})
}

// TestAlibabaEscapes: the hash is over the path as it is in the address, whatever the signer has escaped in it.
func TestAlibabaEscapes(t *testing.T) {
	a := closed(t, Keys{}, epoch, nil)
	p := Pass{Action: ActionPublish, Room: "g:h&i", Stream: "s", Expires: epoch.Add(time.Hour)}
	for _, path := range []string{"/live/g:h&i/s", "/live/g%3Ah%26i/s", "/live/%67:h%26i/%73"} {
		query := mustSign(t, a, DialectAlibaba, p, path)
		if _, err := ask(a, ActionPublish, p.Room, p.Stream, path, query); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, other := range []string{"/live/g:h&i%2Fs", "/live/x/s", "/live/%zz/g:h&i/s"} {
			if _, err := ask(a, ActionPublish, p.Room, p.Stream, other, query); !errors.Is(err, ErrBadSignature) {
				t.Errorf("signed for %s, at %s: %v", path, other, err)
			}
		}
	}
}
