package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// Entry is one key of a configuration.
type Entry struct {
	// Key is the dotted name, in lower case.
	Key string
	// Value is the field's value.
	Value any
	// Doc is the meaning in one line.
	Doc string
	// Source is where the value came from.
	Source Source
}

// Entries lists all keys in the order of the struct.
func (c *Config) Entries() []Entry {
	list := entries(c)
	for i := range list {
		list[i].Source = FromDefault
		if s, ok := c.sources[list[i].Key]; ok {
			list[i].Source = s
		}
	}
	return list
}

// entries walks the struct; only fields with a key tag count.
func entries(c *Config) []Entry { return walk(reflect.ValueOf(*c), "", nil) }

func walk(group reflect.Value, prefix string, list []Entry) []Entry {
	for i := range group.NumField() {
		field := group.Type().Field(i)
		name, ok := field.Tag.Lookup("key")
		if !ok {
			continue
		}
		if field.Type.Kind() == reflect.Struct {
			list = walk(group.Field(i), prefix+name+".", list)
			continue
		}
		list = append(list, Entry{Key: prefix + name, Value: group.Field(i).Interface(), Doc: field.Tag.Get("doc")})
	}
	return list
}

// text is the value as a flag or a variable writes it. Secrets are masked.
func (e Entry) text() string {
	switch v := e.Value.(type) {
	case []string:
		return strings.Join(v, ",")
	default:
		return fmt.Sprint(v)
	}
}

// yaml is the value as a file writes it. Every JSON value is a YAML value. Secrets are masked.
func (e Entry) yaml() (string, error) {
	value := e.Value
	switch v := value.(type) {
	case time.Duration:
		value = v.String()
	case RelayRules:
		value = []RelayRule(v)
	case PullSources:
		value = []PullSource(v)
	case Apps:
		value = []App(v)
	case RecordRules:
		value = []RecordRule(v)
	case Domains:
		value = []Domain(v)
	case Pullers:
		value = []Puller(v)
	case URLs:
		value = []URL(v)
	case encoding.TextMarshaler, []string, string, int, bool:
	default:
		return "", fmt.Errorf("key %s has type %T, which no file can hold", e.Key, v)
	}
	out, err := json.Marshal(value)
	return string(out), err
}

// Write prints the configuration as YAML with each value's source as a comment. Secrets are masked.
func (c *Config) Write(w io.Writer) error {
	var open []string
	for _, e := range c.Entries() {
		path := strings.Split(e.Key, ".")
		groups, name := path[:len(path)-1], path[len(path)-1]
		for depth, group := range groups {
			if depth < len(open) && open[depth] == group {
				continue
			}
			open = append(open[:min(depth, len(open))], group)
			if _, err := fmt.Fprintf(w, "%s%s:\n", strings.Repeat("  ", depth), group); err != nil {
				return err
			}
		}
		open = groups
		value, err := e.yaml()
		if err != nil {
			return err
		}
		indent := strings.Repeat("  ", len(groups))
		if _, err := fmt.Fprintf(w, "%s%s: %s # %s\n", indent, name, value, e.Source); err != nil {
			return err
		}
	}
	return nil
}

// nearest is the known key that a wrong one most likely meant; empty when none is near.
func nearest(wrong string, known []Entry) string {
	best, bestDistance := "", 4
	for _, e := range known {
		if d := distance(wrong, e.Key); d < bestDistance {
			best, bestDistance = e.Key, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete or replace between a and b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
