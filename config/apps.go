package config

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// App is an app beside the default one.
type App struct {
	ID     int      `key:"id" json:"id"`
	Key    Secret   `key:"key" json:"key"`
	Admins []string `key:"admins" json:"admins"`
	Name   string   `key:"name" json:"name"`
	// Auto is its automatic relay.
	Auto RelayAuto `key:"autorelay" json:"autorelay,omitzero"`
}

// Apps are the apps beside the default one. The environment and flags write them as JSON.
type Apps []App

// UnmarshalText reads a JSON list; empty is none.
func (a *Apps) UnmarshalText(text []byte) error {
	*a = Apps{}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode((*[]App)(a)); err != nil {
		return fmt.Errorf(`a list of apps is JSON, such as [{"id":1400000001,"key":"...","admins":["administrator"],"name":"shop"}]: %w`, err)
	}
	if in.More() {
		return fmt.Errorf("a list of apps is one JSON list")
	}
	return nil
}

// String is the list as a flag writes it, its keys masked.
func (a Apps) String() string {
	if len(a) == 0 {
		return ""
	}
	text, err := json.Marshal([]App(a))
	if err != nil {
		return masked
	}
	return string(text)
}
