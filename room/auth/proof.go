package auth

import (
	"fmt"
	"net/url"
	"strings"
)

// The parameters of a query that prove something.
const (
	paramUserSig  = "usersig"
	paramSign     = "sign"
	paramTxSecret = "txSecret"
	paramTxTime   = "txTime"
	paramAuthKey  = "auth_key"
)

var params = [...]string{paramUserSig, paramSign, paramTxSecret, paramTxTime, paramAuthKey}

// maxQuery bounds what is read of a query, in bytes; a token of 4 KB fits.
const maxQuery = 8 << 10

// proof is what of a query proves something, each parameter once.
type proof struct{ values [len(params)]string }

// of is a parameter's value; empty when it is not there.
func (pr *proof) of(name string) string {
	for i, n := range params {
		if n == name {
			return pr.values[i]
		}
	}
	return ""
}

// signature tells whether there is a signature of any dialect.
func (pr *proof) signature() bool {
	return pr.of(paramSign)+pr.of(paramTxSecret)+pr.of(paramTxTime)+pr.of(paramAuthKey) != ""
}

// dialect is that of the signature. Two are one too many: nobody could say which promises hold.
func (pr *proof) dialect() (Dialect, error) {
	weir, tencent, alibaba := pr.of(paramSign) != "", pr.of(paramTxSecret)+pr.of(paramTxTime) != "", pr.of(paramAuthKey) != ""
	switch {
	case weir && !tencent && !alibaba:
		return DialectWeir, nil
	case tencent && !weir && !alibaba:
		return DialectTencent, nil
	case alibaba && !weir && !tencent:
		return DialectAlibaba, nil
	default:
		return 0, fmt.Errorf("%w: there is more than one in the address", ErrBadSignature)
	}
}

// parseProof reads a query. What proves something must be there once, in its own spelling and not empty, and
// signatures not percent-encoded, so that an address has one form only. What proves nothing does not matter.
func parseProof(query string) (proof, error) {
	var pr proof
	if len(query) > maxQuery {
		return pr, fmt.Errorf("%w: the address is too long", ErrBadSignature)
	}
	for pair := range strings.SplitSeq(query, "&") {
		i, value, err := readPair(pair)
		if err != nil {
			return pr, err
		}
		if i < 0 {
			continue
		}
		if pr.values[i] != "" {
			return pr, fmt.Errorf("%w: %s is there twice", ErrBadSignature, params[i])
		}
		if params[i] == paramTxSecret && pr.of(paramTxTime) != "" {
			return pr, fmt.Errorf("%w: txSecret stands before txTime", ErrBadSignature)
		}
		pr.values[i] = value
	}
	return pr, nil
}

// readPair reads one name=value of a query; i is less than 0 for what proves nothing.
func readPair(pair string) (i int, value string, err error) {
	raw, value, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(raw)
	if err != nil {
		name = raw // no name that could be one of ours
	}
	for i, known := range params {
		switch {
		case !strings.EqualFold(known, name):
			continue
		case known != raw:
			return 0, "", fmt.Errorf("%w: %s has to be written like that", ErrBadSignature, known)
		case value == "" && known != paramUserSig:
			return 0, "", fmt.Errorf("%w: %s is empty", ErrBadSignature, known)
		case strings.ContainsAny(value, "%+ ") && known != paramUserSig:
			return 0, "", fmt.Errorf("%w: %s is malformed", ErrBadSignature, known)
		}
		return i, value, nil
	}
	return -1, "", nil
}

// Carried is the part of a query that proves something or names the app, for the addresses behind the one that has it.
func Carried(query string) string {
	var kept []string
	if app := CarriedApp(query); app != "" {
		kept = append(kept, app)
	}
	for pair := range strings.SplitSeq(query, "&") {
		if i, _, err := readPair(pair); err == nil && i >= 0 {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// Foreign tells whether a query has a signature in another dialect than weir's own, which may hold for the one path
// that it is at.
func Foreign(query string) bool {
	pr, err := parseProof(query)
	return err == nil && pr.signature() && pr.of(paramSign) == ""
}

// Signed tells whether a query has a signature.
func Signed(query string) bool {
	pr, err := parseProof(query)
	return err == nil && pr.signature()
}

// ReplaceProof is the query with another signature in the place of what proves something in it.
func ReplaceProof(query, signature string) string {
	return strings.TrimSuffix(signature+"&"+WithoutProof(query), "&")
}

// WithoutProof is the query without all that proves something.
func WithoutProof(query string) string {
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		if i, _, err := readPair(pair); err == nil && i < 0 && pair != "" {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}
