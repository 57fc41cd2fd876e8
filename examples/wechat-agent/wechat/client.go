package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 64 << 10
	// maxText is how much text one message to a customer may have, in bytes.
	maxText = 2048
	// early is how long before its end an access token is replaced.
	early = 5 * time.Minute
)

// Error is a refusal by WeChat.
type Error struct {
	Code int    `json:"errcode"`
	Info string `json:"errmsg"`
}

func (e *Error) Error() string { return fmt.Sprintf("WeChat refuses with %d: %s", e.Code, e.Info) }

// stale tells whether the access token is no longer good.
func (e *Error) stale() bool { return e.Code == 40001 || e.Code == 40014 || e.Code == 42001 }

// Final tells whether another try is for nothing: the customer is unknown, has left, or wrote nothing for 48 hours.
func Final(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case 40003, 43004, 43005, 45015, 45047:
		return true
	default:
		return false
	}
}

// Client writes to customers. It is safe for concurrent use.
type Client struct {
	Base       string // https://api.weixin.qq.com
	ID, Secret string // of the subscription account
	HTTP       *http.Client
	Now        func() time.Time

	mu    sync.Mutex // guards the fields below, and is held while a token is fetched
	token string
	until time.Time
}

// Send writes a text to a customer, in several messages if it is long. An access token that WeChat no longer takes is
// replaced once.
func (c *Client) Send(ctx context.Context, to, text string) error {
	for len(text) > 0 {
		part := head(text)
		if err := c.send(ctx, to, part); err != nil {
			return fmt.Errorf("cannot write to a customer: %w", err)
		}
		text = text[len(part):]
	}
	return nil
}

// head is as much of a text as goes into one message.
func head(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > maxText-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

func (c *Client) send(ctx context.Context, to, text string) error {
	token, err := c.accessToken(ctx, "")
	if err != nil {
		return err
	}
	err = c.post(ctx, token, to, text)
	var refusal *Error
	if errors.As(err, &refusal) && refusal.stale() {
		if token, err = c.accessToken(ctx, token); err != nil {
			return err
		}
		err = c.post(ctx, token, to, text)
	}
	return err
}

// accessToken is the present access token, another one than the bad one.
func (c *Client) accessToken(ctx context.Context, bad string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" && c.token != bad && c.Now().Before(c.until) {
		return c.token, nil
	}
	query := url.Values{"grant_type": {"client_credential"}, "appid": {c.ID}, "secret": {c.Secret}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Base+"/cgi-bin/token?"+query.Encode(), nil)
	if err != nil {
		return "", errors.New("the address of WeChat is malformed")
	}
	var got struct {
		Token   string `json:"access_token"`
		Seconds int64  `json:"expires_in"`
		Error
	}
	if err := c.do(req, &got); err != nil {
		return "", err
	}
	if got.Token == "" {
		return "", &got.Error
	}
	c.token, c.until = got.Token, c.Now().Add(time.Duration(got.Seconds)*time.Second-early)
	return c.token, nil
}

func (c *Client) post(ctx context.Context, token, to, text string) error {
	type content struct {
		Content string `json:"content"`
	}
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false) // customers would see \u0026
	err := e.Encode(struct {
		To   string  `json:"touser"`
		Type string  `json:"msgtype"`
		Text content `json:"text"`
	}{to, TypeText, content{text}})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Base+"/cgi-bin/message/custom/send?access_token="+url.QueryEscape(token), &body)
	if err != nil {
		return errors.New("the address of WeChat is malformed")
	}
	req.Header.Set("Content-Type", "application/json")
	var got Error
	if err := c.do(req, &got); err != nil {
		return err
	}
	if got.Code != 0 {
		return &got
	}
	return nil
}

// do sends a request and reads the answer. The address is in no error: it holds the secret or the token.
func (c *Client) do(req *http.Request, answer any) error {
	resp, err := c.HTTP.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return fmt.Errorf("cannot reach WeChat: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("WeChat answers %d", resp.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(answer); err != nil {
		return fmt.Errorf("WeChat answers no JSON: %w", err)
	}
	return nil
}
