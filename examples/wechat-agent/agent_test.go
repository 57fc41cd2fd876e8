package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// agent is the agent's client: the room's channel over plain HTTP (/im/http_stream and /im/emulation), with the engine's JSON
// protocol as far as it is needed.
type agent struct {
	t       *testing.T
	base    string
	session string
	node    string
	lines   chan line // closed at the end of the connection
	last    int
}

// line is what the server sends.
type line struct {
	ID    int `json:"id"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	Connect *struct {
		Session string `json:"session"`
		Node    string `json:"node"`
	} `json:"connect"`
	RPC  json.RawMessage `json:"rpc"`
	Push *struct {
		Pub *struct {
			Data struct {
				Messages []message `json:"m"`
			} `json:"data"`
		} `json:"pub"`
	} `json:"push"`
}

// message is one that the agent got.
type message struct {
	From string `json:"f"`
	Body []struct {
		Content struct{ Text string } `json:"MsgContent"`
	} `json:"b"`
}

func (m message) text() string {
	var text strings.Builder
	for _, e := range m.Body {
		text.WriteString(e.Content.Text)
	}
	return text.String()
}

// connect logs an account in.
func connect(t *testing.T, base string, app int, user, userSig string) *agent {
	t.Helper()
	command, err := json.Marshal(map[string]any{
		"id": 1, "connect": map[string]any{"token": userSig, "data": map[string]any{"app": app, "user": user, "platform": "Web"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/im/http_stream", bytes.NewReader(command))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	a := &agent{t: t, base: base, lines: make(chan line, 1000), last: 1}
	ended := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = resp.Body.Close()
	})
	go func() {
		defer close(ended)
		defer close(a.lines)
		in := bufio.NewScanner(resp.Body)
		for in.Scan() {
			var l line
			if err := json.Unmarshal(in.Bytes(), &l); err != nil {
				t.Errorf("%s: %v", in.Bytes(), err)
			}
			select {
			case a.lines <- l:
			case <-ctx.Done():
				return
			}
		}
	}()
	hello := a.want("a welcome", func(l line) bool { return l.ID == 1 })
	if hello.Connect == nil {
		t.Fatalf("not let in: %+v", hello.Error)
	}
	a.session, a.node = hello.Connect.Session, hello.Connect.Node
	return a
}

// want waits for a line.
func (a *agent) want(what string, is func(line) bool) line {
	a.t.Helper()
	timeout := patience(a.t)
	for {
		select {
		case l, ok := <-a.lines:
			if !ok {
				a.t.Fatalf("the connection ended before %s", what)
			}
			if is(l) {
				return l
			}
		case <-timeout:
			a.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// inquiry waits for a message from somebody.
func (a *agent) inquiry(from string) string {
	a.t.Helper()
	var text string
	a.want("a message from "+from, func(l line) bool {
		if l.Push == nil || l.Push.Pub == nil {
			return false
		}
		for _, m := range l.Push.Pub.Data.Messages {
			if m.From == from {
				text = m.text()
				return true
			}
		}
		return false
	})
	return text
}

// answer writes to somebody.
func (a *agent) answer(to, text string) {
	a.t.Helper()
	a.last++
	command := fmt.Sprintf(`{"id":%d,"rpc":{"method":"c2c.send","data":{"to":%q,"random":%d,"body":[{"MsgType":"TIMTextElem","MsgContent":{"Text":%q}}]}}}`,
		a.last, to, a.last, text)
	body, err := json.Marshal(map[string]string{"session": a.session, "node": a.node, "data": command})
	if err != nil {
		a.t.Fatal(err)
	}
	resp, err := http.Post(a.base+"/im/emulation", "application/json", bytes.NewReader(body))
	if err != nil || resp.StatusCode/100 != 2 {
		a.t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
	id := a.last
	if got := a.want("that it was sent", func(l line) bool { return l.ID == id }); got.Error != nil {
		a.t.Fatalf("not sent: %+v", got.Error)
	}
}
