package auth

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"
)

// Bounds of a token from outside.
const (
	maxSig  = 4 << 10 // as it stands in the request
	maxJSON = 8 << 10 // inflated
)

// MaxTTL is the longest life that Sign gives.
const MaxTTL = 10 * 365 * 24 * time.Hour

// sigVersion is the only version of UserSig that is signed by HMAC-SHA256.
const sigVersion = "2.0"

// sigBase64 is standard base64 with the characters that a URL would change put in others' places. Strict
// refuses stray bits, so that a token has one spelling only.
var sigBase64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-").
	WithPadding('_').Strict()

// User is who a valid token speaks for.
type User struct {
	// ID is the user's id.
	ID string
	// Expires is when the token stops being valid.
	Expires time.Time
	// Limit narrows what the token allows; nil when it allows all that its user may do.
	Limit *Limit
}

// sigDoc is the JSON inside a UserSig.
type sigDoc struct {
	Version string  `json:"TLS.ver"`
	User    string  `json:"TLS.identifier"`
	App     int64   `json:"TLS.sdkappid"`
	Time    int64   `json:"TLS.time"`
	Expire  int64   `json:"TLS.expire"`
	UserBuf *string `json:"TLS.userbuf"`
	Sig     string  `json:"TLS.sig"`
}

// Sign makes a UserSig for the user that is valid for ttl from now on, to the second.
func Sign(app App, user string, ttl time.Duration) (string, error) {
	if err := app.checkSign(user, ttl); err != nil {
		return "", err
	}
	return tencentyun.GenUserSig(app.ID, string(app.Key), user, int(ttl/time.Second))
}

// SignLimited makes a UserSig that is for one room and for some rights in it only.
func SignLimited(app App, user string, ttl time.Duration, room string, rights Rights) (string, error) {
	if err := errors.Join(app.checkSign(user, ttl), CheckRoom(room)); err != nil {
		return "", err
	}
	return tencentyun.GenPrivateMapKeyWithStringRoomID(app.ID, string(app.Key), user, int(ttl/time.Second), room, uint32(rights))
}

func (a *App) checkSign(user string, ttl time.Duration) error {
	if err := CheckUser(user); err != nil {
		return fmt.Errorf("cannot sign for %q: %w", user, err)
	}
	if a.Key == "" {
		return fmt.Errorf("cannot sign for %q: app %d has no key", user, a.ID)
	}
	if ttl < time.Second || ttl > MaxTTL {
		return fmt.Errorf("cannot sign for %q: a life of %v is not from 1s to %v", user, ttl, MaxTTL)
	}
	return nil
}

// Verify checks a UserSig against an app, DefaultApp or an id: its form, app, signature and life.
//
// Errors: ErrUnknownApp, ErrNoToken, ErrBadToken when it is malformed, ErrWrongApp, ErrForged, ErrExpired.
func (a *Authorizer) Verify(_ context.Context, app int, sig string) (User, error) {
	of, err := a.app(app)
	if err != nil {
		return User{}, err
	}
	return a.verifySig(of, sig)
}

// VerifyAdmin checks that a UserSig of an app speaks for the identifier, and that this is an administrator.
//
// Errors: those of Verify, ErrWrongUser, ErrForbidden.
func (a *Authorizer) VerifyAdmin(_ context.Context, app int, identifier, sig string) (User, error) {
	of, err := a.app(app)
	if err != nil {
		return User{}, err
	}
	user, err := a.verifySig(of, sig)
	switch {
	case err != nil:
		return User{}, err
	case user.ID != identifier:
		return User{}, ErrWrongUser
	case !of.Administers(user):
		return User{}, fmt.Errorf("%w: it needs an administrator of the app", ErrForbidden)
	}
	return user, nil
}

func (a *Authorizer) verifySig(app *App, sig string) (User, error) {
	if sig == "" {
		return User{}, ErrNoToken
	}
	doc, err := parseSig(sig)
	if err != nil {
		return User{}, err
	}
	if doc.App != int64(app.ID) {
		return User{}, ErrWrongApp
	}
	if !app.signed(doc) {
		return User{}, ErrForged
	}
	user := User{ID: doc.User, Expires: time.Unix(doc.Time+doc.Expire, 0)}
	if doc.UserBuf != nil {
		if user.Limit, err = parseUserBuf(*doc.UserBuf, doc); err != nil {
			return User{}, err
		}
		if user.Limit.Expires.Before(user.Expires) {
			user.Expires = user.Limit.Expires
		}
	}
	if a.now().After(user.Expires) {
		return User{}, ErrExpired
	}
	return user, nil
}

// parseSig undoes the wrapping of a token and checks the form of what is inside. Everything in the document
// is as harmless as an unsigned text can be: no field can pretend to be two lines of the signed content.
func parseSig(sig string) (*sigDoc, error) {
	if len(sig) > maxSig {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrBadToken, maxSig)
	}
	// The decoder skips line ends by itself, which would give a token many spellings.
	if strings.ContainsAny(sig, "\r\n") {
		return nil, fmt.Errorf("%w: it has a line end", ErrBadToken)
	}
	packed, err := sigBase64.DecodeString(sig)
	if err != nil {
		return nil, fmt.Errorf("%w: its base64 is wrong", ErrBadToken)
	}
	text, err := inflate(packed)
	if err != nil {
		return nil, err
	}
	doc := new(sigDoc)
	if err := json.Unmarshal(text, doc); err != nil {
		return nil, fmt.Errorf("%w: its JSON is wrong", ErrBadToken)
	}
	switch {
	case doc.Version != sigVersion:
		return nil, fmt.Errorf("%w: its version is not %s", ErrBadToken, sigVersion)
	case CheckUser(doc.User) != nil:
		return nil, fmt.Errorf("%w: its user id is wrong", ErrBadToken)
	case doc.Time < 0 || doc.Time > math.MaxUint32 || doc.Expire < 0 || doc.Expire > math.MaxUint32:
		return nil, fmt.Errorf("%w: its times are out of range", ErrBadToken)
	}
	return doc, nil
}

// inflate undoes zlib and stops at the bound, so that a small token cannot become a large one.
func inflate(packed []byte) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%w: it is not compressed", ErrBadToken)
	}
	text, err := io.ReadAll(io.LimitReader(z, maxJSON+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: its compression is damaged", ErrBadToken)
	case len(text) > maxJSON:
		return nil, fmt.Errorf("%w: it is longer than %d bytes inflated", ErrBadToken, maxJSON)
	}
	return text, nil
}

// signed tells whether the document's signature is the app's. An app without a key has signed nothing.
func (a *App) signed(doc *sigDoc) bool {
	got, err := base64.StdEncoding.DecodeString(doc.Sig)
	if err != nil || a.Key == "" {
		return false
	}
	mac := hmac.New(sha256.New, []byte(a.Key))
	fmt.Fprintf(mac, "TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n",
		doc.User, doc.App, doc.Time, doc.Expire)
	if doc.UserBuf != nil {
		fmt.Fprintf(mac, "TLS.userbuf:%s\n", *doc.UserBuf)
	}
	return hmac.Equal(mac.Sum(nil), got)
}
