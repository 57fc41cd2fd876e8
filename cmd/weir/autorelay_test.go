package main

import (
	"testing"

	"weir/config"
	"weir/room/live"
)

// A26: the automatic relay is switched for each app, those of the configuration too.
func TestA26Configured(t *testing.T) {
	cfg := local(t)
	cfg.Auth.Apps = config.Apps{{ID: otherApp, Key: otherKey, Auto: config.RelayAuto{On: true}}}
	s, _ := start(t, cfg)
	for app, want := range map[string]string{"1400000000": "", "1400000001": "1400000001_r_ann_main"} {
		p, err := s.namer.Publish(live.Key{App: app, Room: "r", Stream: "cam"}, live.PublishOptions{User: "ann"})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Stream().Info().ID; got != want {
			t.Errorf("app %s: got %q, want %q", app, got, want)
		}
	}
}

// A26: with the automatic relay on, each stream has its id without anybody asking; with it off, none has.
func TestA26StreamIDs(t *testing.T) {
	cfg := local(t)
	cfg.Relay.Auto.On = true
	cfg.Auth.Apps = config.Apps{{ID: otherApp, Key: otherKey}}
	s, _ := start(t, cfg)
	for app, want := range map[string]string{"1400000000": "1400000000_r_ann_main", "1400000001": ""} {
		p, err := s.namer.Publish(live.Key{App: app, Room: "r", Stream: "cam"}, live.PublishOptions{User: "ann"})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Stream().Info().ID; got != want {
			t.Errorf("app %s: got %q, want %q", app, got, want)
		}
	}
	if _, err := newAuto(&config.Config{Relay: config.Relay{Auto: config.RelayAuto{To: "rtmp://push.example.com/live/all"}}}, nil, nil); err == nil {
		t.Error("one address for all streams is taken")
	}
}
