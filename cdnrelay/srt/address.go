package srt

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/cdnrelay/push"
)

const (
	defaultLatency = 120 * time.Millisecond // draft 4.5
	maxLatency     = 8 * time.Second
	defaultKeySize = 16
	// The lengths of a passphrase in bytes (draft 6.1.4).
	minPassphrase, maxPassphrase = 10, 79
)

// Check implements push.Checker.
func (Output) Check(u *url.URL) error {
	_, err := parse(u)
	return err
}

// settings are what an address says beside the host.
type settings struct {
	streamID   string
	passphrase string
	keySize    int
	latency    time.Duration
}

// parse reads srt://host:port?streamid=…&passphrase=…&pbkeylen=…&latency=… (ms). Errors wrap push.ErrAddress.
func parse(u *url.URL) (settings, error) {
	bad := func(what string) (settings, error) { return settings{}, fmt.Errorf("%w: %s", push.ErrAddress, what) }
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return bad("its query is malformed")
	}
	s := settings{
		streamID: q.Get("streamid"), passphrase: q.Get("passphrase"), keySize: defaultKeySize, latency: defaultLatency,
	}
	switch {
	case u.Hostname() == "" || u.Port() == "":
		return bad("it has no host and port")
	case q.Get("mode") != "" && q.Get("mode") != "caller":
		return bad("only mode=caller can be pushed with")
	case len(s.streamID) > maxStreamID || strings.Contains(s.streamID, "\x00"):
		return bad(fmt.Sprintf("its streamid has more than %d bytes, or a NUL among them", maxStreamID))
	case s.passphrase != "" && (len(s.passphrase) < minPassphrase || len(s.passphrase) > maxPassphrase):
		return bad(fmt.Sprintf("its passphrase does not have %d to %d bytes", minPassphrase, maxPassphrase))
	}
	if text := q.Get("pbkeylen"); text != "" {
		if s.keySize, err = strconv.Atoi(text); err != nil || s.keySize != 16 && s.keySize != 24 && s.keySize != 32 {
			return bad("its pbkeylen is not 16, 24 or 32")
		}
	}
	if text := q.Get("latency"); text != "" {
		ms, err := strconv.Atoi(text)
		if s.latency = time.Duration(ms) * time.Millisecond; err != nil || ms < 0 || s.latency > maxLatency {
			return bad(fmt.Sprintf("its latency is not 0 to %d ms", maxLatency.Milliseconds()))
		}
	}
	return s, nil
}
