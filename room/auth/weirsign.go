package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

const (
	signVersion = "w1"
	signFields  = 6
	// signEnds is the field of a pass that ends its session.
	signEnds = "e"
)

// signBase64 refuses stray bits, so that a signature has one spelling only.
var signBase64 = base64.RawURLEncoding.Strict()

// actionNames are the actions as a signature has them.
var actionNames = [...]string{ActionPlay: "play", ActionPublish: "publish"}

// weirQuery is ?sign=w1.EXPIRES.ENDS.USER.ONCE.MAC: one parameter, so that there is nothing to swap or to leave out.
func weirQuery(key Secret, app int, p *Pass, _ string) string {
	head := weirHead(p)
	return paramSign + "=" + head + "." + signBase64.EncodeToString(weirMAC(key, app, p, head))
}

// weirHead is what of a signature can be read.
func weirHead(p *Pass) string {
	ends := ""
	if p.Ends {
		ends = signEnds
	}
	return strings.Join([]string{signVersion, strconv.FormatInt(p.Expires.Unix(), 10), ends, p.User, p.Once}, ".")
}

// weirMAC is over one line for each thing that is signed. None of them can hold a line end.
func weirMAC(key Secret, app int, p *Pass, head string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	// The line of the room is empty with a stream id, which no room is.
	fmt.Fprintf(mac, "weir\n%s\n%d\n%s\n%s\n%s\n", actionNames[p.Action], app, p.Room, p.Stream+p.ID, head)
	return mac.Sum(nil)
}

func readWeir(pr *proof, app int, p *Pass, _ string) (func(Secret) bool, error) {
	bad := func(why string) (func(Secret) bool, error) { return nil, fmt.Errorf("%w: %s", ErrBadSignature, why) }
	fields := strings.Split(pr.of(paramSign), ".")
	if len(fields) != signFields || fields[0] != signVersion {
		return bad("it is not one of version " + signVersion)
	}
	mac, err := signBase64.DecodeString(fields[5])
	if err != nil || len(mac) != sha256.Size || strings.ContainsAny(fields[5], "\r\n") {
		return bad("its code is malformed")
	}
	if p.Expires, err = unix(fields[1]); err != nil {
		return bad("its expiry is malformed")
	}
	if fields[2] != "" && fields[2] != signEnds {
		return bad("it promises what nobody knows")
	}
	p.Ends, p.User, p.Once = fields[2] == signEnds, fields[3], fields[4]
	if p.check() != nil {
		return bad("its user or its use is malformed")
	}
	return func(key Secret) bool { return hmac.Equal(mac, weirMAC(key, app, p, weirHead(p))) }, nil
}
