package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"weir/config"
)

func configIn(dir string) *config.Config {
	cfg := config.Default()
	cfg.DataDir = dir
	return cfg
}

func TestKeyIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "data")
	first, err := loadKey(configIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	if !first.made || len(first.secret) != 64 || first.warning != "" {
		t.Errorf("first: made %v, %d characters, warning %q", first.made, len(first.secret), first.warning)
	}
	second, err := loadKey(configIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	if second.made || second.secret != first.secret {
		t.Errorf("second: made %v, same key %v", second.made, second.secret == first.secret)
	}
	for name, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, keyFile): 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %v", name, info.Mode(), err, want)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestKeyIsTheSameForAllWhoMakeIt(t *testing.T) {
	dir := t.TempDir()
	keys := make([]appKey, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = loadKey(configIn(dir)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	made := 0
	for _, k := range keys {
		if k.made {
			made++
		}
		if k.secret != keys[0].secret {
			t.Error("two programs have two keys")
		}
	}
	if made != 1 {
		t.Errorf("%d programs made the key, want 1", made)
	}
}

func TestConfiguredKeyNeedsNoFile(t *testing.T) {
	cfg := configIn(filepath.Join(t.TempDir(), "none"))
	cfg.Auth.Key = testKey
	key, err := loadKey(cfg)
	if err != nil || key.secret != testKey || key.made {
		t.Errorf("got made %v, %v", key.made, err)
	}
	if _, err := os.Stat(cfg.DataDir); err == nil {
		t.Error("data_dir was made for nothing")
	}
}

func TestKeyFilesFromOutside(t *testing.T) {
	for _, tc := range []struct {
		name, text     string
		mode           os.FileMode
		wantErr, wantW string
	}{
		{"good", testKey + "\n", 0o600, "", ""},
		{"read-only", testKey, 0o400, "", ""},
		{"open to others", testKey, 0o644, "", "chmod 600"},
		{"empty", "", 0o600, "0 characters", ""},
		{"short", "secret", 0o600, "6 characters", ""},
		{"huge", strings.Repeat("k", maxKey+1), 0o600, "larger than", ""},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, keyFile)
		if err := os.WriteFile(file, []byte(tc.text), tc.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, tc.mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		key, err := loadKey(configIn(dir))
		if tc.wantErr == "" && err != nil || tc.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tc.wantErr)) {
			t.Errorf("%s: got error %v, want %q", tc.name, err, tc.wantErr)
		}
		if tc.wantErr == "" && key.secret != testKey {
			t.Errorf("%s: got another key", tc.name)
		}
		if (tc.wantW == "") != (key.warning == "") || !strings.Contains(key.warning, tc.wantW) {
			t.Errorf("%s: got warning %q, want %q", tc.name, key.warning, tc.wantW)
		}
	}
}

func TestKeyWhereNoneCanBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadKey(configIn(filepath.Join(file, "data"))); err == nil || !strings.Contains(err.Error(), "key") {
		t.Errorf("got %v", err)
	}
}
