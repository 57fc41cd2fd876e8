package images

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// A name is an id of 128 random bits, the size, and the format: 0123456789abcdef0123456789abcdef_720.jpg. The original
// has no size. Whoever knows one may see the picture, and none can be guessed.
var name = regexp.MustCompile(`^[0-9a-f]{32}(_720|_198)?\.(jpg|png|gif)$`)

// newID is an id that nobody can guess.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// idOf is the picture that a name is a size of.
func idOf(name string) string { return name[:32] }

// typeOf is the media type of a name.
func typeOf(name string) string {
	switch name[strings.LastIndexByte(name, '.'):] {
	case ".png":
		return "image/png"
	case ".gif":
		return "image/gif"
	default:
		return "image/jpeg"
	}
}

// parseApp reads an app's number as it stands in a path: no other text means it.
func parseApp(text string) (app int, ok bool) {
	app, err := strconv.Atoi(text)
	return app, err == nil && app > 0 && strconv.Itoa(app) == text
}
