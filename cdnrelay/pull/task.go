package pull

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"weir/cdnrelay/rtmp"
	"weir/room/auth"
	"weir/room/dial"
	"weir/room/live"
)

// Mode says when a stream is pulled.
type Mode string

// The modes.
const (
	Always   Mode = "always"
	OnDemand Mode = "demand" // while somebody watches or waits
)

// Origin is who made a task.
type Origin string

// The origins.
const (
	OriginConfig Origin = "config"
	OriginAPI    Origin = "api"
)

// maxFrom is how many addresses a task may have, and maxAddress how long each may be.
const maxFrom, maxAddress = 8, 2048

// Task says which streams come from where.
type Task struct {
	ID     string // unique; made by the Manager where it is empty
	Origin Origin
	App    string // as in live.Key
	// Room and Stream name the stream. On demand they are patterns of path.Match: a name means itself, * every one.
	Room, Stream string
	// From are the addresses, the first one to be tried first: http, https, rtmp or rtmps. {app}, {room} and {stream} behind
	// the host stand for those of the stream. They are secret; see address.MaskedSource.
	From []string
	Mode Mode
	// Trusted says that the operator has written the addresses, so that they may lead anywhere.
	Trusted bool
	Created time.Time
	By      string // who made it over REST
}

// key is the stream of a task that is pulled always.
func (t *Task) key() live.Key { return live.Key{App: t.App, Room: t.Room, Stream: t.Stream} }

// means tells whether the task brings a stream.
func (t *Task) means(k live.Key) bool {
	if t.Mode == Always {
		return t.key() == k
	}
	inRoom, _ := path.Match(t.Room, k.Room) // check has seen that both are patterns
	isStream, _ := path.Match(t.Stream, k.Stream)
	return t.App == k.App && inRoom && isStream
}

// check returns what is wrong with the task, as an ErrTask.
func (t *Task) check() error {
	if err := t.checkNames(); err != nil {
		return fmt.Errorf("%w: %w", ErrTask, err)
	}
	if len(t.From) == 0 || len(t.From) > maxFrom {
		return fmt.Errorf("%w: it has %d addresses, and 1 to %d are taken", ErrTask, len(t.From), maxFrom)
	}
	for i, text := range t.From {
		if err := checkAddress(text); err != nil {
			return fmt.Errorf("%w: address %d: %w", ErrTask, i+1, err)
		}
	}
	return nil
}

func (t *Task) checkNames() error {
	switch t.Mode {
	case Always:
		if err := auth.CheckRoom(t.Room); err != nil {
			return err
		}
		return auth.CheckStream(t.Stream)
	case OnDemand:
		for _, pattern := range []string{t.Room, t.Stream} {
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" || len(pattern) > maxAddress {
				return fmt.Errorf("%q is not a pattern", pattern)
			}
		}
		return nil
	default:
		return fmt.Errorf("the mode %q is neither %s nor %s", t.Mode, Always, OnDemand)
	}
}

// checkAddress tells what is wrong with an address, without saying it: it is secret.
func checkAddress(text string) error {
	if len(text) > maxAddress {
		return fmt.Errorf("it is longer than %d bytes", maxAddress)
	}
	u, err := url.Parse(filled(text, live.Key{App: "1", Room: "r", Stream: "s"}))
	if err != nil || u.Host == "" || u.Opaque != "" {
		return fmt.Errorf("it is none")
	}
	if !slices.Contains([]string{"http", "https", "rtmp", "rtmps"}, u.Scheme) {
		return fmt.Errorf("its scheme is none of http, https, rtmp and rtmps")
	}
	// Whoever watches names rooms and streams: a host must not be made of them.
	_, host, _ := strings.Cut(text, "://") // the scheme may be written in capitals
	if host, _, _ = strings.Cut(host, "/"); strings.ContainsAny(host, "{}") {
		return fmt.Errorf("its host has placeholders")
	}
	if strings.ContainsAny(filled(text, live.Key{}), "{}") {
		return fmt.Errorf("what stands in braces in it is one of {app}, {room}, {stream}")
	}
	if u.Scheme == "rtmp" || u.Scheme == "rtmps" {
		return rtmp.Check(u.String())
	}
	return nil
}

// checkLiteral refuses addresses that are written in numbers and may not be connected to, so that whoever makes the task learns
// it at once. Names are looked at when they are dialed.
func (t *Task) checkLiteral(g *dial.Guard) error {
	for i, text := range t.From {
		u, err := url.Parse(filled(text, t.key()))
		if err != nil { // check has seen that it is an address
			continue
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && g.Check(a) != nil {
			return fmt.Errorf("%w: address %d: %w", ErrTask, i+1, dial.ErrAddress)
		}
	}
	return nil
}

// filled is an address with its placeholders filled in. Names are escaped so that they are one part of a path or one value of
// a query, whatever is in them.
func filled(text string, k live.Key) string {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	return strings.NewReplacer("{app}", escape(k.App), "{room}", escape(k.Room), "{stream}", escape(k.Stream)).Replace(text)
}
