package hook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"weir/room/im"
)

const (
	// askTimeout is how long asking may take in all.
	askTimeout = 2 * time.Second
	// maxAsking is how many calls to one receiver may go on at once, maxWaiting how many more may wait for one of them.
	maxAsking, maxWaiting = maxConns, 256
	// maxInfo bounds the text that goes to a client, in bytes.
	maxInfo = 512
)

// Ask has the app's receiver decide. It takes at most two seconds, and lets happen what nobody refuses in that time.
func (h *Hooks) Ask(ctx context.Context, c Call) Verdict {
	cmd, ok := commandOf(c.Command)
	if !ok || !cmd.before {
		return Verdict{}
	}
	start := h.now()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	to := h.receivers.of(ctx, c.App)
	if !to.wants(c.Command) {
		return Verdict{}
	}
	v, err := h.ask(ctx, cmd, to, c)
	h.stats.asked(c.Command, v, err, h.now().Sub(start))
	return v
}

func (h *Hooks) ask(ctx context.Context, cmd command, to known, c Call) (Verdict, error) {
	body, err := h.body(cmd, c)
	if err != nil {
		h.log.Error("callback body", "command", c.Command, "error", err)
		return Verdict{}, err
	}
	address := callAddress(to.URL, to.Token, cmd, c.App, c.Actor, h.now())
	status, text, err := h.lanes.of(to.lane()).call(ctx, h, Masked(to.URL), func(ctx context.Context) (int, []byte, error) {
		return to.client.post(ctx, address, nil, body)
	})
	switch {
	case err != nil:
		return Verdict{}, err
	case status != http.StatusOK:
		return Verdict{}, &failure{reason: reasonStatus, status: status}
	}
	return parseAnswer(cmd, text)
}

// body is the JSON of a call: CallbackCommand, the fields of its Body, and EventTime where the command has it.
func (h *Hooks) body(cmd command, c Call) ([]byte, error) {
	fields, err := json.Marshal(c.Body)
	if err != nil {
		return nil, err
	}
	fields, ok := bytes.CutPrefix(fields, []byte("{"))
	if !ok {
		return nil, errNoBody
	}
	out := make([]byte, 0, len(fields)+len(cmd.name)+64)
	out = append(out, `{"CallbackCommand":"`...)
	out = append(out, cmd.name...)
	out = append(out, '"')
	if cmd.timed {
		out = append(out, `,"EventTime":`...)
		out = strconv.AppendInt(out, h.now().UnixMilli(), 10)
	}
	if !bytes.HasPrefix(fields, []byte("}")) {
		out = append(out, ',')
	}
	return append(out, fields...), nil
}

var errNoBody = errors.New("a command without its body")

// callAddress is the address of a call. Its parameters come after those that the receiver's own address has.
func callAddress(base, token string, cmd command, app int, actor im.Actor, now time.Time) string {
	q := "SdkAppid=" + strconv.Itoa(app) + "&CallbackCommand=" + cmd.name + "&contenttype=json"
	if !cmd.bare {
		platform := actor.Platform
		if platform == "" {
			platform = im.PlatformUnknown
		}
		q += "&ClientIP=" + url.QueryEscape(actor.Addr) + "&OptPlatform=" + url.QueryEscape(string(platform))
	}
	return withQuery(base, q+sign(token, now))
}

// sign is the parameters that prove who calls; nothing without a token.
func sign(token string, now time.Time) string {
	if token == "" {
		return ""
	}
	at := strconv.FormatInt(now.Unix(), 10)
	sum := sha256.Sum256([]byte(token + at))
	return "&RequestTime=" + at + "&Sign=" + hex.EncodeToString(sum[:])
}

// withQuery adds parameters to an address.
func withQuery(base, q string) string {
	base, _, _ = strings.Cut(base, "#")
	if strings.Contains(base, "?") {
		return base + "&" + q
	}
	return base + "?" + q
}

// answer is what a receiver may say.
type answer struct {
	Code    *int         `json:"ErrorCode"`
	Info    string       `json:"ErrorInfo"`
	Body    []im.Element `json:"MsgBody"`
	Cloud   *string      `json:"CloudCustomData"`
	Refused []string     `json:"RefusedMembers_Account"`
}

// parseAnswer reads an answer and leaves of it what the command gives power to.
func parseAnswer(cmd command, text []byte) (Verdict, error) {
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return Verdict{}, &failure{reason: reasonAnswer, err: err}
	}
	if a.Code == nil {
		return Verdict{}, &failure{reason: reasonAnswer, err: errNoCode}
	}
	switch code := *a.Code; {
	case code == 0:
		return allowed(cmd, a), nil
	case code == Dropped && cmd.drops, code != 0 && code >= cmd.low && code <= cmd.high:
		return Verdict{Code: code, Info: cut(a.Info)}, nil
	default:
		return Verdict{Code: 1, Info: cut(a.Info)}, nil
	}
}

var errNoCode = errors.New("there is no ErrorCode")

func allowed(cmd command, a answer) Verdict {
	var v Verdict
	if cmd.replaces {
		if len(a.Body) > 0 {
			v.Body = a.Body
		}
		v.Cloud = a.Cloud
	}
	if cmd.refuses {
		v.Refused = a.Refused
	}
	return v
}

// cut bounds a text, between two characters.
func cut(text string) string {
	text = strings.ToValidUTF8(text, "")
	if len(text) <= maxInfo {
		return text
	}
	end := maxInfo
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// lane is the way to one receiver that is asked.
type lane struct {
	slots   chan struct{} // one for each call that goes on
	waiting atomic.Int32
	breaker breaker
}

func newLane() *lane { return &lane{slots: make(chan struct{}, maxAsking)} }

// call does a call when there is room for it and the receiver is not left alone just now.
func (l *lane) call(ctx context.Context, h *Hooks, shown string, do func(context.Context) (int, []byte, error)) (int, []byte, error) {
	probe, ok := l.breaker.enter(h.now())
	if !ok {
		return 0, nil, &failure{reason: reasonPaused}
	}
	if err := l.take(ctx); err != nil {
		l.breaker.skip(probe)
		return 0, nil, err
	}
	defer func() { <-l.slots }()
	status, text, err := do(ctx)
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) { // whoever wanted to know is gone
		l.breaker.skip(probe)
		return status, text, err
	}
	var f *failure
	slow := errors.As(err, &f) && f.reason == reasonTimeout
	switch l.breaker.leave(h.now(), probe, slow) {
	case pausing:
		h.log.Warn("callbacks receiver too slow, asking it less", "receiver", shown)
	case resumed:
		h.log.Info("callbacks receiver answers again", "receiver", shown)
	case steady:
	}
	return status, text, err
}

// take waits for room.
func (l *lane) take(ctx context.Context) error {
	select {
	case l.slots <- struct{}{}:
		return nil
	default:
	}
	if l.waiting.Add(1) > maxWaiting {
		l.waiting.Add(-1)
		return &failure{reason: reasonBusy}
	}
	defer l.waiting.Add(-1)
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &failure{reason: reasonBusy}
	}
}
