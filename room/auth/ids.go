package auth

import (
	"fmt"
	"strings"
)

// The longest ids, in bytes.
const (
	maxRoom   = 48
	maxStream = 128
	maxUser   = 32
)

// Form is a continuous or segmented way to play a stream, named by the file's suffix.
type Form uint8

// The forms that a file name can ask for.
const (
	FormNone Form = iota
	FormFLV
	FormHLS
)

// suffixes are the file name endings of the forms. No stream id may end in one.
var suffixes = [...]string{FormFLV: ".flv", FormHLS: ".m3u8"}

// String is the form's name as metrics and logs write it.
func (f Form) String() string {
	if f == FormNone || int(f) >= len(suffixes) {
		return "none"
	}
	return [...]string{FormFLV: "flv", FormHLS: "hls"}[f]
}

// CheckRoom refuses whatever is no room id: 1 to 48 bytes of printable ASCII without / \ % ?, without a space
// at either end and without a dot at the start. Give it the id as it is after one decoding of the URL.
func CheckRoom(room string) error {
	switch {
	case room == "" || len(room) > maxRoom:
		return fmt.Errorf("%w: a room has 1 to %d bytes", ErrBadID, maxRoom)
	case room[0] == '.':
		return fmt.Errorf("%w: a room does not start with a dot", ErrBadID)
	case room[0] == ' ' || room[len(room)-1] == ' ':
		return fmt.Errorf("%w: a room does not start or end with a space", ErrBadID)
	}
	for i := range len(room) {
		if c := room[i]; c < ' ' || c > '~' || strings.IndexByte(`/\%?`, c) >= 0 {
			return fmt.Errorf(`%w: a room is printable ASCII without / \ %% ?`, ErrBadID)
		}
	}
	return nil
}

// CheckStream refuses whatever is no stream id: 1 to 128 of A-Z a-z 0-9 . _ -, no dot at the start and no
// ending that a Form has. Give it the id as it is after one decoding of the URL.
func CheckStream(stream string) error {
	switch {
	case stream == "" || len(stream) > maxStream:
		return fmt.Errorf("%w: a stream has 1 to %d bytes", ErrBadID, maxStream)
	case stream[0] == '.':
		return fmt.Errorf("%w: a stream does not start with a dot", ErrBadID)
	}
	for i := range len(stream) {
		if c := stream[i]; !isWord(c) && c != '.' {
			return fmt.Errorf("%w: a stream is made of A-Z a-z 0-9 . _ -", ErrBadID)
		}
	}
	for _, suffix := range suffixes[FormFLV:] {
		if strings.HasSuffix(stream, suffix) {
			return fmt.Errorf("%w: a stream does not end in %s", ErrBadID, suffix)
		}
	}
	return nil
}

// CheckUser refuses whatever is no user id: 1 to 32 of A-Z a-z 0-9 _ -.
func CheckUser(user string) error {
	if user == "" || len(user) > maxUser {
		return fmt.Errorf("%w: a user has 1 to %d bytes", ErrBadID, maxUser)
	}
	for i := range len(user) {
		if !isWord(user[i]) {
			return fmt.Errorf("%w: a user is made of A-Z a-z 0-9 _ -", ErrBadID)
		}
	}
	return nil
}

// SplitFile reads a file name such as cam.flv or cam.m3u8 as a stream and a form. It is not ok when the name
// has no form's ending or what stands before it is no stream id.
func SplitFile(name string) (stream string, form Form, ok bool) {
	for f := FormFLV; int(f) < len(suffixes); f++ {
		if s, found := strings.CutSuffix(name, suffixes[f]); found {
			return s, f, CheckStream(s) == nil
		}
	}
	return "", FormNone, false
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
