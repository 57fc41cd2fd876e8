package store

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/room/im"
)

// noon is when tests begin.
var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// ground is an empty database, and a clock that is set by hand.
type ground struct {
	opts Options

	mu  sync.Mutex // guards now
	now time.Time
}

func (g *ground) clock() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

func (g *ground) pass(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = g.now.Add(d)
}

// open opens it, which can be done again and again.
func (g *ground) open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), g.opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ok(t, s.Close()) })
	return s
}

// grounds are the two databases.
var grounds = map[string]func(testing.TB) Options{
	"sqlite":   func(t testing.TB) Options { return Options{Path: filepath.Join(t.TempDir(), "made", "weir.db")} },
	"postgres": func(t testing.TB) Options { return Options{URL: postgresURL(t)} },
}

// both runs a test against both.
func both(t *testing.T, test func(*testing.T, *ground)) {
	for name, where := range grounds {
		t.Run(name, func(t *testing.T) {
			g := &ground{opts: where(t), now: noon}
			g.opts.Now, g.opts.Log = g.clock, slog.New(slog.NewTextHandler(t.Output(), nil))
			test(t, g)
		})
	}
}

func TestStore(t *testing.T) {
	cases := map[string]func(*testing.T, *ground){
		"apps":              testApps,
		"accounts":          testAccounts,
		"rooms":             testRooms,
		"list of rooms":     testListOfRooms,
		"members":           testMembers,
		"adding members":    testAddMembers,
		"mutes and bans":    testUntils,
		"fields":            testFields,
		"attributes":        testAttributes,
		"counters":          testCounters,
		"seats":             testSeats,
		"words":             testWords,
		"kept messages":     testKept,
		"kept bounds":       testKeptBounds,
		"history":           testHistory,
		"queue":             testQueue,
		"queue lanes":       testQueueLanes,
		"queue bounds":      testQueueBounds,
		"dead deliveries":   testDead,
		"recordings":        testRecordings,
		"doomed recordings": testDoomedRecordings,
		"what is over":      testOver,
		"deleting an app":   testDeleteApp,
		"deleting a room":   testDeleteRoom,
		"strange texts":     testTexts,
		"reopening":         testReopen,
		"a newer schema":    testNewer,
		"a write fails":     testFaultsStayApart,
		"a write panics":    testPanic,
		"many writers":      testManyWriters,
		"a closed store":    testClosed,
		"many at once":      testMany,
		"a context is over": testContext,
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { both(t, test) })
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// got is a value that came without an error.
func got[T any](t testing.TB) func(value T, err error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		ok(t, err)
		return value
	}
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func equal[T any](t testing.TB, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func testApps(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	app := App{ID: 1400000001, Name: "Läden\x00", Key: strings.Repeat("k", 64), Admins: []string{"boss"}, Created: noon, Settings: []byte(`{"a":1}`)}
	ok(t, s.CreateApp(ctx, app))
	is(t, s.CreateApp(ctx, app), ErrExists)
	equal(t, got[App](t)(s.App(ctx, app.ID)), app)
	_, err := s.App(ctx, 7)
	is(t, err, ErrNotFound)
	plain := App{ID: 2, Key: "k", Settings: []byte("{}")}
	ok(t, s.CreateApp(ctx, App{ID: 2, Key: "k"}))
	equal(t, got[[]App](t)(s.Apps(ctx)), []App{plain, app})

	app.Name = "shops"
	equal(t, got[App](t)(s.ModifyApp(ctx, app.ID, func(a *App) error {
		a.Name, a.ID, a.Created = "shops", 5, time.Time{}
		return nil
	})), app)
	equal(t, got[App](t)(s.App(ctx, app.ID)), app)
	no := errors.New("no")
	_, err = s.ModifyApp(ctx, app.ID, func(a *App) error { a.Name = "x"; return no })
	is(t, err, no)
	_, err = s.ModifyApp(ctx, 7, func(*App) error { return nil })
	is(t, err, ErrNotFound)
	equal(t, got[App](t)(s.App(ctx, app.ID)), app)
	if err := s.CreateApp(ctx, App{ID: 9, Settings: []byte("{")}); err == nil {
		t.Error("settings that are no JSON were taken")
	}
	is(t, s.DeleteApp(ctx, 7), ErrNotFound)
}

func testAccounts(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	const nick, level = "Tag_Profile_IM_Nick", "Tag_Profile_IM_Level"
	equal(t, got[bool](t)(s.PutAccount(ctx, 1, "ann", map[string]string{nick: "Ann", level: "3"})), true)
	g.pass(time.Hour)
	equal(t, got[bool](t)(s.PutAccount(ctx, 1, "ann", map[string]string{nick: "Änn\x00"})), false)
	equal(t, got[bool](t)(s.PutAccount(ctx, 1, "ann", nil)), false)
	equal(t, got[bool](t)(s.PutAccount(ctx, 1, "bob", nil)), true)
	equal(t, got[bool](t)(s.PutAccount(ctx, 1, "bob", map[string]string{nick: "Bob"})), false)
	equal(t, got[bool](t)(s.PutAccount(ctx, 2, "ann", nil)), true)

	ann := Account{ID: "ann", Created: noon, Profile: map[string]string{nick: "Änn\x00", level: "3"}}
	bob := Account{ID: "bob", Created: noon.Add(time.Hour), Profile: map[string]string{nick: "Bob"}}
	equal(t, got[Account](t)(s.Account(ctx, 1, "ann")), ann)
	equal(t, got[map[string]Account](t)(s.Accounts(ctx, 1, []string{"ann", "bob", "eve", "ann"})), map[string]Account{"ann": ann, "bob": bob})
	equal(t, got[map[string]Account](t)(s.Accounts(ctx, 1, nil)), map[string]Account{})
	_, err := s.Account(ctx, 1, "eve")
	is(t, err, ErrNotFound)

	ann.NoC2C, ann.NoRoom = 5, math.MaxUint32
	five, always := int64(5), int64(math.MaxUint32)
	ok(t, s.SetSilence(ctx, 1, "ann", nil, &always))
	ok(t, s.SetSilence(ctx, 1, "ann", &five, nil))
	is(t, s.SetSilence(ctx, 1, "eve", &five, nil), ErrNotFound)
	equal(t, got[Account](t)(s.Account(ctx, 1, "ann")), ann)

	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r", Type: "Public", Owner: "ann"}, []Member{{Account: "ann"}, {Account: "bob"}}))
	ok(t, s.SetMutes(ctx, 1, "r", []string{"ann"}, always))
	ok(t, s.SetBans(ctx, 1, "r", []string{"ann"}, always))
	ok(t, s.ModifySeats(ctx, 1, "r", seat(Seat{Account: "ann"})))
	got[uint64](t)(s.KeepMessage(ctx, im.Message{App: 1, To: "ann"}, g.clock().Add(time.Hour)))
	ok(t, s.DeleteAccount(ctx, 1, "ann"))
	is(t, s.DeleteAccount(ctx, 1, "ann"), ErrNotFound)
	equal(t, rowsOf(t, s), map[string]int{"accounts": 2, "rooms": 1, "members": 1})
	equal(t, got[Room](t)(s.Room(ctx, 1, "r")).Owner, "")
	equal(t, got[[]string](t)(s.RoomsOf(ctx, 1, "ann")), nil)
}

// rowsOf counts the rows of all tables that have any.
func rowsOf(t *testing.T, s *Store) map[string]int {
	t.Helper()
	rows := map[string]int{}
	for _, table := range []string{
		"apps", "accounts", "kept", "rooms", "history", "members", "mutes", "bans", "attributes", "counters", "seats",
		"fields", "words", "deliveries",
	} {
		var n int
		ok(t, s.reads.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n))
		if n > 0 {
			rows[table] = n
		}
	}
	return rows
}

// full is a room with a value in everything.
func full() Room {
	return Room{
		ID: "@TGS#1", Type: "Public", Name: "Läden", Owner: "ann", Introduction: "i", Notification: "n\x00", Face: "https://f",
		Join: "FreeAccess", MaxMembers: 200, MuteAll: true, Status: "paused", Fields: map[string]string{"f": "\x00\x01"},
		Created: noon, InfoSeq: 1, LastInfo: noon,
	}
}

func testRooms(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	room := full()
	ok(t, s.CreateRoom(ctx, 1, room, []Member{{Account: "ann", Role: "Owner", Joined: noon}}))
	is(t, s.CreateRoom(ctx, 1, room, nil), ErrExists)
	ok(t, s.CreateRoom(ctx, 2, Room{ID: room.ID}, nil))
	equal(t, got[Room](t)(s.Room(ctx, 1, room.ID)), room)
	_, err := s.Room(ctx, 1, "none")
	is(t, err, ErrNotFound)

	g.pass(time.Minute)
	room.Owner, room.Status, room.Fields, room.InfoSeq, room.LastInfo = "bob", "closed", map[string]string{"g": "1"}, 2, g.clock()
	equal(t, got[Room](t)(s.ModifyRoom(ctx, 1, room.ID, func(r *Room) error {
		r.Owner, r.Status, r.Fields, r.InfoSeq, r.Type, r.ID = "bob", "closed", map[string]string{"g": "1"}, 77, "x", "x"
		return nil
	})), room)
	equal(t, got[Room](t)(s.Room(ctx, 1, room.ID)), room)
	no := errors.New("no")
	_, err = s.ModifyRoom(ctx, 1, room.ID, func(r *Room) error { r.Name = "x"; return no })
	is(t, err, no)
	equal(t, testutil.CollectAndCount(s.Stats(), "weir_store_errors_total"), 0) // an answer, and no fault
	_, err = s.ModifyRoom(ctx, 1, "none", func(*Room) error { return nil })
	is(t, err, ErrNotFound)

	equal(t, got[uint64](t)(s.ReserveSeq(ctx, 1, room.ID, 10)), 1)
	equal(t, got[uint64](t)(s.ReserveSeq(ctx, 1, room.ID, 1)), 11)
	equal(t, got[uint64](t)(s.ReserveSeq(ctx, 1, room.ID, 5)), 12)
	_, err = s.ReserveSeq(ctx, 1, "none", 5)
	is(t, err, ErrNotFound)
	equal(t, got[Room](t)(s.Room(ctx, 1, room.ID)), room)
	is(t, s.DeleteRoom(ctx, 1, "none"), ErrNotFound)
}

func testListOfRooms(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	// In the order of their bytes, whatever the database's language.
	for _, id := range []string{"Z", "a", "@TGS#1", "ä", "B", "b-1", "b1"} {
		typ := "AVChatRoom"
		if id == "Z" || id == "a" {
			typ = "Public"
		}
		ok(t, s.CreateRoom(ctx, 1, Room{ID: id, Type: typ}, nil))
	}
	ok(t, s.CreateRoom(ctx, 2, Room{ID: "other"}, nil))
	for _, tc := range []struct {
		typ   string
		limit int
		after string
		ids   []string
		next  string
		total int
	}{
		{"", 10, "", []string{"@TGS#1", "B", "Z", "a", "b-1", "b1", "ä"}, "", 7},
		{"", 3, "", []string{"@TGS#1", "B", "Z"}, "Z", 7},
		{"", 3, "Z", []string{"a", "b-1", "b1"}, "b1", 7},
		{"", 3, "b1", []string{"ä"}, "", 7},
		{"", 7, "", []string{"@TGS#1", "B", "Z", "a", "b-1", "b1", "ä"}, "", 7},
		{"Public", 1, "", []string{"Z"}, "Z", 2},
		{"Public", 1, "Z", []string{"a"}, "", 2},
		{"Private", 1, "", nil, "", 0},
	} {
		ids, next, total, err := s.Rooms(ctx, 1, tc.typ, tc.limit, tc.after)
		if err != nil || !slices.Equal(ids, tc.ids) || next != tc.next || total != tc.total {
			t.Errorf("%+v: got %q, %q, %d, %v", tc, ids, next, total, err)
		}
	}
}

func testMembers(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r"}, []Member{{Account: "z", Role: "Owner", Joined: noon}}))
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "other"}, []Member{{Account: "a"}}))
	is(t, s.PutMembers(ctx, 1, "none", []Member{{Account: "a"}}), ErrNotFound)
	is(t, s.CreateRoom(ctx, 1, Room{ID: "r"}, []Member{{Account: "y"}}), ErrExists)
	card := Member{Account: "a", Role: "Member", NameCard: "A\x00", Joined: noon.Add(time.Second), Fields: map[string]string{"f": "v"}}
	ok(t, s.PutMembers(ctx, 1, "r", []Member{{Account: "a"}, {Account: "b", Joined: noon.Add(time.Minute)}, card}))
	equal(t, got[Member](t)(s.Member(ctx, 1, "r", "a")), card)
	_, err := s.Member(ctx, 1, "r", "none")
	is(t, err, ErrNotFound)
	for _, tc := range []struct {
		limit, offset int
		accounts      []string
	}{{10, 0, []string{"z", "a", "b"}}, {2, 0, []string{"z", "a"}}, {2, 2, []string{"b"}}, {2, 3, nil}} {
		members, total, err := s.Members(ctx, 1, "r", tc.limit, tc.offset)
		var accounts []string
		for _, m := range members {
			accounts = append(accounts, m.Account)
		}
		if err != nil || total != 3 || !slices.Equal(accounts, tc.accounts) {
			t.Errorf("%+v: got %q of %d, %v", tc, accounts, total, err)
		}
	}
	equal(t, got[[]string](t)(s.RoomsOf(ctx, 1, "a")), []string{"other", "r"})
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "own", Owner: "a", Type: "Public"}, nil))
	equal(t, got[int](t)(s.RoomsOwned(ctx, 1, "a", "Public")), 1)
	equal(t, got[int](t)(s.RoomsOwned(ctx, 1, "a", "Private")), 0)
	equal(t, got[[]string](t)(s.RoomsOf(ctx, 1, "a")), []string{"other", "own", "r"})
	equal(t, got[[]string](t)(s.RoomsOf(ctx, 2, "a")), nil)
	ok(t, s.DeleteMembers(ctx, 1, "r", []string{"a", "none"}))
	ok(t, s.DeleteMembers(ctx, 1, "r", nil))
	equal(t, got[[]string](t)(s.RoomsOf(ctx, 1, "a")), []string{"other", "own"})
}

func testAddMembers(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r"}, []Member{{Account: "z", Role: "Owner", Joined: noon}}))
	for _, tc := range []struct {
		accounts []string
		most     int
		added    []string
		full     bool
	}{
		{[]string{"z"}, 1, nil, true},
		{[]string{"b", "z", "b", "a"}, 4, []string{"b", "a"}, false},
		{[]string{"c", "d"}, 4, []string{"c"}, true},
		{[]string{"d"}, 4, nil, true},
		{nil, 5, nil, false},
	} {
		var members []Member
		for _, account := range tc.accounts {
			members = append(members, Member{Account: account, Role: "Member", Joined: noon})
		}
		added, full, err := s.AddMembers(ctx, 1, "r", members, tc.most)
		if err != nil || full != tc.full || !slices.Equal(added, tc.added) {
			t.Errorf("%+v: got %q, %v, %v", tc, added, full, err)
		}
	}
	equal(t, got[Member](t)(s.Member(ctx, 1, "r", "z")).Role, "Owner")
	_, _, err := s.AddMembers(ctx, 1, "none", []Member{{Account: "a"}}, 5)
	is(t, err, ErrNotFound)
	ok(t, s.ModifyMember(ctx, 1, "r", "a", func(m *Member) error { m.NameCard = "A"; return nil }))
	is(t, s.ModifyMember(ctx, 1, "r", "a", func(m *Member) error { m.NameCard = "B"; return errNo }), errNo)
	is(t, s.ModifyMember(ctx, 1, "r", "none", func(*Member) error { return nil }), ErrNotFound)
	equal(t, got[Member](t)(s.Member(ctx, 1, "r", "a")), Member{Account: "a", Role: "Member", NameCard: "A", Joined: noon})
}

func testUntils(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r"}, nil))
	for _, tc := range []struct {
		set  func(accounts []string, until int64) error
		read func() ([]Until, error)
	}{
		{
			func(accounts []string, until int64) error { return s.SetMutes(ctx, 1, "r", accounts, until) },
			func() ([]Until, error) { return s.Mutes(ctx, 1, "r") },
		},
		{
			func(accounts []string, until int64) error { return s.SetBans(ctx, 1, "r", accounts, until) },
			func() ([]Until, error) { return s.Bans(ctx, 1, "r") },
		},
	} {
		soon := g.clock().Add(time.Minute).Unix()
		ok(t, tc.set([]string{"b", "a", "b"}, math.MaxUint32))
		ok(t, tc.set([]string{"b", "c"}, soon))
		equal(t, got[[]Until](t)(tc.read()), []Until{{"a", math.MaxUint32}, {"b", soon}, {"c", soon}})
		ok(t, tc.set([]string{"c", "none"}, 0))
		equal(t, got[[]Until](t)(tc.read()), []Until{{"a", math.MaxUint32}, {"b", soon}})
		g.pass(time.Minute)
		equal(t, got[[]Until](t)(tc.read()), []Until{{"a", math.MaxUint32}})
	}
	is(t, s.SetMutes(ctx, 1, "none", []string{"a"}, 5), ErrNotFound)
	is(t, s.SetBans(ctx, 2, "r", []string{"a"}, 5), ErrNotFound)
}

func testFields(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	field := Field{Name: "level", Types: []string{"AVChatRoom"}, Read: "anyone", Write: "owner"}
	ok(t, s.DefineField(ctx, 1, field))
	is(t, s.DefineField(ctx, 1, Field{Name: "level", Member: true}), ErrExists)
	ok(t, s.DefineField(ctx, 1, Field{Name: "card", Member: true}))
	ok(t, s.DefineField(ctx, 2, field))
	field.Read = "member"
	ok(t, s.ModifyField(ctx, 1, field))
	is(t, s.ModifyField(ctx, 1, Field{Name: "none"}), ErrNotFound)
	equal(t, got[[]Field](t)(s.Fields(ctx, 1)), []Field{{Name: "card", Member: true}, field})
}

func testAttributes(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r"}, nil))
	have := func(seq uint64, want map[string]string) {
		t.Helper()
		equal(t, got[Attributes](t)(s.Attributes(ctx, 1, "r")), Attributes{want, seq})
	}
	put := func(values map[string]string) func(*Attributes) error {
		return func(a *Attributes) error {
			maps.Copy(a.Values, values)
			return nil
		}
	}
	have(0, map[string]string{})
	first := map[string]string{"a": "1", "b": "\x00", "c": ""}
	equal(t, got[Attributes](t)(s.ModifyAttributes(ctx, 1, "r", put(first))), Attributes{first, 1})
	got[Attributes](t)(s.ModifyAttributes(ctx, 1, "r", func(a *Attributes) error {
		equal(t, *a, Attributes{first, 1})
		a.Values["a"], a.Seq = "2", 99
		delete(a.Values, "b")
		return nil
	}))
	have(2, map[string]string{"a": "2", "c": ""})
	_, err := s.ModifyAttributes(ctx, 1, "r", func(a *Attributes) error {
		clear(a.Values)
		return errNo
	})
	is(t, err, errNo)
	have(2, map[string]string{"a": "2", "c": ""})
	got[Attributes](t)(s.ModifyAttributes(ctx, 1, "r", func(a *Attributes) error { a.Values = nil; return nil }))
	have(3, map[string]string{})
	_, err = s.ModifyAttributes(ctx, 1, "none", put(first))
	is(t, err, ErrNotFound)
	_, err = s.Attributes(ctx, 1, "none")
	is(t, err, ErrNotFound)
}

// errNo is a change that is not to be.
var errNo = errors.New("no")

// count adds to a counter.
func count(name string, n int64) func(map[string]int64) error {
	return func(counters map[string]int64) error {
		counters[name] += n
		return nil
	}
}

func testCounters(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r"}, nil))
	type counts = map[string]int64
	equal(t, got[counts](t)(s.ModifyCounters(ctx, 1, "r", count("like", 3))), counts{"like": 3})
	equal(t, got[counts](t)(s.ModifyCounters(ctx, 1, "r", count("gift", math.MinInt64))), counts{"like": 3, "gift": math.MinInt64})
	equal(t, got[counts](t)(s.ModifyCounters(ctx, 1, "r", func(c map[string]int64) error {
		delete(c, "like")
		c["gift"], c["new"] = math.MaxInt64, 0
		return nil
	})), counts{"gift": math.MaxInt64, "new": 0})
	_, err := s.ModifyCounters(ctx, 1, "r", func(c map[string]int64) error {
		clear(c)
		return errNo
	})
	is(t, err, errNo)
	equal(t, got[counts](t)(s.Counters(ctx, 1, "r")), counts{"gift": math.MaxInt64, "new": 0})
	_, err = s.ModifyCounters(ctx, 1, "none", count("like", 1))
	is(t, err, ErrNotFound)
}

// seat adds a seat.
func seat(add Seat) func([]Seat) ([]Seat, error) {
	return func(seats []Seat) ([]Seat, error) { return append(seats, add), nil }
}

func testSeats(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r"}, nil))
	asked := Seat{Account: "a", State: "requested", By: "a", Since: noon.Add(time.Second)}
	taken := Seat{Account: "b", State: "seated", By: "z", Since: noon}
	ok(t, s.ModifySeats(ctx, 1, "r", seat(asked)))
	ok(t, s.ModifySeats(ctx, 1, "r", seat(taken)))
	equal(t, got[[]Seat](t)(s.Seats(ctx, 1, "r")), []Seat{taken, asked})
	is(t, s.ModifySeats(ctx, 1, "r", func([]Seat) ([]Seat, error) { return nil, errNo }), errNo)
	seated := Seat{Account: "a", State: "seated", By: "z", Since: noon.Add(time.Minute)}
	ok(t, s.ModifySeats(ctx, 1, "r", func(seats []Seat) ([]Seat, error) {
		equal(t, seats, []Seat{taken, asked})
		seats[1] = seated
		return seats[1:], nil
	}))
	equal(t, got[[]Seat](t)(s.Seats(ctx, 1, "r")), []Seat{seated})
	is(t, s.ModifySeats(ctx, 1, "none", seat(asked)), ErrNotFound)
	ok(t, s.ModifySeats(ctx, 1, "none", func([]Seat) ([]Seat, error) { return nil, nil }))
}

func testWords(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	many := make([]string, 1200)
	for i := range many {
		many[i] = fmt.Sprintf("w%04d", i)
	}
	ok(t, s.AddWords(ctx, 1, append([]string{"b", "坏", "b"}, many...)))
	ok(t, s.AddWords(ctx, 1, []string{"b", "a"}))
	ok(t, s.AddWords(ctx, 0, []string{"c"}))
	ok(t, s.DeleteWords(ctx, 1, many))
	ok(t, s.DeleteWords(ctx, 1, nil))
	equal(t, got[[]string](t)(s.Words(ctx, 1)), []string{"a", "b", "坏"})
	equal(t, got[[]string](t)(s.Words(ctx, 0)), []string{"c"})
}

// said is a message with a value in everything but its number.
func said(to, room string) im.Message {
	return im.Message{
		App: 1, To: to, Room: room, From: "ann", Nick: "Änn\x00", Avatar: "https://a", Level: 7, Kind: im.KindNotice,
		Random: math.MaxUint32, Time: noon.Unix(), Media: noon.UnixMilli(), Priority: im.High,
		Body: []im.Element{{Type: im.ElemText, Content: []byte(`{"Text":"hi \u0000"}`)}}, Cloud: "c\x00", Broadcast: true,
	}
}

func seqs(messages []im.Message) []uint64 {
	var all []uint64
	for _, m := range messages {
		all = append(all, m.Seq)
	}
	return all
}

func testKept(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	_, err := s.KeepMessage(ctx, said("ann", ""), noon.Add(time.Hour))
	is(t, err, ErrNotFound)
	got[bool](t)(s.PutAccount(ctx, 1, "ann", nil))
	got[bool](t)(s.PutAccount(ctx, 1, "bob", nil))
	for i, d := range []time.Duration{time.Hour, time.Minute, 100 * MaxKeep} {
		m := said("ann", "")
		m.Seq = 99 // nobody else's business
		equal(t, got[uint64](t)(s.KeepMessage(ctx, m, noon.Add(d))), uint64(i+1))
	}
	equal(t, got[uint64](t)(s.KeepMessage(ctx, said("bob", ""), noon.Add(time.Hour))), 1)
	messages := got[[]im.Message](t)(s.KeptFor(ctx, 1, "ann", 0, 10))
	want := said("ann", "")
	want.Seq = 1
	equal(t, messages[0], want)
	equal(t, seqs(messages), []uint64{1, 2, 3})
	equal(t, seqs(got[[]im.Message](t)(s.KeptFor(ctx, 1, "ann", 1, 1))), []uint64{2})
	g.pass(time.Minute)
	equal(t, seqs(got[[]im.Message](t)(s.KeptFor(ctx, 1, "ann", 0, 10))), []uint64{1, 3})
	equal(t, got[int](t)(s.Kept(ctx, 1, "ann")), 2)
	ok(t, s.ForgetKept(ctx, 1, "ann", 1))
	equal(t, seqs(got[[]im.Message](t)(s.KeptFor(ctx, 1, "ann", 0, 10))), []uint64{3})
	ok(t, s.ForgetKept(ctx, 1, "ann", 3))
	equal(t, got[int](t)(s.Kept(ctx, 1, "ann")), 0)
	equal(t, got[uint64](t)(s.KeepMessage(ctx, said("ann", ""), noon.Add(100*MaxKeep))), 4)
	g.pass(MaxKeep) // at most
	equal(t, got[int](t)(s.Kept(ctx, 1, "ann")), 0)
}

func testKeptBounds(t *testing.T, g *ground) {
	g.opts.MaxKept = 3
	s, ctx := g.open(t), t.Context()
	got[bool](t)(s.PutAccount(ctx, 1, "ann", nil))
	for range 5 {
		got[uint64](t)(s.KeepMessage(ctx, said("ann", ""), noon.Add(time.Hour)))
	}
	equal(t, seqs(got[[]im.Message](t)(s.KeptFor(ctx, 1, "ann", 0, 10))), []uint64{3, 4, 5})
}

func testHistory(t *testing.T, g *ground) {
	g.opts.MaxHistory = 3
	s, ctx := g.open(t), t.Context()
	keep := func(seq uint64, until time.Duration) error {
		m := said("", "r")
		m.Seq = seq
		return s.KeepRoomMessage(ctx, m, noon.Add(until))
	}
	is(t, keep(1, time.Hour), ErrNotFound)
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r"}, nil))
	ok(t, keep(1, time.Hour))
	ok(t, keep(3, time.Minute))
	ok(t, keep(2, time.Hour))
	is(t, keep(2, time.Hour), ErrExists)
	want := said("", "r")
	want.Seq = 1
	messages := got[[]im.Message](t)(s.RoomMessages(ctx, 1, "r", 0, 10))
	equal(t, messages[0], want)
	equal(t, seqs(messages), []uint64{1, 2, 3})
	equal(t, seqs(got[[]im.Message](t)(s.RoomMessages(ctx, 1, "r", 1, 1))), []uint64{2})
	ok(t, keep(500, time.Hour)) // a restart has left numbers that no message has
	equal(t, seqs(got[[]im.Message](t)(s.RoomMessages(ctx, 1, "r", 0, 10))), []uint64{2, 3, 500})
	g.pass(time.Minute)
	equal(t, seqs(got[[]im.Message](t)(s.RoomMessages(ctx, 1, "r", 0, 10))), []uint64{2, 500})
	ok(t, keep(501, 100*MaxKeep))
	g.pass(MaxKeep)
	equal(t, seqs(got[[]im.Message](t)(s.RoomMessages(ctx, 1, "r", 0, 10))), nil)
}

// events are deliveries of the keys to one receiver.
func events(keys ...string) []Delivery {
	var all []Delivery
	for i, key := range keys {
		all = append(all, Delivery{
			Receiver: "im", Key: key, App: 1, URL: "https://h\x00", Header: map[string]string{"A": "b"}, Body: []byte{0, byte(i)},
			Kind: "k", Next: noon, Created: noon,
		})
	}
	return all
}

// due are the ids of what is due now, in order.
func due(t *testing.T, g *ground, s *Store, limit int) []int64 {
	t.Helper()
	return idsOf(got[[]Delivery](t)(s.DueFor(t.Context(), "im", g.clock(), limit)))
}

func idsOf(deliveries []Delivery) []int64 {
	var ids []int64
	for _, d := range deliveries {
		ids = append(ids, d.ID)
	}
	return ids
}

func testQueue(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	equal(t, got[Backlog](t)(s.Backlog(ctx)), Backlog{})
	equal(t, got[[]string](t)(s.Receivers(ctx, g.clock())), nil)
	ok(t, s.Enqueue(ctx, nil))
	ok(t, s.Enqueue(ctx, events("a", "a", "b")))
	first := got[[]Delivery](t)(s.DueFor(ctx, "im", g.clock(), 10))
	want := events("a")[0]
	want.ID = 1
	equal(t, first[0], want)
	equal(t, idsOf(first), []int64{1, 2, 3})
	equal(t, due(t, g, s, 2), []int64{1, 2})
	ok(t, s.Delivered(ctx, []int64{1, 3, 99}))
	equal(t, due(t, g, s, 10), []int64{2})
	equal(t, got[Backlog](t)(s.Backlog(ctx)), Backlog{Waiting: 1, Oldest: noon})

	g.pass(time.Second)
	ok(t, s.Retry(ctx, 2, g.clock().Add(time.Minute), "refused\x00"))
	ok(t, s.Retry(ctx, 99, g.clock(), ""))
	equal(t, due(t, g, s, 10), nil)
	equal(t, got[[]string](t)(s.Receivers(ctx, g.clock())), nil)
	g.pass(time.Minute)
	again := got[[]Delivery](t)(s.DueFor(ctx, "im", g.clock(), 10))
	equal(t, []any{again[0].ID, again[0].Tries, again[0].Fault, again[0].Next}, []any{int64(2), 1, "refused\x00", g.clock()})
	ok(t, s.Delivered(ctx, idsOf(again)))
	equal(t, rowsOf(t, s), map[string]int{})
	ok(t, s.Enqueue(ctx, events("a")))
	equal(t, due(t, g, s, 10), []int64{4}) // no number twice
}

// What waits for another try holds up what comes behind it, and nothing else.
func testQueueLanes(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	ok(t, s.Enqueue(ctx, events("a", "b", "a", "c", "b")))
	others := events("a", "a")
	others[0].App, others[1].Receiver = 2, "css"
	ok(t, s.Enqueue(ctx, others))
	equal(t, got[[]string](t)(s.Receivers(ctx, g.clock())), []string{"css", "im"})
	ok(t, s.Retry(ctx, 3, g.clock().Add(time.Hour), ""))
	equal(t, due(t, g, s, 9), []int64{1, 2, 4, 5, 6})
	ok(t, s.Retry(ctx, 1, g.clock().Add(time.Hour), ""))
	ok(t, s.Enqueue(ctx, events("a")))
	equal(t, due(t, g, s, 9), []int64{2, 4, 5, 6})
	equal(t, due(t, g, s, 2), []int64{2, 4})
	equal(t, idsOf(got[[]Delivery](t)(s.DueFor(ctx, "css", g.clock(), 9))), []int64{7})
	equal(t, idsOf(got[[]Delivery](t)(s.DueFor(ctx, "none", g.clock(), 9))), nil)
	ok(t, s.Delivered(ctx, []int64{2, 4, 5, 6, 7}))
	equal(t, got[[]string](t)(s.Receivers(ctx, g.clock())), []string{"im"})
	equal(t, due(t, g, s, 9), nil)
	ok(t, s.Bury(ctx, 1, ""))
	equal(t, due(t, g, s, 9), nil) // the second one waits as well
	g.pass(2 * time.Hour)
	equal(t, due(t, g, s, 9), []int64{3, 8})
}

func testQueueBounds(t *testing.T, g *ground) {
	g.opts.MaxQueue = 3
	s, ctx := g.open(t), t.Context()
	ok(t, s.Enqueue(ctx, events("a", "b")))
	is(t, s.Enqueue(ctx, events("c", "d")), ErrFull)
	ok(t, s.Enqueue(ctx, events("c")))
	is(t, s.Enqueue(ctx, events("d")), ErrFull)
	ok(t, s.Delivered(ctx, []int64{1, 1, 7}))
	ok(t, s.Bury(ctx, 2, ""))
	ok(t, s.Bury(ctx, 2, ""))
	ok(t, s.Enqueue(ctx, events("d", "e")))
	equal(t, got[int](t)(s.Replay(ctx, 1, []int64{2})), 1)
	is(t, s.Enqueue(ctx, events("f")), ErrFull)
	is(t, g.open(t).Enqueue(ctx, events("f")), ErrFull)
}

func testDead(t *testing.T, g *ground) {
	g.opts.MaxDead = 2
	s, ctx := g.open(t), t.Context()
	ok(t, s.Enqueue(ctx, events("a", "a", "b", "c")))
	for _, id := range []int64{1, 3, 4, 99} {
		ok(t, s.Bury(ctx, id, "gone"))
	}
	ok(t, s.Delivered(ctx, []int64{1})) // too late
	dead := got[[]Delivery](t)(s.Dead(ctx, 1, 10, 0))
	equal(t, idsOf(dead), []int64{1, 3, 4})
	equal(t, []any{dead[0].Fault, dead[0].Tries}, []any{"gone", 1})
	equal(t, idsOf(got[[]Delivery](t)(s.Dead(ctx, 1, 1, 1))), []int64{3})
	equal(t, idsOf(got[[]Delivery](t)(s.Dead(ctx, 2, 10, 0))), nil)
	equal(t, due(t, g, s, 10), []int64{2})
	equal(t, got[Backlog](t)(s.Backlog(ctx)), Backlog{Waiting: 1, Dead: 3, Oldest: noon})

	equal(t, got[int](t)(s.Replay(ctx, 2, nil)), 0)
	equal(t, got[int](t)(s.Replay(ctx, 1, []int64{3, 3, 99})), 1)
	equal(t, got[int](t)(s.Replay(ctx, 1, nil)), 2)
	revived := got[[]Delivery](t)(s.DueFor(ctx, "im", g.clock(), 10))
	equal(t, idsOf(revived), []int64{1, 2, 3, 4})
	equal(t, revived[0].Tries, 0)

	for _, id := range []int64{4, 1, 3} {
		ok(t, s.Bury(ctx, id, "gone"))
	}
	ok(t, s.clean(ctx)) // the oldest of three goes
	equal(t, idsOf(got[[]Delivery](t)(s.Dead(ctx, 1, 10, 0))), []int64{3, 4})
	equal(t, s.stats.dead.Load(), 2)
}

// What is over is not only hidden.
func testOver(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	got[bool](t)(s.PutAccount(ctx, 1, "ann", nil))
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r"}, nil))
	for i, until := range []time.Time{noon.Add(time.Minute), noon.Add(time.Hour)} {
		got[uint64](t)(s.KeepMessage(ctx, said("ann", ""), until))
		m := said("", "r")
		m.Seq = uint64(i + 1)
		ok(t, s.KeepRoomMessage(ctx, m, until))
		ok(t, s.SetMutes(ctx, 1, "r", []string{fmt.Sprint(i)}, until.Unix()))
		ok(t, s.SetBans(ctx, 1, "r", []string{fmt.Sprint(i)}, until.Unix()))
	}
	ok(t, s.clean(ctx))
	equal(t, rowsOf(t, s), map[string]int{"accounts": 1, "rooms": 1, "kept": 2, "history": 2, "mutes": 2, "bans": 2})
	g.pass(time.Minute)
	ok(t, s.clean(ctx))
	equal(t, rowsOf(t, s), map[string]int{"accounts": 1, "rooms": 1, "kept": 1, "history": 1, "mutes": 1, "bans": 1})
	equal(t, got[int](t)(s.Kept(ctx, 1, "ann")), 1)
	equal(t, s.stats.kept.Load(), 1)
}

// fill puts a row of everything into an app.
func fill(t *testing.T, s *Store, app int) {
	t.Helper()
	ctx := t.Context()
	ok(t, s.CreateApp(ctx, App{ID: app}))
	got[bool](t)(s.PutAccount(ctx, app, "ann", nil))
	ok(t, s.CreateRoom(ctx, app, Room{ID: "r"}, []Member{{Account: "ann"}}))
	ok(t, s.SetMutes(ctx, app, "r", []string{"ann"}, math.MaxUint32))
	ok(t, s.SetBans(ctx, app, "r", []string{"ann"}, math.MaxUint32))
	ok(t, s.DefineField(ctx, app, Field{Name: "f"}))
	got[Attributes](t)(s.ModifyAttributes(ctx, app, "r", func(a *Attributes) error { a.Values["a"] = "b"; return nil }))
	got[map[string]int64](t)(s.ModifyCounters(ctx, app, "r", count("a", 1)))
	ok(t, s.ModifySeats(ctx, app, "r", seat(Seat{Account: "ann"})))
	ok(t, s.AddWords(ctx, app, []string{"w"}))
	got[uint64](t)(s.KeepMessage(ctx, im.Message{App: app, To: "ann"}, noon.Add(time.Hour)))
	ok(t, s.KeepRoomMessage(ctx, im.Message{App: app, Room: "r", Seq: 1}, noon.Add(time.Hour)))
	ok(t, s.Enqueue(ctx, []Delivery{{App: app, Key: "a"}}))
}

var filled = map[string]int{
	"apps": 1, "accounts": 1, "kept": 1, "rooms": 1, "history": 1, "members": 1, "mutes": 1, "bans": 1, "attributes": 1,
	"counters": 1, "seats": 1, "fields": 1, "words": 1, "deliveries": 1,
}

func testDeleteApp(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	fill(t, s, 1)
	fill(t, s, 2)
	ok(t, s.DeleteApp(ctx, 1))
	equal(t, rowsOf(t, s), filled)
	equal(t, s.stats.waiting.Load(), 1)
	_, err := s.App(ctx, 2)
	ok(t, err)
}

func testDeleteRoom(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	fill(t, s, 1)
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r2"}, nil))
	ok(t, s.DeleteRoom(ctx, 1, "r"))
	left := maps.Clone(filled)
	for _, table := range []string{"history", "members", "mutes", "bans", "attributes", "counters", "seats"} {
		delete(left, table)
	}
	equal(t, rowsOf(t, s), left)
	// A room that takes the id begins anew.
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r"}, nil))
	equal(t, got[uint64](t)(s.ReserveSeq(ctx, 1, "r", 1)), 1)
}

// What comes from outside injects nothing, and what a database would not take is refused by both.
func testTexts(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	for _, id := range []string{"'; DROP TABLE accounts; --", `"`, "$1", "?", "%", "坏 😀", "a\u2028b"} {
		got[bool](t)(s.PutAccount(ctx, 1, id, map[string]string{"n": id}))
		equal(t, got[Account](t)(s.Account(ctx, 1, id)).Profile["n"], id)
	}
	for _, id := range []string{"a\x00", "\xff", "\xed\xa0\x80"} {
		_, err := s.PutAccount(ctx, 1, id, nil)
		is(t, err, ErrBadText)
		_, err = s.Account(ctx, 1, id)
		is(t, err, ErrBadText)
		is(t, s.AddWords(ctx, 1, []string{id}), ErrBadText)
	}
}

func testReopen(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	room := full()
	ok(t, s.CreateRoom(ctx, 1, room, nil))
	got[uint64](t)(s.ReserveSeq(ctx, 1, room.ID, 10))
	ok(t, s.Enqueue(ctx, events("a")))
	ok(t, s.Close())
	s = g.open(t)
	equal(t, got[Room](t)(s.Room(ctx, 1, room.ID)), room)
	equal(t, got[uint64](t)(s.ReserveSeq(ctx, 1, room.ID, 1)), 11)
	equal(t, s.stats.waiting.Load(), 1)
	equal(t, due(t, g, s, 1), []int64{1})
}

func testNewer(t *testing.T, g *ground) {
	s := g.open(t)
	_, err := s.writes.database.writes.ExecContext(t.Context(), "INSERT INTO schema_versions (version, applied) VALUES (1000, 0)")
	ok(t, err)
	ok(t, s.Close())
	_, err = Open(t.Context(), g.opts)
	is(t, err, ErrNewer)
	if !strings.Contains(err.Error(), "1000") {
		t.Error(err)
	}
}

// holdUp makes the store's writes wait for a while: those that are asked for meanwhile share a transaction.
func holdUp(t *testing.T, s *Store) (release func()) {
	t.Helper()
	held, let := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		var once sync.Once
		done <- s.write(t.Context(), "wait", func(access) error {
			once.Do(func() { close(held) })
			<-let
			return nil
		})
	}()
	<-held
	return func() {
		close(let)
		ok(t, <-done)
	}
}

// awaitWaiting waits until a number of writes wait.
func awaitWaiting(t *testing.T, s *Store, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		s.writes.mu.Lock()
		waiting := len(s.writes.waiting)
		s.writes.mu.Unlock()
		if waiting == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d writes wait, not %d", waiting, n)
		}
	}
}

// One write that fails takes none with it that shares its transaction.
func testFaultsStayApart(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r"}, nil))
	release := holdUp(t, s)
	var all sync.WaitGroup
	errs := make([]error, 4)
	all.Go(func() { errs[0] = s.CreateRoom(ctx, 1, Room{ID: "new"}, nil) })
	all.Go(func() { errs[1] = s.CreateRoom(ctx, 1, Room{ID: "r"}, nil) })
	all.Go(func() { errs[2] = s.SetMutes(ctx, 1, "none", []string{"a"}, 5) })
	all.Go(func() {
		errs[3] = s.write(ctx, "do half", func(a access) error {
			if _, err := a.exec("DELETE FROM rooms"); err != nil {
				return err
			}
			return errors.New("no")
		})
	})
	awaitWaiting(t, s, 4)
	release()
	all.Wait()
	ok(t, errs[0])
	is(t, errs[1], ErrExists)
	is(t, errs[2], ErrNotFound)
	if errs[3] == nil {
		t.Error("no error")
	}
	ids, _, _, err := s.Rooms(ctx, 1, "", 10, "")
	ok(t, err)
	equal(t, ids, []string{"new", "r"})
}

func testPanic(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	ok(t, s.CreateRoom(ctx, 1, Room{ID: "r"}, nil))
	_, err := s.ModifyRoom(ctx, 1, "r", func(*Room) error { panic("oh") })
	if err == nil || !strings.Contains(err.Error(), "oh") {
		t.Fatal(err)
	}
	ok(t, s.DeleteRoom(ctx, 1, "r"))
}

// Many write at once, of several processes where the database has them: no number twice, none left out, none out of order.
func testManyWriters(t *testing.T, g *ground) {
	stores := []*Store{g.open(t)}
	if g.opts.URL != "" {
		stores = append(stores, g.open(t))
	}
	ctx := t.Context()
	for _, to := range []string{"ann", "bob"} {
		got[bool](t)(stores[0].PutAccount(ctx, 1, to, nil))
	}
	ok(t, stores[0].CreateRoom(ctx, 1, Room{ID: "r"}, nil))
	const writers, each = 16, 20
	var all sync.WaitGroup
	for w := range writers {
		s, to := stores[w%len(stores)], []string{"ann", "bob"}[w/2%2]
		all.Go(func() {
			for range each {
				before := uint64(0)
				seq, err := s.KeepMessage(ctx, im.Message{App: 1, To: to, Level: uint32(w)}, noon.Add(time.Hour))
				if err != nil || seq <= before {
					t.Errorf("%d after %d: %v", seq, before, err)
					return
				}
				if err := s.Enqueue(ctx, []Delivery{{App: 1, Key: fmt.Sprint(w)}}); err != nil {
					t.Error(err)
				}
				if _, err := s.ModifyCounters(ctx, 1, "r", count("like", 1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	s := stores[0]
	for _, to := range []string{"ann", "bob"} {
		messages := got[[]im.Message](t)(s.KeptFor(ctx, 1, to, 0, 1000))
		for i, m := range messages {
			if m.Seq != uint64(i+1) {
				t.Fatalf("message %d has number %d", i, m.Seq)
			}
		}
		equal(t, len(messages), writers*each/2)
	}
	equal(t, rowsOf(t, s)["deliveries"], writers*each)
	equal(t, got[map[string]int64](t)(s.Counters(ctx, 1, "r")), map[string]int64{"like": writers * each})
}

func testClosed(t *testing.T, g *ground) {
	s := g.open(t)
	release := holdUp(t, s)
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		s.writes.mu.Lock()
		refuses := s.writes.closed
		s.writes.mu.Unlock()
		if refuses {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not close")
		}
	}
	is(t, s.AddWords(t.Context(), 1, []string{"w"}), ErrClosed)
	select {
	case err := <-closed:
		t.Fatal("it did not wait for a write: ", err)
	default:
	}
	release()
	ok(t, <-closed)
	ok(t, s.Close())
}

// Writes that come while another one is made share a transaction, up to a bound.
func testMany(t *testing.T, g *ground) {
	s, ctx := g.open(t), t.Context()
	release := holdUp(t, s)
	const writers = maxBatch + 10
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			if err := s.AddWords(ctx, 1, []string{fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	awaitWaiting(t, s, writers)
	release()
	all.Wait()
	equal(t, rowsOf(t, s)["words"], writers)
	equal(t, commitsOf(t, s), 3)
}
