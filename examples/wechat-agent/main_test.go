package main

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	sig "github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"weir/examples/wechat-agent/bridge"
	"weir/examples/wechat-agent/double"
)

const (
	app      = 1400000000
	key      = "c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7cafe"
	token    = "token"
	customer = "oCustomer-openid-28-letters"
)

// patience bounds every wait for an event.
func patience(t *testing.T) <-chan time.Time {
	t.Helper()
	return time.After(60 * time.Second)
}

func TestReadConfig(t *testing.T) {
	env := map[string]string{
		"ROOMS_URL": "https://live.example.com/", "ROOMS_APP": "1400000000", "ROOMS_KEY": "k", "WECHAT_TOKEN": "t", "WECHAT_APPID": "a", "WECHAT_SECRET": "s",
	}
	get := func(name string) string { return env[name] }
	c, err := readConfig(get)
	want := config{
		listen: ":9001", rooms: "https://live.example.com", key: "k", admin: "administrator", agent: "user1", app: app, token: "t",
		wechat: "https://api.weixin.qq.com", wechatID: "a", wechatSecret: "s",
	}
	if err != nil || c != want {
		t.Errorf("got %+v, %v", c, err)
	}
	for _, name := range slices.Collect(maps.Keys(env)) {
		before := env[name]
		delete(env, name)
		if _, err := readConfig(get); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
		env[name] = before
	}
	env["ROOMS_APP"] = "x"
	if _, err := readConfig(get); err == nil {
		t.Error("x is a number")
	}
}

// weir starts a real server that calls back, and returns its address. It is ended with the test.
func weir(t *testing.T, callback string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "weir")
	build := exec.Command("go", "build", "-o", program, "weir/cmd/weir")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the server: %v\n%s", err, out)
	}
	cmd := exec.Command(program, "serve")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WEIR_") }),
		"WEIR_HTTP_LISTEN=127.0.0.1:0", "WEIR_ADMIN_LISTEN=127.0.0.1:0", "WEIR_WEBRTC_LISTEN=127.0.0.1:0", "WEIR_RTMP_LISTEN=",
		"WEIR_DATA_DIR="+t.TempDir(), "WEIR_AUTH_KEY="+key, "WEIR_AUTH_APP_ID="+strconv.Itoa(app), "WEIR_LOG_FORMAT=json",
		"WEIR_IM_CALLBACK_URL="+callback, "WEIR_IM_CALLBACK_TOKEN=callback-token",
	)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	var log sync.WaitGroup
	log.Go(func() { follow(t, out, address) })
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		log.Wait()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	select {
	case a := <-address:
		return "http://" + a
	case <-patience(t):
		t.Fatal("the server does not listen")
		return ""
	}
}

// follow reads the server's log and tells where it listens.
func follow(t *testing.T, log io.Reader, address chan<- string) {
	in := bufio.NewScanner(log)
	for in.Scan() {
		var l struct{ Level, Msg, HTTP string }
		if json.Unmarshal(in.Bytes(), &l) == nil && l.HTTP != "" {
			select {
			case address <- l.HTTP:
			default:
			}
		}
		if l.Level == "ERROR" || l.Level == "WARN" {
			t.Logf("weir: %s", in.Bytes())
		}
	}
}

// stage is the example between a real server and WeChat's double.
type stage struct {
	weir, agent string // addresses
	wechat      *double.WeChat
	sends       int
}

func start(t *testing.T) *stage {
	t.Helper()
	s := &stage{wechat: double.New("appid", "secret")}
	t.Cleanup(s.wechat.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.agent = "http://" + listener.Addr().String()
	s.weir = weir(t, s.agent+"/imcallback")
	c := config{
		rooms: s.weir, app: app, key: key, admin: "administrator", agent: "user1", token: token, callbackToken: "callback-token",
		wechat: s.wechat.URL, wechatID: "appid", wechatSecret: "secret",
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, c, listener, slog.New(slog.NewTextHandler(t.Output(), nil))) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// customer does something in WeChat, and returns what it answers.
func (s *stage) customer(t *testing.T, kind, inside string) string {
	t.Helper()
	s.sends++
	query := url.Values{"timestamp": {"1777636800"}, "nonce": {strconv.Itoa(s.sends)}}
	parts := []string{token, "1777636800", strconv.Itoa(s.sends)}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	query.Set("signature", hex.EncodeToString(sum[:]))
	body := fmt.Sprintf("<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime>"+
		"<MsgType><![CDATA[%s]]></MsgType>%s</xml>", customer, 1777636800+s.sends, kind, inside)
	resp, err := http.Post(s.agent+"/?"+query.Encode(), "text/xml", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.StatusCode, err)
	}
	return string(text)
}

// imported asks the server whether an account is known.
func (s *stage) imported(t *testing.T, id string) bool {
	t.Helper()
	userSig, err := sig.GenUserSig(app, key, "administrator", 86400*180)
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{"sdkappid": {strconv.Itoa(app)}, "identifier": {"administrator"}, "usersig": {userSig}, "random": {"1"}, "contenttype": {"json"}}
	resp, err := http.Post(s.weir+"/v4/im_open_login_svc/account_check?"+query.Encode(), "application/json", strings.NewReader(`{"CheckItem":[{"UserID":"`+id+`"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		ErrorCode  int
		ResultItem []struct{ AccountStatus string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.ErrorCode != 0 || len(answer.ResultItem) != 1 {
		t.Fatal(answer, err)
	}
	return answer.ResultItem[0].AccountStatus == "Imported"
}

// TestEndToEnd: a customer comes, asks, is answered, and leaves, with a real server in between (C01, C02, C04 to C06, C09 to
// C12, C16).
func TestEndToEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and runs the server")
	}
	s := start(t)
	if reply := s.customer(t, "event", "<Event>subscribe</Event>"); !strings.Contains(reply, bridge.Welcome) || !s.imported(t, customer) {
		t.Fatalf("C04: %s", reply)
	}
	userSig, err := sig.GenUserSig(app, key, "user1", 3600)
	if err != nil {
		t.Fatal(err)
	}
	agent := connect(t, s.weir, app, "user1", userSig)
	if reply := s.customer(t, "text", "<Content><![CDATA[How much is <it>?]]></Content><MsgId>1</MsgId>"); !strings.Contains(reply, "Transferring you") {
		t.Fatalf("C06: %s", reply)
	}
	if text := agent.inquiry(customer); text != "Inquiry from a WeChat subscription account: How much is <it>?" {
		t.Errorf("C01: %q", text)
	}
	// The access token ends in between.
	s.wechat.Revoke()
	agent.answer(customer, "100 yuan & shipping")
	s.wait(t, "an answer", func() bool { return len(s.wechat.Sent()) == 1 })
	if list := s.wechat.Sent(); list[0] != (double.Text{To: customer, Content: "100 yuan & shipping"}) {
		t.Errorf("C02: %q", list)
	}
	// WeChat is away for a moment: the server's queue tries again.
	s.wechat.Refuse(-1)
	agent.answer(customer, "and a gift")
	s.wait(t, "a refusal", func() bool { return s.wechat.Refused() > 0 })
	s.wechat.Refuse(0)
	s.wait(t, "another try", func() bool { return len(s.wechat.Sent()) == 2 })
	if list := s.wechat.Sent(); list[1].Content != "and a gift" {
		t.Errorf("C02: %q", list)
	}
	if reply := s.customer(t, "event", "<Event>unsubscribe</Event>"); reply != "success" || s.imported(t, customer) {
		t.Errorf("C05: %s", reply)
	}
}

// wait waits for something that WeChat was asked.
func (s *stage) wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	timeout := patience(t)
	for {
		more := s.wechat.More()
		if is() {
			return
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("waited in vain for %s; sent were %q", what, s.wechat.Sent())
		}
	}
}

// TestRunRefuses: what is wrong is said at the start.
func TestRunRefuses(t *testing.T) {
	env := map[string]string{
		"ROOMS_URL": "http://127.0.0.1:1", "ROOMS_APP": "1400000000", "ROOMS_KEY": key, "WECHAT_TOKEN": "t", "WECHAT_APPID": "a", "WECHAT_SECRET": "s",
		"LISTEN": "127.0.0.1:0",
	}
	log := slog.New(slog.DiscardHandler)
	err := run(t.Context(), func(name string) string { return env[name] }, log)
	var network *net.OpError
	if !errors.As(err, &network) || strings.Contains(err.Error(), "usersig") {
		t.Errorf("nobody answers: %v", err)
	}
	env["LISTEN"] = "127.0.0.1:x"
	if err := run(t.Context(), func(name string) string { return env[name] }, log); err == nil {
		t.Error("it listens nowhere")
	}
	if err := run(t.Context(), func(string) string { return "" }, log); err == nil {
		t.Error("it runs without a configuration")
	}
}
