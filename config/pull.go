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

// Pull is which streams come from other servers, and how patiently.
type Pull struct {
	Sources    PullSources   `key:"sources" doc:"streams that are pulled from other servers: match, from, app and mode of each"`
	Timeout    time.Duration `key:"timeout" doc:"how long a source may take to answer, and how long it may send no media"`
	Idle       time.Duration `key:"idle" doc:"how long a stream that is pulled on demand goes on with nobody watching"`
	Retry      time.Duration `key:"retry" doc:"pause before all sources of a stream are tried again; it doubles from time to time"`
	RetryMax   time.Duration `key:"retry_max" doc:"longest pause between two tries"`
	MaxPulls   int           `key:"max_pulls" doc:"pulls that an app may make by REST"`
	MaxStreams int           `key:"max_streams" doc:"streams that are pulled at once"`
	MaxPerApp  int           `key:"max_streams_per_app" doc:"streams of one app that are pulled at once"`
}

// PullSource is which streams are pulled, and from where.
type PullSource struct {
	Match string   `key:"match" json:"match"`
	From  []Secret `key:"from" json:"from"`
	App   int      `key:"app" json:"app"`
	Mode  string   `key:"mode" json:"mode"`
}

// PullSources are all of them. The environment and flags write them as JSON.
type PullSources []PullSource

// UnmarshalText reads a JSON list; empty is none.
func (s *PullSources) UnmarshalText(text []byte) error {
	*s = PullSources{}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	err := in.Decode((*[]PullSource)(s))
	if err == nil && in.More() {
		err = errors.New("there is something behind the list")
	}
	if err != nil {
		return fmt.Errorf(`a list of sources is JSON, such as [{"match":"live/*","from":["https://origin.example.com/live/{stream}.flv"]}]: %w`, err)
	}
	return nil
}

// String is the list as a flag writes it, its addresses masked.
func (s PullSources) String() string {
	if len(s) == 0 {
		return ""
	}
	text, err := json.Marshal([]PullSource(s))
	if err != nil {
		return masked
	}
	return string(text)
}

func (p *problems) pull(c *Pull) {
	for i, s := range c.Sources {
		name := fmt.Sprintf("pull.sources[%d]", i)
		if _, err := path.Match(s.Match, ""); err != nil || strings.Count(s.Match, "/") != 1 {
			p.add(name+".match", s.Match, "ROOM/STREAM, where * stands for any text without a slash")
		}
		if len(s.From) == 0 {
			p.add(name+".from", "", "addresses such as https://origin.example.com/live/{stream}.flv")
		}
		for _, from := range s.From {
			if !strings.Contains(string(from), "://") {
				p.add(name+".from", from, "addresses such as https://origin.example.com/live/{stream}.flv")
			}
		}
		p.oneOf(name+".mode", s.Mode, "", "demand", "always")
		between(p, name+".app", s.App, 0, 1<<32-1)
	}
	between(p, "pull.timeout", c.Timeout, time.Second, time.Minute)
	between(p, "pull.idle", c.Idle, time.Second, 24*time.Hour)
	between(p, "pull.retry", c.Retry, 100*time.Millisecond, time.Minute)
	between(p, "pull.retry_max", c.RetryMax, c.Retry, time.Hour)
	between(p, "pull.max_pulls", c.MaxPulls, 0, 100_000)
	between(p, "pull.max_streams", c.MaxStreams, 1, 100_000)
	between(p, "pull.max_streams_per_app", c.MaxPerApp, 1, 100_000)
}
