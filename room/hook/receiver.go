package hook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// maxURL is the longest address of a receiver, in bytes.
const maxURL = 2048

// Receiver is where the callbacks of an app go. Its JSON is part of an app's settings in the store.
type Receiver struct {
	// URL is http or https; empty: there is no receiver.
	URL string `json:"callback_url"`
	// Token signs the address of each call; empty: it is not signed.
	Token string `json:"callback_token"`
	// Commands are those that are on; empty: all are.
	Commands []string `json:"callbacks"`
}

// ParseSettings reads the receiver out of an app's settings and checks it. Other settings are left alone.
//
// Errors: ErrReceiver.
func ParseSettings(settings []byte) (Receiver, error) {
	var r Receiver
	if len(settings) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(settings, &r); err != nil {
		return Receiver{}, fmt.Errorf("%w: %w", ErrReceiver, err)
	}
	return r, r.Check()
}

// Check tells whether callbacks can go to the receiver.
//
// Errors: ErrReceiver.
func (r Receiver) Check() error {
	for _, name := range r.Commands {
		if _, ok := commandOf(name); !ok {
			return fmt.Errorf("%w: there is no callback %q", ErrReceiver, name)
		}
	}
	if r.URL == "" {
		return nil
	}
	_, err := parseURL(r.URL)
	return err
}

// wants tells whether a command is on.
func (r Receiver) wants(name string) bool {
	return r.URL != "" && (len(r.Commands) == 0 || slices.Contains(r.Commands, name))
}

// parseURL reads the address of a receiver. The address is not in the error: it may hold a password.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURL:
		return nil, fmt.Errorf("%w: its address is longer than %d bytes", ErrReceiver, maxURL)
	case err != nil:
		return nil, fmt.Errorf("%w: its address is malformed", ErrReceiver)
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, fmt.Errorf("%w: its address must begin with http://HOST or https://HOST", ErrReceiver)
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// Masked is an address without what may be secret in it: user, password and query.
func Masked(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(malformed)"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return shown.String()
}

// Form is how stream events are rendered.
type Form string

// The forms.
const (
	FormWeir Form = "weir" // weir's own
	FormCSS  Form = "css"  // the stream callbacks of the cloud
	FormSRS  Form = "srs"  // those of SRS
)

// StreamReceiver is where stream events go, and how they look.
type StreamReceiver struct {
	Form Form
	URL  string
}

// ParseStreamReceiver reads FORM=URL; without a form it is weir's.
//
// Errors: ErrReceiver.
func ParseStreamReceiver(text string) (StreamReceiver, error) {
	r := StreamReceiver{Form: FormWeir, URL: text}
	form, rest, found := strings.Cut(text, "=")
	if found && !strings.Contains(form, ":") { // the = of a query stands behind the scheme
		r.Form, r.URL = Form(form), rest
	}
	if !slices.Contains([]Form{FormWeir, FormCSS, FormSRS}, r.Form) {
		return StreamReceiver{}, fmt.Errorf("%w: the form is one of weir, css, srs", ErrReceiver)
	}
	_, err := parseURL(r.URL)
	return r, err
}

// name is the receiver in the queue. It holds nothing of what may be secret in the address, and stays the same while
// the address does.
func (r StreamReceiver) name() string {
	sum := sha256.Sum256([]byte(r.URL))
	return string(r.Form) + ":" + hex.EncodeToString(sum[:8])
}
