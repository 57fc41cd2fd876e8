package auto

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"weir/cdnrelay/address"
	"weir/cdnrelay/push"
)

// Settings are an app's.
type Settings struct {
	// On gives each stream of the app a stream id, and relays it.
	On bool `json:"on"`
	// To is the CDN's address, such as rtmp://push.example.com/live/{streamid}; {app}, {room}, {stream} and {user} stand for
	// those of the stream as well. Empty: streams have their ids and are played from here alone. It may be secret.
	To string `json:"to,omitempty"`
	// Dialect and Key sign the address anew for each connection; empty: it is not signed.
	Dialect string `json:"dialect,omitempty"`
	Key     string `json:"key,omitempty"`
}

// ErrSettings: settings that make no sense.
var ErrSettings = errors.New("settings of the automatic relay that make no sense")

// maxTo and maxKey are the longest address and key, in bytes.
const maxTo, maxKey = 1024, 256

// Check refuses what makes no sense. pushed refuses what nothing can be pushed to; trusted says that the operator has written
// the settings.
//
// Errors: ErrSettings.
func (s *Settings) Check(trusted bool, pushed func(push.Task) error) error {
	switch {
	case len(s.To) > maxTo || len(s.Key) > maxKey:
		return fmt.Errorf("%w: to has at most %d bytes, key %d", ErrSettings, maxTo, maxKey)
	case s.To == "" && s.Dialect+s.Key != "":
		return fmt.Errorf("%w: dialect and key are of an address", ErrSettings)
	case s.To == "":
		return nil
	case (s.Dialect == "") != (s.Key == ""):
		return fmt.Errorf("%w: dialect and key go together", ErrSettings)
	case s.Dialect == string(address.Plain):
		return fmt.Errorf("%w: an address that is not signed has no dialect", ErrSettings)
	}
	if !strings.Contains(s.To, "{streamid}") && !(strings.Contains(s.To, "{room}") && strings.Contains(s.To, "{stream}")) {
		return fmt.Errorf("%w: every stream would go to the same address; put {streamid} into it", ErrSettings)
	}
	t := s.task(trusted)
	t.Room, t.Stream = "*", "*"
	if err := pushed(t); err != nil {
		return fmt.Errorf("%w: %w", ErrSettings, err)
	}
	return nil
}

// task is what pushes a stream to the address.
func (s *Settings) task(trusted bool) push.Task {
	t := push.Task{Origin: push.OriginAuto, To: s.To, Trusted: trusted}
	if s.Dialect != "" {
		t.Sign = &push.Signing{Dialect: s.Dialect, Key: s.Key}
	}
	return t
}

// member is the name of these settings among an app's others.
const member = "relay_auto"

// read takes the settings out of an app's.
func read(all []byte) (Settings, error) {
	var s struct {
		Auto Settings `json:"relay_auto"`
	}
	if len(all) == 0 {
		return s.Auto, nil
	}
	if err := json.Unmarshal(all, &s); err != nil {
		return Settings{}, fmt.Errorf("cannot read the app's settings: %w", err)
	}
	return s.Auto, nil
}

// with puts the settings among an app's others.
func (s *Settings) with(all []byte) ([]byte, error) {
	members := make(map[string]json.RawMessage)
	if len(all) > 0 {
		if err := json.Unmarshal(all, &members); err != nil {
			return nil, fmt.Errorf("cannot read the app's settings: %w", err)
		}
	}
	mine, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	members[member] = mine
	return json.Marshal(members)
}
