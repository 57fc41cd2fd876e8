// Package im calls the IM REST interface of weir, which is that of the cloud: accounts and messages between two of them. Whoever
// wrote such calls before changes the host alone. It starts no goroutine.
package im

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	sig "github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"
)

const (
	// sigLife is how long a UserSig of ours is good, sigRenew how long it is used.
	sigLife, sigRenew = 180 * 24 * time.Hour, 24 * time.Hour
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 1 << 20
	// MessageLife is how long a message waits for an agent who is away.
	MessageLife = time.Minute
)

// Error is a refusal.
type Error struct {
	Code int
	Info string
}

func (e *Error) Error() string {
	return fmt.Sprintf("the room system refuses with %d: %s", e.Code, e.Info)
}

// Client calls the interface as an administrator of an app. It is safe for concurrent use.
type Client struct {
	Base  string // such as https://live.example.com
	App   int
	Key   string // the app's secret key
	Admin string
	HTTP  *http.Client
	Now   func() time.Time

	mu     sync.Mutex // guards the fields below
	sig    string
	signed time.Time
}

// ImportAccount makes an account known. It may be known already.
func (c *Client) ImportAccount(ctx context.Context, id string) error {
	return c.call(ctx, "im_open_login_svc/account_import", struct{ Identifier string }{id})
}

// DeleteAccount forgets an account.
func (c *Client) DeleteAccount(ctx context.Context, id string) error {
	type item struct{ UserID string }
	return c.call(ctx, "im_open_login_svc/account_delete", struct{ DeleteItem []item }{[]item{{id}}})
}

// SendText writes a text from one account to another.
func (c *Client) SendText(ctx context.Context, from, to, text string) error {
	type content struct{ Text string }
	type element struct {
		MsgType    string
		MsgContent content
	}
	return c.call(ctx, "openim/sendmsg", struct {
		SyncOtherMachine int
		From             string `json:"From_Account"`
		To               string `json:"To_Account"`
		MsgLifeTime      int
		MsgRandom        uint32
		MsgTimeStamp     int64
		MsgBody          []element
	}{2, from, to, int(MessageLife / time.Second), random(), c.Now().Unix(), []element{{"TIMTextElem", content{text}}}})
}

// call does a command and reads its answer. The status says nothing: the ErrorCode does.
func (c *Client) call(ctx context.Context, command string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	userSig, err := c.userSig()
	if err != nil {
		return err
	}
	query := url.Values{
		"sdkappid": {strconv.Itoa(c.App)}, "identifier": {c.Admin}, "usersig": {userSig},
		"random": {strconv.FormatUint(uint64(random()), 10)}, "contenttype": {"json"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Base+"/v4/"+command+"?"+query.Encode(), bytes.NewReader(text))
	if err != nil {
		return errors.New("the address of the room system is malformed")
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) { // it shows the address with the UserSig
			err = outer.Err
		}
		return fmt.Errorf("cannot call %s: %w", command, err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		ActionStatus string
		ErrorCode    int
		ErrorInfo    string
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer); err != nil {
		return fmt.Errorf("cannot read the answer of %s: %w", command, err)
	}
	if answer.ActionStatus != "OK" || answer.ErrorCode != 0 {
		return fmt.Errorf("cannot %s: %w", command, &Error{answer.ErrorCode, answer.ErrorInfo})
	}
	return nil
}

// userSig proves that we are the administrator. One is used for a day.
func (c *Client) userSig() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now()
	if c.sig == "" || now.Sub(c.signed) > sigRenew {
		made, err := sig.GenUserSig(c.App, c.Key, c.Admin, int(sigLife/time.Second))
		if err != nil {
			return "", fmt.Errorf("cannot make a UserSig: %w", err)
		}
		c.sig, c.signed = made, now
	}
	return c.sig, nil
}

// random is a number that a message is told from its repetition by.
func random() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails (crypto/rand)
	return binary.BigEndian.Uint32(b[:])
}
