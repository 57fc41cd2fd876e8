package rtmp

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"weir/mux/rtmp"
	"weir/room/auth"
	"weir/room/live"
)

// negotiate answers commands up to the publish command and takes the stream.
func (c *conn) negotiate(ctx context.Context) (*session, error) {
	for range maxTalk {
		m, err := c.read()
		if err != nil {
			return nil, err
		}
		if m.Type != rtmp.TypeCommand && m.Type != rtmp.TypeCommand3 {
			continue
		}
		cmd, err := rtmp.ParseCommand(m)
		if err != nil {
			return nil, err
		}
		if cmd.Name == "publish" {
			return c.publish(ctx, &cmd)
		}
		if err := c.answer(&cmd); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: %d messages and no publish command", rtmp.ErrTooMuch, maxTalk)
}

func (c *conn) answer(cmd *rtmp.Command) error {
	switch cmd.Name {
	case "connect":
		return c.connect(cmd)
	case "createStream":
		return c.out.command(0, "_result", cmd.Transaction, nil, float64(publishStream))
	case "releaseStream", "FCPublish": // some encoders wait for a result, and none is hurt by one
		return c.out.command(0, "_result", cmd.Transaction, nil, nil)
	case "play", "play2":
		return refuse("play", "streams are not played by RTMP here")
	default: // bandwidth checks, statistics and what is yet to be invented
		return nil
	}
}

// connect answers the connect command (7.2.1.1).
func (c *conn) connect(cmd *rtmp.Command) error {
	c.app, _ = cmd.Object["app"].(string)
	tcURL, _ := cmd.Object["tcUrl"].(string)
	c.site = siteOf(tcURL)
	_, list := cmd.Object["fourCcList"]
	_, info := cmd.Object["videoFourCcInfoMap"]
	c.enhanced = list || info
	status := []rtmp.Property{
		rtmp.Prop("level", "status"),
		rtmp.Prop("code", "NetConnection.Connect.Success"),
		rtmp.Prop("description", "Connection succeeded."),
		rtmp.Prop("objectEncoding", 0.0),
	}
	if c.enhanced {
		status = append(status, c.fourCCs()...)
	}
	server := []rtmp.Property{rtmp.Prop("fmsVer", "FMS/3,5,7,7009"), rtmp.Prop("capabilities", 31.0), rtmp.Prop("mode", 1.0)}
	for _, m := range []rtmp.Message{
		rtmp.Number(rtmp.TypeWindow, rtmp.DefaultWindow),
		rtmp.Number(rtmp.TypeBandwidth, rtmp.DefaultWindow, 2), // 5.4.5: dynamic
		rtmp.Number(rtmp.TypeChunkSize, outChunk),
		rtmp.NewCommand(0, "_result", cmd.Transaction, server, status),
	} {
		if err := c.out.send(m); err != nil {
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
func (c *conn) fourCCs() []rtmp.Property {
	var video []rtmp.Property
	for _, codec := range c.server.opts.Codecs {
		if id := fourCC(codec); id != "" {
			video = append(video, rtmp.Property{Name: id, Value: canForward})
		}
	}
	return []rtmp.Property{
		rtmp.Prop("capsEx", 0.0),
		rtmp.Prop("videoFourCcInfoMap", video),
		rtmp.Prop("audioFourCcInfoMap", []rtmp.Property{rtmp.Prop("mp4a", canForward), rtmp.Prop("Opus", canForward)}),
	}
}

// publish checks what the publish command (7.2.2.6) asks for, takes the stream and says so.
func (c *conn) publish(ctx context.Context, cmd *rtmp.Command) (*session, error) {
	to, err := parseTarget(c.app, cmd.Text(0))
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
	err = c.out.send(rtmp.Control(rtmp.EventBegin, 0, 0, 0, publishStream))
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
	c.in.Limit(maxMedia)
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
