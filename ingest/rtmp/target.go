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
	token                string // UserSig
	query, path          string // as they came: there may be a signature
}

// parseTarget reads the app of the connect command and the name of the publish command. Joined they are
// live/{room}/{stream}, wherever the encoder cuts between server and key; ?usersig=, a signature,
// ?sdkappid= and ?policy= may stand behind either.
func parseTarget(app, name string) (target, error) {
	app, appQuery, _ := strings.Cut(app, "?")
	name, nameQuery, _ := strings.Cut(name, "?")
	path := strings.Trim(app, "/")
	if name = strings.Trim(name, "/"); name != "" {
		path += "/" + name
	}
	parts := strings.Split(path, "/")
	if len(parts) != 3 || parts[0] != appLive {
		return target{}, refuse("bad_address", "the address must be rtmp://HOST/live/ROOM/STREAM?usersig=TOKEN")
	}
	room, err := url.PathUnescape(parts[1])
	stream, err2 := url.PathUnescape(parts[2])
	if err = errors.Join(err, err2); err == nil {
		err = errors.Join(auth.CheckRoom(room), auth.CheckStream(stream))
	}
	if err != nil {
		return target{}, refuse("bad_id", "%v", err)
	}
	return target{
		app: auth.AppOf(nameQuery + "&" + appQuery), room: room, stream: stream, path: "/" + path, query: proving(nameQuery, appQuery),
		token: parameter("usersig", nameQuery, appQuery), policy: parameter("policy", nameQuery, appQuery),
	}, nil
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
