package wechat_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/examples/wechat-agent/double"
	"weir/examples/wechat-agent/wechat"
)

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func client(t *testing.T) (*wechat.Client, *double.WeChat, *clock) {
	t.Helper()
	d := double.New("appid", "secret")
	t.Cleanup(d.Close)
	at := &clock{now: time.Unix(1777636800, 0)}
	return &wechat.Client{Base: d.URL, ID: "appid", Secret: "secret", HTTP: http.DefaultClient, Now: at.Now}, d, at
}

// TestAccessToken: one is fetched for many messages, and another shortly before its end, or when WeChat no longer takes it.
func TestAccessToken(t *testing.T) {
	c, d, at := client(t)
	send := func(text string, tokens int) {
		t.Helper()
		if err := c.Send(t.Context(), "oABC", text); err != nil {
			t.Fatal(err)
		}
		if n := d.Tokens(); n != tokens {
			t.Errorf("%s: %d tokens were fetched, want %d", text, n, tokens)
		}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := c.Send(t.Context(), "oABC", "at once"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	send("one", 1)
	at.add(2*time.Hour - 6*time.Minute)
	send("two", 1)
	at.add(2 * time.Minute)
	send("three", 2)
	d.Revoke()
	send("four", 3)
	if list := d.Sent(); len(list) != 12 || list[11] != (double.Text{To: "oABC", Content: "four"}) {
		t.Errorf("got %v", list)
	}
}

func TestLongTexts(t *testing.T) {
	c, d, _ := client(t)
	text := strings.Repeat("é&<", 1500)
	if err := c.Send(t.Context(), "oABC", text); err != nil {
		t.Fatal(err)
	}
	var whole strings.Builder
	for _, part := range d.Sent() {
		if len(part.Content) > 2048 || strings.ContainsRune(part.Content, '�') {
			t.Errorf("a part of %d bytes: %s", len(part.Content), part.Content)
		}
		whole.WriteString(part.Content)
	}
	if whole.String() != text {
		t.Error("the text is another")
	}
}

func TestRefusals(t *testing.T) {
	c, d, _ := client(t)
	d.Refuse(45015)
	err := c.Send(t.Context(), "oABC", "late")
	if e := (*wechat.Error)(nil); !errors.As(err, &e) || e.Code != 45015 || !wechat.Final(err) {
		t.Errorf("got %v", err)
	}
	d.Refuse(-1)
	if err := c.Send(t.Context(), "oABC", "busy"); err == nil || wechat.Final(err) {
		t.Errorf("got %v", err)
	}
	c.Secret = "wrong-canary"
	d.Refuse(0)
	d.Revoke()
	if err := c.Send(t.Context(), "oABC", "x"); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
	d.Close()
	if err := c.Send(t.Context(), "oABC", "x"); err == nil || wechat.Final(err) || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "access_token") {
		t.Errorf("got %v", err)
	}
}

func TestSlowWeChat(t *testing.T) {
	c, d, _ := client(t)
	d.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Send(ctx, "oABC", "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
