package rtmp

import (
	"errors"
	"net/url"
	"strings"

	"weir/room/auth"
)

// appLive is the RTMP application under which streams are published, as /live is their HTTP path.
const appLive = "live"

// target is what a publisher asks for.
type target struct {
	app                  int
	room, stream, policy string
	id                   string // the stream id that the address has, or the publisher gives
	byID                 bool   // the address has it in the place of room and stream
	token                string // UserSig
	query, path          string // as they came: there may be a signature
}

// parseTarget reads the app of the connect command and the name of the publish command. Joined they are
// live/{room}/{stream}, wherever the encoder cuts between server and key; ?usersig=, a signature,
// ?sdkappid=, ?streamid= and ?policy= may stand behind either. live/{streamid} is the cloud's form: the id says which room
// and stream it is (auth.RoomOfID).
func parseTarget(app, name string) (target, error) {
	app, appQuery, _ := strings.Cut(app, "?")
	name, nameQuery, _ := strings.Cut(name, "?")
	path := strings.Trim(app, "/")
	if name = strings.Trim(name, "/"); name != "" {
		path += "/" + name
	}
	to := target{
		app: auth.AppOf(nameQuery + "&" + appQuery), path: "/" + path, query: proving(nameQuery, appQuery),
		token: parameter("usersig", nameQuery, appQuery), policy: parameter("policy", nameQuery, appQuery),
		id: parameter("streamid", nameQuery, appQuery),
	}
	parts := strings.Split(path, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] != appLive {
		return target{}, refuse("bad_address", "the address must be rtmp://HOST/live/ROOM/STREAM?usersig=TOKEN")
	}
	if err := to.name(parts[1:]); err != nil {
		return target{}, refuse("bad_id", "%v", err)
	}
	return to, nil
}

// name reads what of the path names the stream: {room}/{stream} or {streamid}.
func (to *target) name(parts []string) (err error) {
	if to.byID = len(parts) == 1; to.byID {
		if to.id, err = url.PathUnescape(parts[0]); err == nil {
			to.room, to.stream, err = auth.RoomOfID(to.id)
		}
		return err
	}
	room, err := url.PathUnescape(parts[0])
	stream, err2 := url.PathUnescape(parts[1])
	to.room, to.stream = room, stream
	if err = errors.Join(err, err2); err != nil {
		return err
	}
	return errors.Join(auth.CheckRoom(room), auth.CheckStream(stream))
}

// signedID is the stream id that a signature is for, if it is for one.
func (to *target) signedID() string {
	if to.byID {
		return to.id
	}
	return ""
}

// proving is the query that has a signature or a token in it: the name's, or else the app's.
func proving(name, app string) string {
	if auth.Carried(name) != auth.CarriedApp(name) {
		return name
	}
	return app
}

// parameter is the first of a name in the queries.
func parameter(name string, queries ...string) string {
	for _, q := range queries {
		if values, err := url.ParseQuery(q); err == nil && values.Get(name) != "" {
			return values.Get(name)
		}
	}
	return ""
}
