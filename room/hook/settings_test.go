package hook

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestSetReceiver(t *testing.T) {
	apps := settingsOf(Receiver{})
	h := newHooks(t, Options{Apps: apps, IM: Receiver{URL: "http://127.0.0.1/cb"}}, nil)
	want := Receiver{URL: "https://example.com/cb", Token: "t", Commands: []string{StateChange}}
	if err := h.SetReceiver(t.Context(), other, want); err != nil {
		t.Fatal(err)
	}
	if got := h.Receiver(t.Context(), other); got.URL != want.URL || got.Token != want.Token || !h.Wants(other, StateChange) || h.Wants(other, GroupAfterSend) {
		t.Errorf("got %+v", got)
	}
	for _, url := range []string{"http://127.0.0.1/", "http://[::ffff:10.0.0.1]/", "http://0.0.0.0/", "http://169.254.169.254/", "ftp://example.com"} {
		if err := h.SetReceiver(t.Context(), other, Receiver{URL: url}); !errors.Is(err, ErrReceiver) {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, id := range []int{app, 7} {
		if err := h.SetReceiver(t.Context(), id, want); !errors.Is(err, ErrConfigured) {
			t.Errorf("%d: %v", id, err)
		}
	}
}

func TestWithReceiver(t *testing.T) {
	out, err := withReceiver([]byte(`{"limit":7,"callback_url":"https://old"}`), Receiver{URL: "https://new"})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Limit int
		Receiver
	}
	if err := json.Unmarshal(out, &got); err != nil || got.Limit != 7 || got.URL != "https://new" {
		t.Errorf("%s, %v", out, err)
	}
	if _, err := withReceiver([]byte(`[]`), Receiver{}); err == nil {
		t.Error("a list is settings")
	}
	for text, good := range map[string]bool{"": true, "{}": true, `{"callback_url":"https://a/b","x":1}`: true, `{"callback_url":"a"}`: false, `{"callbacks":"x"}`: false, `x`: false} {
		if _, err := ParseSettings([]byte(text)); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWantsStream(t *testing.T) {
	for _, tc := range []struct {
		form Form
		k    Kind
		want bool
	}{{FormWeir, Played, true}, {FormSRS, Played, true}, {FormSRS, Watched, false}, {FormCSS, Played, false}, {FormCSS, Recorded, true}} {
		h := newHooks(t, Options{Streams: []StreamReceiver{{tc.form, "http://a"}}}, nil)
		if got := h.WantsStream(tc.k); got != tc.want {
			t.Errorf("%s %s: %v", tc.form, tc.k, got)
		}
	}
	if newHooks(t, Options{}, nil).WantsStream(Published) {
		t.Error("there is nobody")
	}
}
