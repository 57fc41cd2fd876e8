package config

import (
	"reflect"
	"strings"
	"testing"
)

// TestRecordRules: rules can stand in the file and, as JSON, in the environment.
func TestRecordRules(t *testing.T) {
	want := RecordRules{{Match: "lessons/*", Format: "flv", Audio: "aac", App: 7}, {Match: "*/*"}}
	c, err := Load(writeFile(t, `record: {rules: [{match: "lessons/*", format: flv, audio: aac, app: 7}, {match: "*/*"}]}`), nil)
	if err != nil || !reflect.DeepEqual(c.Record.Rules, want) {
		t.Fatalf("%+v, %v", c, err)
	}
	t.Setenv("WEIR_RECORD_RULES", want.String())
	if c, err = Load("", nil); err != nil || !reflect.DeepEqual(c.Record.Rules, want) {
		t.Errorf("%+v, %v", c, err)
	}
	var out strings.Builder
	if err := c.Write(&out); err != nil {
		t.Fatal(err)
	}
	if again, err := Load(writeFile(t, out.String()), nil); err != nil || !reflect.DeepEqual(again.Record.Rules, want) {
		t.Errorf("what is printed is read as %+v, %v", again, err)
	}
}

func TestRecordRefused(t *testing.T) {
	for text, want := range map[string]string{
		`[{"match":"*"}]`:                   "record.rules[0].match",
		`[{"match":"a/b/c"}]`:               "record.rules[0].match",
		`[{"match":"[/b"}]`:                 "record.rules[0].match",
		`[{"match":"*/*","format":"avi"}]`:  "record.rules[0].format",
		`[{"match":"*/*","audio":"mp3"}]`:   "record.rules[0].audio",
		`[{"match":"*/*","app":-1}]`:        "record.rules[0].app",
		`[{"match":"*/*","what":"is it"}]`:  "a list of rules is JSON",
		`[{"match":"*/*"}] [{"match":"*"}]`: "a list of rules is JSON",
	} {
		t.Setenv("WEIR_RECORD_RULES", text)
		if _, err := Load("", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	t.Setenv("WEIR_RECORD_RULES", "")
	for text, want := range map[string]string{
		"split: 1s": "record.split", "split_bytes: 1KiB": "record.split_bytes", "fragment: 1ms": "record.fragment", "sync: 2h": "record.sync",
		"keep: 1s": "record.keep", "max_recordings: 0": "record.max_recordings",
		"s3: {endpoint: nowhere}": `record.s3.endpoint is "nowhere"`, "s3: {bucket: b}": "record.s3.bucket", "s3: {endpoint: 'https://s3'}": "record.s3.bucket",
	} {
		if _, err := Load(writeFile(t, "record: {"+text+"}"), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
