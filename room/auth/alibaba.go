package auth

import (
	"crypto/md5" //nolint:gosec // the dialect's own
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// alibabaLife is how long an address of type A is valid behind its timestamp.
	alibabaLife = 30 * time.Minute
	// noUser is the uid of whoever has the address, and the rand that nobody chose.
	noUser = "0"
	// alibabaFields are timestamp, rand, uid and MD5.
	alibabaFields = 4
)

func carriesUID(p *Pass) error {
	switch {
	case p.Once != "" || p.Ends:
		return fmt.Errorf("%w: it names no single use and no end of a session", ErrBadDialect)
	case p.User == noUser || strings.Contains(p.User, "-"):
		return fmt.Errorf("%w: a user's id cannot be 0 or have a - in it", ErrBadDialect)
	case p.Expires.Add(-alibabaLife).Unix() < 1e9:
		return fmt.Errorf("%w: the time is too early", ErrBadDialect)
	}
	return nil
}

// alibabaQuery is ?auth_key=timestamp-rand-uid-md5(path-timestamp-rand-uid-key).
func alibabaQuery(key Secret, _ int, p *Pass, path string) string {
	uid := p.User
	if uid == "" {
		uid = noUser
	}
	head := strconv.FormatInt(p.Expires.Add(-alibabaLife).Unix(), 10) + "-" + noUser + "-" + uid
	sum := alibabaSum(key, path, head)
	return paramAuthKey + "=" + head + "-" + hex.EncodeToString(sum[:])
}

func alibabaSum(key Secret, path, head string) [md5.Size]byte {
	return md5.Sum([]byte(path + "-" + head + "-" + string(key))) //nolint:gosec // the dialect's own
}

func readAlibaba(pr *proof, _ int, p *Pass, path string) (func(Secret) bool, error) {
	value := pr.of(paramAuthKey)
	fields := strings.Split(value, "-")
	if len(fields) != alibabaFields || !isName(fields[1]) || CheckUser(fields[2]) != nil {
		return nil, fmt.Errorf("%w: auth_key must be timestamp-rand-uid-md5", ErrBadSignature)
	}
	began, err := unix(fields[0])
	if err != nil {
		return nil, fmt.Errorf("%w: the timestamp of auth_key must be ten digits", ErrBadSignature)
	}
	p.Expires = began.Add(alibabaLife)
	if fields[2] != noUser {
		p.User = fields[2]
	}
	// Signers escape what need not be, or do not: which stream it is says the path behind the one decoding that all do.
	if named, err := url.PathUnescape(path); err != nil || !strings.Contains(named, "/"+p.name()) {
		return nil, fmt.Errorf("%w: auth_key signs a path, and this one does not name the stream", ErrBadSignature)
	}
	head := value[:len(value)-len(fields[3])-1]
	return md5Check(fields[3], func(key Secret) [md5.Size]byte { return alibabaSum(key, path, head) })
}

// md5Check compares a hash in hexadecimal of either case with that of a key.
func md5Check(text string, sum func(Secret) [md5.Size]byte) (func(Secret) bool, error) {
	got, err := hex.DecodeString(text)
	if err == nil && len(got) != md5.Size {
		err = errors.New("wrong length")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: its hash must be %d hexadecimal digits", ErrBadSignature, 2*md5.Size)
	}
	return func(key Secret) bool {
		want := sum(key)
		return subtle.ConstantTimeCompare(got, want[:]) == 1
	}, nil
}
