package config

import (
	"fmt"
	"io"
	"net/url"
	"strings"
)

// URL is an address whose user, password and parameters no log, error or print may show. string(u) is the address itself.
type URL string

// String is the address without what may be secret in it. What stands before it, as in FORM=URL, stays.
func (u URL) String() string {
	form, rest := "", string(u)
	if before, after, found := strings.Cut(rest, "="); found && !strings.Contains(before, ":") {
		form, rest = before+"=", after
	}
	if rest == "" {
		return form
	}
	parsed, err := url.Parse(rest)
	if err != nil {
		return form + masked
	}
	text := form
	if parsed.Scheme != "" { // without one it is wrong, and shown as it is written
		text += parsed.Scheme + "://"
	}
	if parsed.User != nil {
		text += masked + "@"
	}
	text += parsed.Host + parsed.EscapedPath()
	if parsed.RawQuery != "" {
		text += "?" + masked
	}
	return text
}

// Format writes String whatever the verb: %d and %#v would get past it.
func (u URL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// MarshalText keeps secrets out of JSON and YAML.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// URLs is a list of addresses.
type URLs []URL

// String is the list as a flag or a variable writes it, without secrets.
func (l URLs) String() string {
	texts := make([]string, 0, len(l))
	for _, u := range l {
		texts = append(texts, u.String())
	}
	return strings.Join(texts, ",")
}
