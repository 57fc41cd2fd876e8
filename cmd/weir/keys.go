package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"weir/config"
	"weir/room/auth"
)

// Key files that weir makes and reads.
const (
	keyFile  = "auth.key"
	keyBytes = 32      // 256 bits, which are 64 characters in hexadecimal, as the cloud's keys have
	minKey   = 32      // characters that a file must have at least
	maxKey   = 4 << 10 // bytes that are read of a file at most
)

// appKey is the app's secret key and what is to be said about it.
type appKey struct {
	secret auth.Secret
	// file is where it is kept; empty when it is configured.
	file string
	// made is true when this call made it.
	made bool
	// warning is what the operator should change; empty when all is well.
	warning string
}

// loadKey returns the configured key, else the one in data_dir, which it makes when there is none. Programs
// that do so at the same time end up with the same key.
func loadKey(cfg *config.Config) (appKey, error) {
	if cfg.Auth.Key != "" {
		return appKey{secret: auth.Secret(cfg.Auth.Key)}, nil
	}
	file := filepath.Join(cfg.DataDir, keyFile)
	key, err := readKey(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	made, err := makeKey(cfg.DataDir, file)
	if err != nil {
		return appKey{}, fmt.Errorf("cannot make a key in %s: %w", cfg.DataDir, err)
	}
	key, err = readKey(file)
	key.made = made
	return key, err
}

// readKey reads a key file. A file that others may read still works, with a warning: refusing it would stop a
// server that restores a backup or runs on a volume without modes.
func readKey(file string) (appKey, error) {
	info, err := os.Stat(file)
	if err != nil {
		return appKey{}, fmt.Errorf("cannot read the key: %w", err)
	}
	if info.Size() > maxKey {
		return appKey{}, fmt.Errorf("cannot read the key: %s is larger than %d bytes", file, maxKey)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return appKey{}, fmt.Errorf("cannot read the key: %w", err)
	}
	text = bytes.TrimSpace(text)
	if len(text) < minKey {
		return appKey{}, fmt.Errorf("cannot use the key in %s: it has %d characters, fewer than %d", file, len(text), minKey)
	}
	key := appKey{secret: auth.Secret(text), file: file}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		key.warning = fmt.Sprintf("%s may be read by others (mode %04o): chmod 600 it", file, mode)
	}
	return key, nil
}

// makeKey writes a new key to file. It is not made when another program was faster. The file appears whole or
// not at all: it is written under another name and then linked, which fails if the name is taken.
func makeKey(dir, file string) (made bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	temp, err := os.CreateTemp(dir, keyFile+".*") // mode 0600
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.Remove(temp.Name())) }()
	raw := make([]byte, keyBytes)
	_, _ = rand.Read(raw) // never fails: it ends the program when the system has no randomness
	_, err = temp.WriteString(hex.EncodeToString(raw) + "\n")
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return false, err
	}
	err = os.Link(temp.Name(), file)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}
