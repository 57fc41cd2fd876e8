package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestUsesAfterAFault: what could not be written lets nobody in, and what is written afterwards lasts.
func TestUsesAfterAFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "uses")
	u := NewUses(path, time.Now)
	until := time.Now().Add(time.Hour)
	if first, err := u.Use("a", until); !first || err != nil {
		t.Fatal(first, err)
	}
	// Now the file cannot be written, nor made anew: a folder is in its place.
	if err := errors.Join(u.file.Close(), os.Remove(path), os.MkdirAll(filepath.Join(path, "in the way"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if first, err := u.Use("b", until); first || err == nil {
		t.Fatalf("let in without a note: %v, %v", first, err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"a": false, "b": true, "c": true} {
		if first, err := u.Use(name, until); first != want || err != nil {
			t.Errorf("%s: %v, %v", name, first, err)
		}
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
	again := NewUses(path, time.Now)
	for _, name := range []string{"a", "b", "c"} {
		if first, err := again.Use(name, until); first || err != nil {
			t.Errorf("%s is used again: %v, %v", name, first, err)
		}
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
