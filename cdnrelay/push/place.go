package push

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"weir/room/live"
)

// places are what can stand in braces in an address, behind the host.
var places = []string{"app", "room", "stream", "user", "streamid"}

// values are what the places of an address stand for.
func values(i *live.Info) map[string]string {
	return map[string]string{
		"app": i.Key.App, "room": i.Key.Room, "stream": i.Key.Stream, "user": i.User,
		"streamid": cmp.Or(i.ID, i.Key.Room+"_"+i.Key.Stream),
	}
}

// fill puts values into the places of an address, escaped, in one pass: what is put in is not looked at again.
func fill(text string, values map[string]string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, behind, _ := strings.Cut(rest, "}")
		out.WriteString(strings.ReplaceAll(url.QueryEscape(values[name]), "+", "%20"))
		text = behind
	}
}

// checkPlaces refuses braces that are no places, and places in or before the host: who names a stream must not say which
// server gets it.
func checkPlaces(text string) error {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return fmt.Errorf("%w: its address must begin with a scheme and ://", ErrTask)
	}
	host := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		host, rest = rest[:end], rest[end:]
	}
	if strings.ContainsAny(scheme+host, "{}") {
		return fmt.Errorf("%w: places stand behind the host", ErrTask)
	}
	for {
		before, at, found := strings.Cut(rest, "{")
		name, behind, closed := strings.Cut(at, "}")
		if strings.Contains(before, "}") || found && (!closed || !slices.Contains(places, name)) {
			return fmt.Errorf("%w: what stands in braces in its address is one of {%s}", ErrTask, strings.Join(places, "}, {"))
		}
		if !found {
			return nil
		}
		rest = behind
	}
}

// ports are those that are meant where an address names none.
var ports = map[string]string{"rtmp": "1935", "rtmps": "443", "http": "80", "https": "443"}

// proofs are the parameters of a query that prove and do not name what is pushed to.
var proofs = []string{"txsecret", "txtime", "auth_key", "sign", "wssecret", "wstime", "usersig", "token", "expires", "passphrase"}

// identity is what two addresses have in common that lead to the same place, however they are signed.
func identity(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if port := ports[u.Scheme]; port != "" && u.Port() == "" {
		host += ":" + port
	}
	q := u.Query()
	for name := range q {
		if slices.Contains(proofs, strings.ToLower(name)) {
			q.Del(name)
		}
	}
	return u.Scheme + "://" + host + "/" + strings.Trim(u.Path, "/") + "?" + q.Encode()
}
