package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// Relay is where streams are pushed to, and how patiently.
type Relay struct {
	Auto            RelayAuto     `key:"auto"`
	Rules           RelayRules    `key:"rules" doc:"servers that streams are pushed to: match, to, app, audio, token and sign of each"`
	ConnectTimeout  time.Duration `key:"connect_timeout" doc:"how long a connection to a push target may take to come about"`
	WriteTimeout    time.Duration `key:"write_timeout" doc:"how long a push target may take nothing"`
	MaxLag          time.Duration `key:"max_lag" doc:"how far a push may be behind its stream when there is a later key frame"`
	Retry           time.Duration `key:"retry" doc:"pause before the second try to push; it doubles from try to try"`
	RetryMax        time.Duration `key:"retry_max" doc:"longest pause between two tries"`
	GiveUp          time.Duration `key:"give_up" doc:"how long a push target is tried in vain; 0: for ever"`
	SignedFor       time.Duration `key:"signed_for" doc:"how long the signature of a push address is good"`
	MaxRelays       int           `key:"max_relays" doc:"relays that an app may make by REST"`
	MaxPerStream    int           `key:"max_per_stream" doc:"destinations of one stream"`
	MaxDestinations int           `key:"max_destinations" doc:"destinations at once"`
	MaxPerApp       int           `key:"max_destinations_per_app" doc:"destinations of one app at once"`
}

// RelayAuto is the automatic relay of an app. What it says of itself is of the default one.
type RelayAuto struct {
	On      bool   `key:"on" json:"on" doc:"give each stream of the default app the stream id {sdkappid}_{roomid}_{userid}_main, and relay it"`
	To      Secret `key:"to" json:"to" doc:"where it is relayed to, an address with {streamid} in it; empty: nowhere"`
	Dialect string `key:"dialect" json:"dialect" doc:"how that address is signed: tencent, alibaba or weir; empty: not at all"`
	Key     Secret `key:"key" json:"key" doc:"the key that signs it"`
}

func (p *problems) relayAuto(name string, c *RelayAuto) {
	if c.To != "" && !strings.Contains(string(c.To), "://") {
		p.add(name+".to", c.To, "an address such as rtmp://push.example.com/live/{streamid}, or empty")
	}
	p.oneOf(name+".dialect", c.Dialect, "", "tencent", "alibaba", "weir")
	if (c.Dialect == "") != (c.Key == "") {
		p.add(name+".key", c.Key, "set together with "+name+".dialect")
	}
}

// RelayRule is which streams are pushed, and where.
type RelayRule struct {
	Match string    `key:"match" json:"match"`
	To    Secret    `key:"to" json:"to"`
	App   int       `key:"app" json:"app"`
	Audio string    `key:"audio" json:"audio"`
	Token Secret    `key:"token" json:"token"`
	Sign  RelaySign `key:"sign" json:"sign"`
}

// RelaySign is how a push target wants its addresses signed.
type RelaySign struct {
	Dialect string `key:"dialect" json:"dialect"`
	Key     Secret `key:"key" json:"key"`
}

// RelayRules are all of them. The environment and flags write them as JSON.
type RelayRules []RelayRule

// UnmarshalText reads a JSON list; empty is none.
func (r *RelayRules) UnmarshalText(text []byte) error {
	*r = RelayRules{}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	err := in.Decode((*[]RelayRule)(r))
	if err == nil && in.More() {
		err = errors.New("there is something behind the list")
	}
	if err != nil {
		return fmt.Errorf(`a list of rules is JSON, such as [{"match":"*/*","to":"rtmp://cdn.example.com/live/{stream}"}]: %w`, err)
	}
	return nil
}

// String is the list as a flag writes it, its addresses and keys masked.
func (r RelayRules) String() string {
	if len(r) == 0 {
		return ""
	}
	text, err := json.Marshal([]RelayRule(r))
	if err != nil {
		return masked
	}
	return string(text)
}

func (p *problems) relay(c *Relay) {
	for i, r := range c.Rules {
		name := fmt.Sprintf("relay.rules[%d]", i)
		if _, err := path.Match(r.Match, ""); err != nil || strings.Count(r.Match, "/") != 1 {
			p.add(name+".match", r.Match, "ROOM/STREAM, where * stands for any text without a slash")
		}
		if !strings.Contains(string(r.To), "://") {
			p.add(name+".to", r.To, "an address such as rtmp://cdn.example.com/live/{stream}")
		}
		p.oneOf(name+".audio", r.Audio, "", "opus", "aac")
		between(p, name+".app", r.App, 0, 1<<32-1)
		p.oneOf(name+".sign.dialect", r.Sign.Dialect, "", "tencent", "alibaba", "weir")
		if (r.Sign.Dialect == "") != (r.Sign.Key == "") {
			p.add(name+".sign.key", r.Sign.Key, "set together with the dialect")
		}
	}
	p.relayAuto("relay.auto", &c.Auto)
	between(p, "relay.connect_timeout", c.ConnectTimeout, time.Second, time.Minute)
	between(p, "relay.write_timeout", c.WriteTimeout, time.Second, time.Minute)
	between(p, "relay.max_lag", c.MaxLag, time.Second, time.Minute)
	between(p, "relay.retry", c.Retry, 100*time.Millisecond, time.Minute)
	between(p, "relay.retry_max", c.RetryMax, c.Retry, time.Hour)
	if c.GiveUp != 0 {
		between(p, "relay.give_up", c.GiveUp, time.Second, 30*24*time.Hour)
	}
	between(p, "relay.signed_for", c.SignedFor, time.Minute, 30*24*time.Hour)
	between(p, "relay.max_relays", c.MaxRelays, 0, 100_000)
	between(p, "relay.max_per_stream", c.MaxPerStream, 1, 1000)
	between(p, "relay.max_destinations", c.MaxDestinations, 1, 100_000)
	between(p, "relay.max_destinations_per_app", c.MaxPerApp, 1, 100_000)
}
