package rtmp

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"weir/room/auth"
	"weir/room/live"
)

// command is a command message (Adobe RTMP 7.1.1).
type command struct {
	name        string
	transaction float64
	object      object // the command object; nil for most
	args        []any  // what stands behind it
}

// parseCommand reads a command; one of a single value is as good as any.
func parseCommand(m message) (command, error) {
	body := m.body
	if m.typ == typeCommand3 && len(body) > 0 {
		body = body[1:]
	}
	values, err := decodeAMF(body)
	if err != nil {
		return command{}, err
	}
	var cmd command
	for i, v := range values {
		switch i {
		case 0:
			cmd.name, _ = v.(string)
		case 1:
			cmd.transaction, _ = v.(float64)
		case 2:
			cmd.object, _ = v.(object)
		default:
			cmd.args = append(cmd.args, v)
		}
	}
	if cmd.name == "" {
		return command{}, fmt.Errorf("%w: a command without a name", errProtocol)
	}
	return cmd, nil
}

// text is an argument that should be a string.
func (c *command) text(i int) string {
	if i >= len(c.args) {
		return ""
	}
	s, _ := c.args[i].(string)
	return s
}

// negotiate answers commands up to the publish command and takes the stream.
func (c *conn) negotiate(ctx context.Context) (*session, error) {
	for range maxTalk {
		m, err := c.read()
		if err != nil {
			return nil, err
		}
		if m.typ != typeCommand && m.typ != typeCommand3 {
			continue
		}
		cmd, err := parseCommand(m)
		if err != nil {
			return nil, err
		}
		if cmd.name == "publish" {
			return c.publish(ctx, &cmd)
		}
		if err := c.answer(&cmd); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: %d messages and no publish command", errTooMuch, maxTalk)
}

func (c *conn) answer(cmd *command) error {
	switch cmd.name {
	case "connect":
		return c.connect(cmd)
	case "createStream":
		return c.out.command(0, "_result", cmd.transaction, nil, float64(publishStream))
	case "releaseStream", "FCPublish": // some encoders wait for a result, and none is hurt by one
		return c.out.command(0, "_result", cmd.transaction, nil, nil)
	case "play", "play2":
		return refuse("play", "streams are not played by RTMP here")
	default: // bandwidth checks, statistics and what is yet to be invented
		return nil
	}
}

// connect answers the connect command (7.2.1.1).
func (c *conn) connect(cmd *command) error {
	c.app, _ = cmd.object["app"].(string)
	tcURL, _ := cmd.object["tcUrl"].(string)
	c.site = siteOf(tcURL)
	_, list := cmd.object["fourCcList"]
	_, info := cmd.object["videoFourCcInfoMap"]
	c.enhanced = list || info
	status := []property{
		{"level", "status"},
		{"code", "NetConnection.Connect.Success"},
		{"description", "Connection succeeded."},
		{"objectEncoding", 0.0},
	}
	if c.enhanced {
		status = append(status, c.fourCCs()...)
	}
	for _, send := range []func() error{
		func() error { return c.out.number(typeWindow, windowSize) },
		func() error { return c.out.number(typeBandwidth, windowSize, 2) }, // 5.4.5: dynamic
		func() error { return c.out.number(typeChunkSize, outChunk) },
		func() error {
			return c.out.command(0, "_result", cmd.transaction,
				[]property{{"fmsVer", "FMS/3,5,7,7009"}, {"capabilities", 31.0}, {"mode", 1.0}}, status)
		},
	} {
		if err := send(); err != nil {
			return err
		}
	}
	return nil
}

// siteOf is the beginning of the address that a peer connected to: scheme and host.
func siteOf(tcURL string) string {
	u, err := url.Parse(tcURL)
	if err != nil || u.Host == "" || len(u.Host) > maxHost {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// maxHost is the longest name of a host with its port, in bytes.
const maxHost = 255 + 6

// addr is the peer's address, without the port.
func (c *conn) addr() string {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		return ""
	}
	return host
}

// canForward is the flag of a codec that is passed on as it is (Enhanced RTMP v2, "Enhancing NetConnection connect
// Command").
const canForward = 4.0

// fourCCs are the members of the connect result that say which codecs are taken.
func (c *conn) fourCCs() []property {
	var video []property
	for _, codec := range c.server.opts.Codecs {
		if id := fourCC(codec); id != "" {
			video = append(video, property{id, canForward})
		}
	}
	return []property{
		{"capsEx", 0.0},
		{"videoFourCcInfoMap", video},
		{"audioFourCcInfoMap", []property{{"mp4a", canForward}, {"Opus", canForward}}},
	}
}

// publish checks what the publish command (7.2.2.6) asks for, takes the stream and says so.
func (c *conn) publish(ctx context.Context, cmd *command) (*session, error) {
	to, err := parseTarget(c.app, cmd.text(0))
	if err != nil {
		return nil, err
	}
	o := &c.server.opts
	grant, err := o.Auth.Authorize(ctx, auth.Request{
		Action: auth.ActionPublish, App: to.app, Room: to.room, Stream: to.stream, ID: to.signedID(),
		Token: to.token, Query: to.query, Path: to.path,
		Begins: true, From: auth.Client{Addr: c.addr(), Site: c.site},
	})
	if err != nil {
		if status, _ := auth.Status(err); status == http.StatusInternalServerError && ctx.Err() == nil {
			c.log.Error("cannot decide on a publisher", "error", err) // the peer cannot be told what is wrong here
		}
		return nil, err
	}
	policy, err := c.policyOf(to.policy, grant.Admin)
	if err != nil {
		return nil, err
	}
	s := newSession(c, grant)
	// RTMP does not say which tracks will come; two is what most bring, and of one alone the hub waits a moment.
	p, err := o.Hub.Publish(live.Key{App: auth.AppName(grant.App), Room: to.room, Stream: to.stream}, live.PublishOptions{
		User: grant.User, Policy: policy, ID: to.id, Tracks: 2, Report: s.figures,
		Origin: live.Origin{Form: "rtmp", Session: rand.Text()[:6], Addr: c.addr(), Site: c.site, Query: to.query},
	})
	if err != nil {
		return nil, err
	}
	s.attach(p)
	err = c.out.control(controlBegin, []byte{0, 0, 0, publishStream})
	if err == nil {
		err = c.out.status("status", "NetStream.Publish.Start", "the stream is being published")
	}
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	if err != nil {
		p.Interrupt(errClosed)
		return nil, err
	}
	c.in.limit = maxMedia
	return s, nil
}

// policyOf is the policy that a publish asks for, or else the configured one. Anybody may be stricter than the
// configuration; only an administrator may be less.
func (c *conn) policyOf(name string, admin bool) (live.Policy, error) {
	configured := c.server.opts.Policy
	if name == "" {
		return configured, nil
	}
	p, err := live.ParsePolicy(name)
	if err != nil {
		return 0, refuse("bad_policy", "policy must be resume, replace or reject")
	}
	if !admin && p.Looser(configured) {
		return 0, refuse("policy_forbidden", "only an administrator may publish with the policy %s here", name)
	}
	return p, nil
}
