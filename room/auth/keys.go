package auth

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// KeyPair are the keys that sign addresses for one purpose. New addresses are signed with Primary; those that were
// signed with Backup are taken as well, if it is not empty.
type KeyPair struct{ Primary, Backup Secret }

// Keys sign addresses. A key for playing opens no address for publishing, whatever the dialect.
type Keys struct{ Play, Publish KeyPair }

// WithDefaults fills in the primary keys that are missing with ones that are derived from the app's key, so that a
// signature in a dialect of MD5 tells nothing about what signs tokens (RFC 5869, with SHA-256).
func (k Keys) WithDefaults(app Secret) (Keys, error) {
	for label, key := range map[string]*Secret{"weir address play": &k.Play.Primary, "weir address publish": &k.Publish.Primary} {
		if *key != "" {
			continue
		}
		raw, err := hkdf.Key(sha256.New, []byte(app), nil, label, sha256.Size)
		if err != nil {
			return Keys{}, fmt.Errorf("cannot derive a key for addresses: %w", err)
		}
		*key = Secret(hex.EncodeToString(raw))
	}
	return k, nil
}

// of are the keys for an action. There is none for actions that no address can be signed for.
func (k *Keys) of(a Action) KeyPair {
	switch a {
	case ActionPlay:
		return k.Play
	case ActionPublish:
		return k.Publish
	default:
		return KeyPair{}
	}
}

// any tells whether check holds for one of the keys. It tries all, so that the time does not tell which one it was.
func (k KeyPair) any(check func(key Secret) bool) bool {
	ok := false
	for _, key := range [...]Secret{k.Primary, k.Backup} {
		if key != "" && check(key) {
			ok = true
		}
	}
	return ok
}
