package v4

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"weir/room/im"
)

// row is a command as docs/im-rest.md has it.
type row struct {
	request, needed, answer []string // names of keys, sorted
}

var (
	serviceHead = regexp.MustCompile("^### `([a-z_]+)`$")
	commandRow  = regexp.MustCompile("^\\| `([a-z_]+)` \\| (.*)\\| (.*)\\|$")
	keyName     = regexp.MustCompile("`([A-Za-z0-9_]+)`")
	neededName  = regexp.MustCompile("\\*\\*`([A-Za-z0-9_]+)`\\*\\*")
)

func namesIn(text string, pattern *regexp.Regexp) []string {
	var names []string
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return sorted(names)
}

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// TestDocumentation: docs/im-rest.md has every command with every key of its request, those in bold that are needed, and
// every key of the answers that the goldens have; and nothing else.
func TestDocumentation(t *testing.T) {
	rows := readRows(t)
	answers := goldenKeys(t)
	for _, s := range services {
		for _, c := range s.commands {
			name := s.name + "/" + c.name
			got, ok := rows[name]
			if !ok {
				t.Errorf("%s is not described", name)
				continue
			}
			delete(rows, name)
			want := row{request: sorted(keysOf(c.request)), answer: sorted(answers[name])}
			for f := range fields(c.request) {
				if f.need {
					want.needed = append(want.needed, f.name)
				}
			}
			want.needed = sorted(want.needed)
			if c.name == "querystate" {
				got.answer = want.answer // described by another name's row
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s is described as\n%v, and is\n%v", name, got, want)
			}
		}
	}
	for name := range rows {
		t.Errorf("%s is described, and there is no such command", name)
	}
}

// readRows reads the tables of commands.
func readRows(t *testing.T) map[string]row {
	t.Helper()
	text, err := os.ReadFile("../../../docs/im-rest.md")
	if err != nil {
		t.Fatal(err)
	}
	rows, service := make(map[string]row), ""
	for line := range strings.SplitSeq(string(text), "\n") {
		switch m := serviceHead.FindStringSubmatch(line); {
		case m != nil:
			service = m[1]
		case strings.HasPrefix(line, "## "):
			service = ""
		}
		if m := commandRow.FindStringSubmatch(line); m != nil && service != "" {
			rows[service+"/"+m[1]] = row{namesIn(m[2], keyName), namesIn(m[2], neededName), namesIn(m[3], keyName)}
		}
	}
	return rows
}

// keysOf are the names of all fields of a type, and of what is in them.
func keysOf(t reflect.Type) (names []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[im.Element]():
		return []string{"MsgType", "MsgContent"}
	case t.Kind() != reflect.Struct:
		return nil
	}
	for f := range fields(t) {
		names = append(append(names, f.name), keysOf(f.typ)...)
	}
	return names
}

// goldenKeys are the names of keys in the answers of the goldens, by command, without those that every answer has.
func goldenKeys(t *testing.T) map[string][]string {
	t.Helper()
	keys := make(map[string][]string)
	for _, e := range readExamples(t) {
		_, rest, _ := strings.Cut(e.golden, "-> ")
		text, _, _ := strings.Cut(rest, "\n")
		var answer map[string]any
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatalf("%s: %v", e.command, err)
		}
		for _, name := range []string{"ActionStatus", "ErrorInfo", "ErrorCode", "ErrorDisplay", "RequestId"} {
			delete(answer, name)
		}
		collect(answer, func(name string) { keys[e.command] = append(keys[e.command], name) })
	}
	return keys
}

// collect tells the names of all keys in a value.
func collect(v any, tell func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			tell(name)
			collect(v[name], tell)
		}
	case []any:
		for _, one := range v {
			collect(one, tell)
		}
	}
}

// TestErrorsAreDescribed: every number that the services have stands in the page.
func TestErrorsAreDescribed(t *testing.T) {
	text, err := os.ReadFile("../../../docs/im-rest.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Errors\n")
	table, _, _ = strings.Cut(table, "\n## ")
	described := namesIn(table, regexp.MustCompile(`\b([0-9]{5,6})\b`))
	numbers := []*im.Error{
		errHTTP, errJSON, errNoUser, errNoSig, errBadApp, errTooOften, errTimeout, errNoCommand, errNoAdmin, errNoApp, errExpired,
		errUnparsable, errMismatch, errOtherUser, errOtherApp, errUnknownApp, errTooManySigs, errTooLarge, im.ErrBadPriority,
		im.ErrSensitive, im.ErrTooLong, im.ErrNoRoom, im.ErrRoomTaken, im.ErrRoomYours, im.ErrBadRoomID, im.ErrDenied, im.ErrMuted,
		im.ErrDeniedC2C, im.ErrMutedC2C, im.ErrNotImported, im.ErrNoRecipient, im.ErrBadBody, im.ErrNoPermission, im.ErrMember,
		im.ErrRoomFull, im.ErrNoAccount, im.ErrNoAttribute, im.ErrAttributeConflict, im.ErrTooMany,
	}
	for _, s := range services {
		numbers = append(numbers, fault(s.parameter, ""), fault(s.internal, ""))
		if s.unknown != 0 {
			numbers = append(numbers, fault(s.unknown, ""))
		}
		for _, as := range s.as {
			numbers = append(numbers, fault(as, ""))
		}
		for _, c := range s.commands {
			for f := range fields(c.request) {
				if f.number != 0 {
					numbers = append(numbers, fault(f.number, ""))
				}
			}
		}
	}
	for _, e := range numbers {
		if want := number(e.Number); !slices.Contains(described, want) {
			t.Errorf("%s (%s) is not described", want, e.Info)
		}
	}
}

func number(n int) string {
	text, err := json.Marshal(n)
	if err != nil {
		panic(err)
	}
	return string(text)
}
