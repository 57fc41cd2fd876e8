package address

import (
	"net/url"
	"strings"
)

// hidden stands for what is secret.
const hidden = "***"

// Masked is an address of another server as logs, events and the API may show it: without user, password, query and fragment,
// and without what of its path may be a key. That is the last part of an RTMP address (its stream key), and the whole path
// where a stream is published by WHIP. Placeholders in braces stay.
func Masked(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "(malformed)"
	}
	shown := u.Scheme + "://" + u.Host
	switch path := strings.Trim(u.Path, "/"); {
	case path == "":
		return shown
	case u.Scheme == "rtmp" || u.Scheme == "rtmps":
		return shown + "/" + maskedLast(path)
	default:
		return shown + "/" + hidden
	}
}

func maskedLast(path string) string {
	cut := strings.LastIndexByte(path, '/') + 1
	if last := path[cut:]; strings.HasPrefix(last, "{") && strings.IndexByte(last, '}') == len(last)-1 {
		return path
	}
	return path[:cut] + hidden
}

// MaskedSource is the address of a source that is pulled from, without user, password, query and fragment: its path names what
// is played and is no key. Placeholders in braces stay.
func MaskedSource(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "(malformed)"
	}
	shown := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	return strings.NewReplacer("%7B", "{", "%7D", "}").Replace(shown)
}
