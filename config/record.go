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

// Record is what is recorded, where it is kept, and for how long.
type Record struct {
	Rules         RecordRules   `key:"rules" doc:"streams that are recorded: match, app, format and audio of each"`
	Dir           string        `key:"dir" doc:"folder of recordings; empty: recordings in data_dir"`
	Split         time.Duration `key:"split" doc:"how long a file of a recording gets before another one begins"`
	SplitBytes    Size          `key:"split_bytes" doc:"how large a file of a recording gets before another one begins"`
	Fragment      time.Duration `key:"fragment" doc:"media that is written at once, and is missing after a kill"`
	Sync          time.Duration `key:"sync" doc:"how often an open file is brought to the disk, for a power failure; 0: when it is complete"`
	Keep          time.Duration `key:"keep" doc:"how long a file is kept; 0: for good"`
	MaxBytes      Size          `key:"max_bytes" doc:"recordings that are kept at most, by size; beyond it the oldest files go; 0: all"`
	MaxRecordings int           `key:"max_recordings" doc:"recordings at once"`
	S3            S3            `key:"s3"`
}

// RecordRule is which streams are recorded, and how.
type RecordRule struct {
	Match  string `key:"match" json:"match"`
	App    int    `key:"app" json:"app"`
	Format string `key:"format" json:"format"`
	Audio  string `key:"audio" json:"audio"`
}

// RecordRules are all of them. The environment and flags write them as JSON.
type RecordRules []RecordRule

// UnmarshalText reads a JSON list; empty is none.
func (r *RecordRules) UnmarshalText(text []byte) error {
	*r = RecordRules{}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	err := in.Decode((*[]RecordRule)(r))
	if err == nil && in.More() {
		err = errors.New("there is something behind the list")
	}
	if err != nil {
		return fmt.Errorf(`a list of rules is JSON, such as [{"match":"*/*","format":"mp4"}]: %w`, err)
	}
	return nil
}

// String is the list as a flag writes it.
func (r RecordRules) String() string {
	if len(r) == 0 {
		return ""
	}
	text, err := json.Marshal([]RecordRule(r))
	if err != nil {
		return ""
	}
	return string(text)
}

func (p *problems) record(c *Record) {
	for i, r := range c.Rules {
		name := fmt.Sprintf("record.rules[%d]", i)
		if _, err := path.Match(r.Match, ""); err != nil || strings.Count(r.Match, "/") != 1 {
			p.add(name+".match", r.Match, "ROOM/STREAM, where * stands for any text without a slash")
		}
		p.oneOf(name+".format", r.Format, "", "mp4", "flv")
		p.oneOf(name+".audio", r.Audio, "", "opus", "aac")
		between(p, name+".app", r.App, 0, 1<<32-1)
	}
	between(p, "record.split", c.Split, 10*time.Second, 24*time.Hour)
	between(p, "record.split_bytes", c.SplitBytes, 1<<20, 1<<40)
	between(p, "record.fragment", c.Fragment, 100*time.Millisecond, 10*time.Second)
	between(p, "record.sync", c.Sync, 0, time.Hour)
	between(p, "record.max_bytes", c.MaxBytes, 0, 1<<60)
	between(p, "record.max_recordings", c.MaxRecordings, 1, 100_000)
	if c.Keep != 0 {
		between(p, "record.keep", c.Keep, time.Minute, 100*365*24*time.Hour)
	}
	p.s3("record.s3", &c.S3)
}
