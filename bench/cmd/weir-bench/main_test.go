//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"weir/bench/scenario"
)

func TestAgain(t *testing.T) {
	got := again([]string{"fanout-flv", "--viewers", "1,2", "-o", "x.json", "--weir=bin/weir", "--profile", "cpu", "--joins=0"})
	if want := "go run ./bench/cmd/weir-bench fanout-flv --viewers 1,2 --joins=0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJoins(t *testing.T) {
	var j joins
	if err := j.Set("0,default,350ms"); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{0, scenario.Default, 350 * time.Millisecond}; !slices.Equal(j, want) {
		t.Errorf("got %v, want %v", []time.Duration(j), want)
	}
	if got := j.String(); got != "0s,default,350ms" {
		t.Errorf("it says %q", got)
	}
	for _, bad := range []string{"", "x", "-1s", "1s,"} {
		if err := j.Set(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestCommands holds that every scenario has its flags and says what it does.
func TestCommands(t *testing.T) {
	root := command()
	for _, s := range scenarios {
		c, _, err := root.Find([]string{s.name})
		if err != nil || c.Short == "" {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		for _, name := range s.flags {
			if c.Flags().Lookup(name) == nil {
				t.Errorf("%s has no flag %s", s.name, name)
			}
		}
	}
	root.SetArgs([]string{"fanout-flv", "--joins", "x"})
	root.SetOut(new(strings.Builder))
	if err := root.ExecuteContext(t.Context()); err == nil {
		t.Error("a bad joining was taken")
	}
}
