package push

import (
	"net/url"
	"slices"
	"strings"
)

// maxError is how much of an error's text is kept, in bytes.
const maxError = 300

// scrub takes out of an error's text what is secret in the address, should an output or a library have put it there.
func (d *destination) scrub(text string) string {
	secrets := []string{d.task.To, d.task.Token}
	if u := d.last; u != nil {
		password, _ := u.User.Password()
		secrets = append(secrets, u.String(), u.RequestURI(), u.RawQuery, password)
		secrets = append(secrets, parts(u)...)
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // one may be a part of another
	for _, s := range secrets {
		if len(s) > 1 {
			text = strings.ReplaceAll(text, s, "***")
		}
	}
	text = strings.ToValidUTF8(text, "")
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "")
	}
	return text
}

// parts are what may be secret of an address by itself, if it is long enough not to be found in other words: all of the path, the
// last part of it, and the values of the query.
func parts(u *url.URL) (long []string) {
	const enough = 8
	all := []string{u.Path, u.Path[strings.LastIndexByte(u.Path, '/')+1:]}
	if u.Scheme == "rtmp" || u.Scheme == "rtmps" { // what is before the key is shown
		all = all[1:]
	}
	for _, values := range u.Query() {
		all = append(all, values...)
	}
	for _, s := range all {
		if len(s) >= enough {
			long = append(long, s)
		}
	}
	return long
}
