package v4

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/room/auth"
	"weir/room/im"
)

// answerOf reads the base of an answer.
func answerOf(t *testing.T, w *httptest.ResponseRecorder) base {
	t.Helper()
	var b base
	if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if (b.ActionStatus == "OK") != (b.ErrorCode == 0) || b.RequestID == "" {
		t.Errorf("an answer is %+v", b)
	}
	return b
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

const kickPath = "/v4/im_open_login_svc/kick"

// Chapter 2 and 7: what a query lacks, or has wrong.
func TestEnvelope(t *testing.T) {
	for _, tc := range []struct {
		target string
		code   int
	}{
		{kickPath + query, 0},
		{kickPath + "?usersig=sig&contenttype=json&identifier=admin&sdkappid=1400000000", 0}, // the order is free
		{kickPath, 60012},
		{kickPath + "?sdkappid=&identifier=admin&usersig=sig", 60012},
		{kickPath + "?SdkAppid=1400000000&identifier=admin&usersig=sig", 60012}, // the case counts
		{kickPath + "?sdkappid=x&identifier=admin&usersig=sig", 60006},
		{kickPath + "?sdkappid=-1&identifier=admin&usersig=sig", 60006},
		{kickPath + "?sdkappid=1400000000&usersig=sig", 60004},
		{kickPath + "?sdkappid=1400000000&identifier=admin", 60005},
		{kickPath + "?sdkappid=1400000000&identifier=admin&usersig=sig&x=%zz", 60002},
		{"/v4/im_open_login_svc/none" + query, 60009},
		{"/v4/none/kick" + query, 60009},
		{"/v4/group_open_http_svc/kick" + query, 10003},
	} {
		if got := answerOf(t, send(over(new(domain)), http.MethodPost, tc.target, "", `{"Identifier":"u1"}`)); got.ErrorCode != tc.code {
			t.Errorf("%s: %+v, want %d", tc.target, got, tc.code)
		}
	}
}

// Chapter 7: what is wrong with who asks. Nothing is done, nor read of the body.
func TestWhoAsks(t *testing.T) {
	for _, tc := range []struct {
		err  error
		code int
	}{
		{auth.ErrUnknownApp, 70020},
		{auth.ErrExpired, 70001},
		{auth.ErrBadToken, 70003},
		{fmt.Errorf("%w: its base64 is wrong", auth.ErrBadToken), 70003},
		{auth.ErrForged, 70009},
		{auth.ErrWrongUser, 70013},
		{auth.ErrWrongApp, 70014},
		{auth.ErrForbidden, 60010},
		{auth.ErrNoToken, 60005},
		{errors.New("the disk is gone"), 70500},
	} {
		d := &domain{admin: tc.err}
		body := &counting{}
		r := httptest.NewRequest(http.MethodPost, kickPath+query, body)
		w := httptest.NewRecorder()
		mux := http.NewServeMux()
		mux.Handle("POST /v4/{service}/{command}", over(d, func(o *Options) { o.Log = quiet() }))
		mux.ServeHTTP(w, r)
		if got := answerOf(t, w); got.ErrorCode != tc.code || d.trace.Len() > 0 || body.read > 0 {
			t.Errorf("%v: %+v, want %d; %d bytes of the body were read, called: %s", tc.err, got, tc.code, body.read, &d.trace)
		}
	}
}

// counting is a body without end.
type counting struct{ read int }

func (c *counting) Read(p []byte) (int, error) {
	c.read += len(p)
	return len(p), nil
}

// TestTooManyBadTokens: tokens that do not match are told from others only up to a number in a minute and network. It
// keeps nobody out who has a good one.
func TestTooManyBadTokens(t *testing.T) {
	d, now := &domain{admin: auth.ErrForged}, noon
	a := over(d, func(o *Options) { o.Now = func() time.Time { return now } })
	code := func() int {
		return answerOf(t, send(a, http.MethodPost, kickPath+query, "", `{"Identifier":"u1"}`)).ErrorCode
	}
	for i := range badSigs {
		if got := code(); got != 70009 {
			t.Fatalf("token %d: %d", i, got)
		}
	}
	if got := code(); got != 70050 {
		t.Errorf("then: %d", got)
	}
	d.admin = nil
	if got := code(); got != 0 {
		t.Errorf("a good one: %d", got)
	}
	d.admin, now = auth.ErrForged, now.Add(badSigsFor)
	if got := code(); got != 70009 {
		t.Errorf("a minute later: %d", got)
	}
}

// Chapter 2: a rate for each command of each app.
func TestRates(t *testing.T) {
	now := noon
	a := over(new(domain), func(o *Options) {
		o.PerSecond, o.Now = 3, func() time.Time { return now }
		o.Rates = map[string]int{"openim_dirty_words/get": 2}
	})
	for _, tc := range []struct {
		command, body string
		most          int
	}{
		{"im_open_login_svc/kick", `{"Identifier":"u1"}`, 3},
		{"openim_dirty_words/get", `{}`, 2},
		{"group_open_http_svc/send_broadcast_msg", `{"Random":1,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"hi"}}]}`, 1},
	} {
		for range 2 {
			for range tc.most {
				if got := ask(t, a, tc.command, "", tc.body); !strings.Contains(got, `"ErrorCode":0`) {
					t.Errorf("%s: %s", tc.command, got)
				}
			}
			if got := ask(t, a, tc.command, "", tc.body); !strings.Contains(got, `"ErrorCode":60007`) {
				t.Errorf("%s, more than %d: %s", tc.command, tc.most, got)
			}
			now = now.Add(time.Second)
		}
	}
}

// Chapter 2: a call has 3 s.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		a := over(new(domain), func(o *Options) { o.People = stuck{} })
		got := answerOf(t, send(a, http.MethodPost, kickPath+query, "", `{"Identifier":"u1"}`))
		if took := time.Since(began); got.ErrorCode != 60008 || took != 3*time.Second {
			t.Errorf("%+v after %v", got, took)
		}
	})
}

// stuck are accounts that nobody can end the sessions of.
type stuck struct{ folk }

func (stuck) Kick(ctx context.Context, _ int, _ string) error {
	<-ctx.Done()
	return fmt.Errorf("cannot kick: %w", ctx.Err())
}

func TestCounterIsBounded(t *testing.T) {
	c := newCounter[int](time.Second, func() time.Time { return noon })
	for i := range maxCounted {
		if !c.allow(i, 1) {
			t.Fatalf("%d is refused", i)
		}
	}
	if c.allow(-1, 1) || c.allow(0, 1) || !c.allow(0, 2) {
		t.Error("a new key is taken, or a known one is not")
	}
}

// Chapter 7: errors of the domain in the numbers of each service.
func TestErrorsOfTheDomain(t *testing.T) {
	for _, tc := range []struct {
		command, body string
		err           error
		want          string
	}{
		{"im_open_login_svc/account_import", `{"Identifier":"u1"}`, im.ErrBadAccount, "70402 the account id is invalid"},
		{"im_open_login_svc/kick", `{"Identifier":"u1"}`, im.ErrUnknownAccount, "70107 the account does not exist"},
		{"profile/portrait_set", `{"From_Account":"u1","ProfileItem":[{"Tag":"x","Value":"y"}]}`, im.ErrUnknownAccount, "40003 the account does not exist"},
		{"group_open_http_svc/destroy_group", `{"GroupId":"live"}`, im.ErrNoRoom, "10010 the room does not exist"},
		{"group_open_http_svc/destroy_group", `{"GroupId":"live"}`, fmt.Errorf("cannot destroy: %w", im.ErrNoPermission), "10007 no permission"},
		{"group_open_http_svc/create_group", `{"Type":"Public","Name":"n"}`, im.ErrRoomTaken, "10021 the room id is taken"},
		{"group_open_http_svc/create_group", `{"Type":"Public","Name":"n"}`, im.ErrRoomYours, "10025 the room id is taken by the same owner"},
		{"group_open_http_svc/destroy_group", `{"GroupId":"live"}`, errors.New("disk full at /var/secret"), "10002 internal error"},
		{"group_open_http_svc/destroy_group", `{"GroupId":"live"}`, context.DeadlineExceeded, "60008 the call took longer than 3 s"},
		{"openim_dirty_words/get", `{}`, im.ErrInternal, "91000 internal error"},
		{"group_open_http_svc/get_online_member_num", `{"GroupId":"live"}`, im.Refused(10150, "not today"), "10150 not today"},
	} {
		d := &domain{err: tc.err}
		w := send(over(d, func(o *Options) { o.Log = quiet() }), http.MethodPost, "/v4/"+tc.command+query, "", tc.body)
		if got := answerOf(t, w); fmt.Sprint(got.ErrorCode, " ", got.ErrorInfo) != tc.want {
			t.Errorf("%s, %v: %+v, want %s", tc.command, tc.err, got, tc.want)
		}
	}
}

// A message of the profile service says the same twice (chapter 2).
func TestErrorDisplay(t *testing.T) {
	got := answerOf(t, send(over(&domain{err: im.ErrBadProfile}), http.MethodPost, "/v4/profile/portrait_get"+query, "", `{"To_Account":["u1"]}`))
	if got.ErrorDisplay == nil || *got.ErrorDisplay != got.ErrorInfo || got.ErrorCode != 40001 {
		t.Errorf("%+v", got)
	}
}

// Chapter 6: an answer has 1 MB at most.
func TestAnswerTooLarge(t *testing.T) {
	d := &domain{}
	for i := range maxListed {
		d.list = append(d.list, fmt.Sprintf("%0128d", i))
	}
	if got := answerOf(t, send(over(d), http.MethodPost, "/v4/group_open_http_svc/get_appid_group_list"+query, "", `{}`)); got.ErrorCode != 10018 {
		t.Errorf("%+v", got)
	}
}

// Chapter 6: Next is a number, and leads through the whole list.
func TestPagesOfGroups(t *testing.T) {
	d := &domain{list: []string{"a", "b", "c", "d", "e"}}
	a, got, next := over(d), "", 0
	for page := range 4 {
		var answer struct {
			TotalCount  int
			GroupIDList []groupID `json:"GroupIdList"`
			Next        int
		}
		text := ask(t, a, "group_open_http_svc/get_appid_group_list", "", fmt.Sprintf(`{"Limit":2,"Next":%d}`, next))
		if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.TotalCount != 5 {
			t.Fatal(text, err)
		}
		for _, g := range answer.GroupIDList {
			got += g.GroupID
		}
		if next = answer.Next; next == 0 {
			if page != 2 {
				t.Errorf("%d pages", page+1)
			}
			break
		}
	}
	if got != "abcde" {
		t.Errorf("the pages have %s", got)
	}
	if text := ask(t, a, "group_open_http_svc/get_appid_group_list", "", `{"Next":5}`); !strings.Contains(text, `"GroupIdList":[],"Next":0`) {
		t.Errorf("behind the end: %s", text)
	}
}

// A body that is too long, or does not come, is refused in the envelope as well.
func TestBodies(t *testing.T) {
	a := over(new(domain))
	long := `{"Identifier":"` + strings.Repeat("x", maxBody) + `"}`
	if got := answerOf(t, send(a, http.MethodPost, kickPath+query, "", long)); got.ErrorCode != 60002 {
		t.Errorf("%+v", got)
	}
	for err, want := range map[error]int{os.ErrDeadlineExceeded: 60008, errors.New("reset"): 60002} {
		r := httptest.NewRequest(http.MethodPost, kickPath+query, failing{err})
		w := httptest.NewRecorder()
		mux := http.NewServeMux()
		mux.Handle("POST /v4/{service}/{command}", a)
		mux.ServeHTTP(w, r)
		if got := answerOf(t, w); got.ErrorCode != want {
			t.Errorf("%v: %+v", err, got)
		}
	}
}

// failing is a body that ends with an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestStats(t *testing.T) {
	d := new(domain)
	a := over(d, func(o *Options) { o.Log = quiet() })
	ask(t, a, "im_open_login_svc/kick", "", `{"Identifier":"u1"}`)
	ask(t, a, "im_open_login_svc/kick", "", `{}`)
	ask(t, a, "made/up", "", `{}`)
	for _, err := range []error{errors.New("disk full"), fmt.Errorf("%w: disk full", im.ErrInternal)} {
		d.err = err
		ask(t, a, "im_open_login_svc/kick", "", `{"Identifier":"u1"}`)
	}
	const want = `
# HELP weir_rest_calls_total Calls of /v4 by command and result: ok, refused, or failed by a fault of the server.
# TYPE weir_rest_calls_total counter
weir_rest_calls_total{command="im_open_login_svc/kick",result="failed"} 2
weir_rest_calls_total{command="im_open_login_svc/kick",result="ok"} 1
weir_rest_calls_total{command="im_open_login_svc/kick",result="refused"} 1
weir_rest_calls_total{command="unknown",result="refused"} 1
`
	if err := testutil.CollectAndCompare(a.Stats(), strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// TestInParts: what old programs send at once becomes what the rooms take at once.
func TestInParts(t *testing.T) {
	d, ids := new(domain), make([]string, 0, 250)
	for i := range 250 {
		ids = append(ids, fmt.Sprintf("%q", fmt.Sprint(i)))
	}
	command := "group_open_http_svc/forbid_send_msg"
	if got := ask(t, over(d), command, "", `{"GroupId":"live","MuteTime":1,"Members_Account":[`+strings.Join(ids, ",")+`]}`); !strings.Contains(got, `"ErrorCode":0`) {
		t.Error(got)
	}
	if got := strings.Count(d.trace.String(), "Mute "); got != 3 {
		t.Errorf("%d calls", got)
	}
	d.err = im.ErrNoRoom
	d.trace.Reset()
	if got := ask(t, over(d), command, "", `{"GroupId":"live","MuteTime":1,"Members_Account":[`+strings.Join(ids, ",")+`]}`); !strings.Contains(got, `"ErrorCode":10010`) || strings.Count(d.trace.String(), "Mute ") != 1 {
		t.Errorf("%s\n%.100s", got, &d.trace)
	}
}

// TestTooMuchAtOnce: each list that has a limit, with one more.
func TestTooMuchAtOnce(t *testing.T) {
	many := func(n int, one string) string { return "[" + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + "]" }
	for _, tc := range []struct {
		command, body string
		code          int
	}{
		{"im_open_login_svc/multiaccount_import", `{"Accounts":` + many(101, `"u"`) + `}`, 70402},
		{"im_open_login_svc/multiaccount_import", `{"Accounts":` + many(50, `"u"`) + `,"AccountList":` + many(51, `{"UserID":"u"}`) + `}`, 70402},
		{"im_open_login_svc/account_delete", `{"DeleteItem":` + many(101, `{"UserID":"u"}`) + `}`, 70402},
		{"im_open_login_svc/account_check", `{"CheckItem":` + many(101, `{"UserID":"u"}`) + `}`, 70402},
		{"openim/query_online_status", `{"To_Account":` + many(501, `"u"`) + `}`, 90011},
		{"openim/batchsendmsg", `{"MsgRandom":1,"MsgBody":[{}],"To_Account":` + many(501, `"u"`) + `}`, 90011},
		{"openim/sendmsg", `{"MsgRandom":1,"MsgBody":[{}],"To_Account":"u","MsgLifeTime":604801}`, 90026},
		{"openim/sendmsg", `{"MsgRandom":1,"MsgBody":[{}],"To_Account":"u","MsgLifeTime":-1}`, 90026},
		{"openim/sendmsg", `{"MsgRandom":1,"MsgBody":[{}],"To_Account":"u","SyncOtherMachine":3}`, 90031},
		{"openim/sendmsg", `{"MsgRandom":1,"MsgBody":[{}],"To_Account":"u","MsgTimeStamp":-1}`, 90006},
		{"openim/sendmsg", `{"MsgRandom":4294967296,"MsgBody":[{}],"To_Account":"u"}`, 90005},
		{"openim/sendmsg", `{"MsgRandom":-1,"MsgBody":[{}],"To_Account":"u"}`, 90005},
		{"openim/sendmsg", `{"MsgRandom":1,"MsgBody":[],"To_Account":"u"}`, 90007},
		{"profile/portrait_get", `{"To_Account":` + many(101, `"u"`) + `}`, 40001},
		{"profile/portrait_set", `{"From_Account":"u","ProfileItem":[{"Tag":"x","Value":{}}]}`, 40001},
		{"group_open_http_svc/get_group_info", `{"GroupIdList":` + many(51, `"u"`) + `}`, 10004},
		{"group_open_http_svc/get_appid_group_list", `{"Limit":10001}`, 10004},
		{"group_open_http_svc/get_appid_group_list", `{"Next":-1}`, 10004},
		{"group_open_http_svc/get_group_member_info", `{"GroupId":"live","Limit":6001}`, 10004},
		{"group_open_http_svc/get_group_member_info", `{"GroupId":"live","Offset":-1}`, 10004},
		{"group_open_http_svc/get_group_ban_member", `{"GroupId":"live","Limit":101}`, 10004},
		{"group_open_http_svc/add_group_member", `{"GroupId":"club","MemberList":` + many(301, `{"Member_Account":"u"}`) + `}`, 10005},
		{"group_open_http_svc/delete_group_member", `{"GroupId":"club","MemberToDel_Account":` + many(501, `"u"`) + `}`, 10005},
		{"group_open_http_svc/forbid_send_msg", `{"GroupId":"live","MuteTime":1,"Members_Account":` + many(501, `"u"`) + `}`, 10005},
		{"group_open_http_svc/ban_group_member", `{"GroupId":"live","Duration":1,"Members_Account":` + many(21, `"u"`) + `}`, 10005},
		{"group_open_http_svc/unban_group_member", `{"GroupId":"live","Members_Account":` + many(21, `"u"`) + `}`, 10005},
		{"group_open_http_svc/send_group_system_notification", `{"GroupId":"live","Content":"x","ToMembers_Account":` + many(501, `"u"`) + `}`, 10005},
		{"group_open_http_svc/modify_group_base_info", `{"GroupId":"live","MuteAllMember":"on"}`, 10004},
		{"openconfigsvr/setnospeaking", `{"Set_Account":"u"}`, 70402},
	} {
		d := new(domain)
		if got := answerOf(t, send(over(d), http.MethodPost, "/v4/"+tc.command+query, "", tc.body)); got.ErrorCode != tc.code || d.trace.Len() > 0 {
			t.Errorf("%s %.60s: %+v, want %d; called: %.100s", tc.command, tc.body, got, tc.code, &d.trace)
		}
	}
}

func TestParseRates(t *testing.T) {
	got, err := ParseRates([]string{"openim/sendmsg=500", "group_open_http_svc/send_broadcast_msg=0"})
	if err != nil || len(got) != 2 || got["openim/sendmsg"] != 500 {
		t.Error(got, err)
	}
	for _, bad := range []string{"", "openim/sendmsg", "openim/sendmsg=x", "openim/sendmsg=-1", "openim/none=1", "none/sendmsg=1", "openim=1"} {
		if got, err := ParseRates([]string{bad}); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}

// TestSlowBody: over a real connection, a body that does not come is answered.
func TestSlowBody(t *testing.T) {
	t.Parallel() // it takes three seconds
	mux := http.NewServeMux()
	mux.Handle("POST /v4/{service}/{command}", over(new(domain)))
	server := httptest.NewServer(mux)
	defer server.Close()
	body, end := io.Pipe()
	defer end.Close()
	r, err := http.NewRequest(http.MethodPost, server.URL+kickPath+query, body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var b base
	if err := json.NewDecoder(answer.Body).Decode(&b); err != nil || b.ErrorCode != 60008 {
		t.Errorf("%+v, %v", b, err)
	}
}
