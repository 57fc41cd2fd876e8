package auth

import (
	"crypto/md5" //nolint:gosec // the dialect's own
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// tencentTime is how long txTime is: eight digits. Key, stream and time are joined without anything between, so that
// other lengths would let a signature for "cam" pass for one of "cam1".
const tencentTime = 8

// tencentStream is the StreamName of the dialect: all that is behind the AppName, live. Two rooms may have streams of one
// name; a stream id is the whole name, as it is with the cloud.
func tencentStream(p *Pass) string { return p.name() }

// tencentQuery is ?txSecret=md5(key + stream + txTime)&txTime=hexadecimal seconds.
func tencentQuery(key Secret, _ int, p *Pass, _ string) string {
	at := fmt.Sprintf("%08X", p.Expires.Unix())
	sum := tencentSum(key, tencentStream(p), at)
	return paramTxSecret + "=" + hex.EncodeToString(sum[:]) + "&" + paramTxTime + "=" + at
}

// tencentSum hashes the time as it is written.
func tencentSum(key Secret, stream, at string) [md5.Size]byte {
	return md5.Sum([]byte(string(key) + stream + at)) //nolint:gosec // the dialect's own
}

func readTencent(pr *proof, _ int, p *Pass, _ string) (func(Secret) bool, error) {
	at := pr.of(paramTxTime)
	seconds, err := strconv.ParseUint(at, 16, 32)
	if err != nil || len(at) != tencentTime || strings.Contains(at, "_") {
		return nil, fmt.Errorf("%w: txTime must be %d hexadecimal digits", ErrBadSignature, tencentTime)
	}
	p.Expires = time.Unix(int64(seconds), 0)
	return md5Check(pr.of(paramTxSecret), func(key Secret) [md5.Size]byte { return tencentSum(key, tencentStream(p), at) })
}
