package auth

import (
	"crypto/md5" //nolint:gosec // the cloud's own; it protects nothing
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// How a stream id ends that a cloud made: of a camera, or of a screen (see Rights).
const (
	endMain = "_main"
	endAux  = "_aux"
)

// paramStreamID gives a published stream its id.
const paramStreamID = "streamid"

// CloudID is the id that the cloud gives a user's stream in a room, {sdkappid}_{roomid}_{userid}_main, with _aux at the end
// for a screen. A stream without a user is known by its own name. What no stream id can hold makes its MD5 the id.
func CloudID(app int, room, user, stream string) string {
	name, end := stream, endMain
	if base, aux := strings.CutSuffix(stream, endAux); aux {
		name, end = base, endAux
	}
	if user != "" {
		name = user
	}
	id := AppName(app) + "_" + room + "_" + name + end
	if CheckStream(id) == nil {
		return id
	}
	sum := md5.Sum([]byte(id)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// SplitCloudID reads {sdkappid}_{roomid}_{userid}_main: the room is all up to the next underscore, and the stream is named
// after its user. ok is false for any other id.
func SplitCloudID(id string) (app int, room, stream string, ok bool) {
	number, rest, found := strings.Cut(id, "_")
	app = AppOf(paramApp + "=" + number)
	if !found || app <= 0 || CheckStream(id) != nil {
		return 0, "", "", false
	}
	rest, aux := strings.CutSuffix(rest, endAux)
	if !aux {
		rest, found = strings.CutSuffix(rest, endMain)
	}
	room, stream, split := strings.Cut(rest, "_")
	if aux {
		stream += endAux
	}
	if !found || !split || errors.Join(CheckRoom(room), CheckStream(stream)) != nil {
		return 0, "", "", false
	}
	return app, room, stream, true
}

// RoomOfID is where a stream is published of which the id alone is given: in the room and by the user that a cloud's id
// names, else in a room and as a stream of that name.
//
// Errors: ErrBadID.
func RoomOfID(id string) (room, stream string, err error) {
	if _, room, stream, ok := SplitCloudID(id); ok {
		return room, stream, nil
	}
	return id, id, errors.Join(CheckStream(id), CheckRoom(id))
}

// MayHaveID refuses a stream a cloud's id that names another room or user of its app: such an id belongs to these, also
// while they do not use it. An application, which has no name, may give it to any user.
//
// Errors: ErrBadID, ErrForeignID.
func MayHaveID(id string, app int, room, user string) error {
	if err := CheckStream(id); err != nil {
		return err
	}
	if of, _, _, cloud := SplitCloudID(id); !cloud || of != app {
		return nil
	}
	begin := AppName(app) + "_" + room + "_"
	named, ok := strings.CutPrefix(id, begin)
	if ok && (user == "" || named == user+endMain || named == user+endAux) {
		return nil
	}
	return fmt.Errorf("%w: it belongs to the room and the user that it names", ErrForeignID)
}

// AppFor is the app that a request means: that of its query, else the one that a cloud's id names if there is one of that
// number, else the default one.
func (a *Authorizer) AppFor(query, id string) int {
	if app := AppOf(query); app != DefaultApp {
		return app
	}
	if app, _, _, ok := SplitCloudID(id); ok {
		if _, err := a.app(app); err == nil {
			return app
		}
	}
	return a.own.ID
}
