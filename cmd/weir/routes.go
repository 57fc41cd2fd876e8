package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"weir/cdnrelay/address/rest"
	"weir/cdnrelay/admin"
	"weir/cdnrelay/auto"
	"weir/cdnrelay/edge"
	"weir/cdnrelay/origin"
	"weir/cdnrelay/pull"
	"weir/cdnrelay/push"
	"weir/cdnrelay/record"
	"weir/ingest/whip"
	"weir/playback/httpflv"
	"weir/playback/whep"
	"weir/room/api"
	"weir/room/api/manage"
	"weir/room/audience"
	"weir/room/auth"
	"weir/room/images"
	"weir/room/live"
	"weir/segmenter"
	"weir/web"
)

// authorizer decides on requests and signs addresses; *auth.Authorizer is one.
type authorizer interface {
	SignQuery(d auth.Dialect, p auth.Pass, path string) (string, error)
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
	AppFor(query, id string) int
}

// hlsGate is the authorizer of HLS: its gate decides, and the playlists that it leads to are signed without asking again.
type hlsGate struct {
	*auth.Authorizer
	gate origin.Gate
}

// Authorize decides as the gate does.
func (g hlsGate) Authorize(ctx context.Context, r auth.Request) (auth.Grant, error) {
	return g.gate.Authorize(ctx, r)
}

// doors are the handlers that routes mounts.
type doors struct {
	pages  *pages
	api    *api.API
	manage *manage.Manage
	images *images.Images
	record *record.Recorder
	relays *push.REST
	pulls  *pull.Manager
	edge   *edge.Edge
	im     http.Handler // the room's channel, at /im and below
	v4     http.Handler // the cloud's REST calls
	whip   *whip.Handler
	whep   *whep.Handler
	flv    *httpflv.Handler
	hls    *segmenter.Segmenters
	auth   authorizer
	hub    awaiter
	origin *origin.Origin
	health health

	calls     admin.Calls
	addresses *rest.Generator
	auto      *auto.Relay
}

// route is one line of the URL space: a pattern of http.ServeMux and who answers.
type route struct {
	pattern string
	handler http.Handler
}

// routes is the whole URL space of the main listener.
func routes(d doors) []route {
	return slices.Concat(mediaRoutes(d), managed(d.manage), pictures(d.images), recordings(d), relays(d.relays), pulls(d.pulls, d.calls), addressRoutes(d), betweenNodes(d.edge), channelRoutes(d))
}

// channelRoutes are the room's channel and what backends call of it.
func channelRoutes(d doors) []route {
	return []route{
		{channelPattern, d.im},
		{channelPattern + "/", d.im}, // for networks that break WebSockets
		{restPattern, d.v4},
	}
}

// The channel and the calls for it have an envelope and a documentation of their own: docs/im.md and docs/im-rest.md.
const (
	channelPattern = "/im"
	restPattern    = "POST /v4/{service}/{command}"
)

// managed are the calls for administrators.
func managed(m *manage.Manage) []route {
	return []route{
		{"GET /api/v1/apps", m.To(manage.ListApps)},
		{"POST /api/v1/apps", m.To(manage.CreateApp)},
		{"GET /api/v1/apps/{app}", m.To(manage.GetApp)},
		{"DELETE /api/v1/apps/{app}", m.To(manage.DeleteApp)},
		{"POST /api/v1/usersig", m.To(manage.CreateUserSig)},

		{"GET /api/v1/rooms", m.To(manage.ListRooms)},
		{"POST /api/v1/rooms", m.To(manage.CreateRoom)},
		{"GET /api/v1/rooms/{room}", m.To(manage.GetRoom)},
		{"PATCH /api/v1/rooms/{room}", m.To(manage.PatchRoom)},
		{"DELETE /api/v1/rooms/{room}", m.To(manage.DeleteRoom)},
		{"GET /api/v1/rooms/{room}/streams", m.To(manage.RoomStreams)},
		{"GET /api/v1/rooms/{room}/online", m.To(manage.RoomOnline)},
		{"GET /api/v1/rooms/{room}/members", m.To(manage.RoomMembers)},
		{"PUT /api/v1/rooms/{room}/members/{user}", m.To(manage.PutMember)},
		{"DELETE /api/v1/rooms/{room}/members/{user}", m.To(manage.DeleteMember)},
		{"GET /api/v1/rooms/{room}/mutes", m.To(manage.RoomMutes)},
		{"PUT /api/v1/rooms/{room}/mutes/{user}", m.To(manage.PutMute)},
		{"DELETE /api/v1/rooms/{room}/mutes/{user}", m.To(manage.DeleteMute)},
		{"GET /api/v1/rooms/{room}/bans", m.To(manage.RoomBans)},
		{"PUT /api/v1/rooms/{room}/bans/{user}", m.To(manage.PutBan)},
		{"DELETE /api/v1/rooms/{room}/bans/{user}", m.To(manage.DeleteBan)},
		{"GET /api/v1/rooms/{room}/seats", m.To(manage.RoomSeats)},
		{"PUT /api/v1/rooms/{room}/seats/{user}", m.To(manage.PutSeat)},
		{"DELETE /api/v1/rooms/{room}/seats/{user}", m.To(manage.DeleteSeat)},
		{"GET /api/v1/rooms/{room}/attributes", m.To(manage.RoomAttributes)},
		{"PATCH /api/v1/rooms/{room}/attributes", m.To(manage.PatchAttributes)},
		{"GET /api/v1/rooms/{room}/counters", m.To(manage.RoomCounters)},
		{"PATCH /api/v1/rooms/{room}/counters", m.To(manage.PatchCounters)},
		{"GET /api/v1/rooms/{room}/messages", m.To(manage.RoomMessages)},
		{"POST /api/v1/rooms/{room}/messages", m.To(manage.SendMessage)},

		{"GET /api/v1/fields", m.To(manage.ListFields)},
		{"PUT /api/v1/fields/{name}", m.To(manage.PutField)},
		{"GET /api/v1/words", m.To(manage.ListWords)},
		{"POST /api/v1/words", m.To(manage.AddWords)},
		{"DELETE /api/v1/words", m.To(manage.DeleteWords)},

		{"GET /api/v1/hooks/receiver", m.To(manage.GetReceiver)},
		{"PUT /api/v1/hooks/receiver", m.To(manage.PutReceiver)},
		{"GET /api/v1/hooks/dead", m.To(manage.ListDead)},
		{"POST /api/v1/hooks/replay", m.To(manage.ReplayDead)},
	}
}

// mediaRoutes are the pages, the doors of media and what is asked about streams.
func mediaRoutes(d doors) []route {
	return []route{
		{"GET /{$}", d.pages.page(web.IndexPage)},
		{"GET /studio", d.pages.page(web.StudioPage)},
		{"GET /address", d.pages.page(web.GeneratorPage)},
		{"GET /watch/{room}/{stream}", checkIDs(d.pages.page(web.WatchPage))},
		{"GET /assets/", http.HandlerFunc(d.pages.asset)},

		{"GET " + origin.HealthPath, d.health},
		{"GET /live", http.HandlerFunc(d.api.Live)},
		{"GET /api/v1/streams", http.HandlerFunc(d.api.Streams)},
		{"GET /api/v1/streams/{room}/{stream}/urls", checkIDs(http.HandlerFunc(d.api.URLs))},
		{"GET /api/v1/rooms/{room}/events", http.HandlerFunc(d.api.Events)},
		{"POST /api/v1/beacon", http.HandlerFunc(d.api.Beacon)},
		{"GET /api/openapi.yaml", http.HandlerFunc(d.api.OpenAPI)},
		{"GET /api/v1/doctor", http.HandlerFunc(d.api.Doctor)},

		{"POST /whip/{room}/{stream}", checkIDs(http.HandlerFunc(d.whip.Publish))},
		{"OPTIONS /whip/{room}/{stream}", checkIDs(http.HandlerFunc(d.whip.EndpointOptions))},
		{"PATCH /whip/{room}/{stream}/{session}", checkIDs(http.HandlerFunc(d.whip.Patch))},
		{"OPTIONS /whip/{room}/{stream}/{session}", checkIDs(http.HandlerFunc(d.whip.SessionOptions))},
		{"DELETE /whip/{room}/{stream}/{session}", checkIDs(http.HandlerFunc(d.whip.Delete))},

		{"POST /whep/{room}/{stream}", checkIDs(http.HandlerFunc(d.whep.Play))},
		{"OPTIONS /whep/{room}/{stream}", checkIDs(http.HandlerFunc(d.whep.EndpointOptions))},
		{"PATCH /whep/{room}/{stream}/{session}", checkIDs(http.HandlerFunc(d.whep.Patch))},
		{"OPTIONS /whep/{room}/{stream}/{session}", checkIDs(http.HandlerFunc(d.whep.SessionOptions))},
		{"DELETE /whep/{room}/{stream}/{session}", checkIDs(http.HandlerFunc(d.whep.Delete))},

		{"GET /live/{file}", d.ofApp(d.origin.Streams(d.byID(byForm(d.flv, d.mayPlay(true, d.playlist)))))},
		{"GET /live/{room}/{file}", d.origin.Streams(byForm(d.flv, d.mayPlay(true, d.playlist)))},
		{"GET /live/{room}/{stream}/{file}", d.origin.Streams(checkIDs(d.mayPlay(false, d.hlsFile)))},
	}
}

// mayPlay lets a request pass that may watch its stream. The other doors ask by themselves; the segmenter knows
// streams only, and has sound and pictures in the same files. A player begins with the multivariant playlist, which it asks
// for once.
func (d doors) mayPlay(begins bool, next func(w http.ResponseWriter, r *http.Request, key live.Key)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := auth.RequestOf(r, auth.ActionPlay, r.PathValue("room"), r.PathValue("stream"))
		asked.Begins = begins
		grant, err := d.auth.Authorize(r.Context(), asked)
		if err == nil && !grant.Rights.ReceivesAll() {
			err = fmt.Errorf("%w: the token allows sound or pictures alone, which FLV and WebRTC give", auth.ErrForbidden)
		}
		if err == nil {
			r, err = ownProof(r, d.auth, grant)
		}
		if err != nil {
			status, code := auth.Status(err)
			api.Problem(w, r, status, code, err.Error())
			return
		}
		next(w, audience.WithUser(r, grant.User), live.Key{
			App: auth.AppName(grant.App), Room: r.PathValue("room"), Stream: r.PathValue("stream"),
		})
	})
}

// playlist gives a stream's multivariant playlist; what it names lies in the folder of the stream's name.
func (d doors) playlist(w http.ResponseWriter, r *http.Request, key live.Key) {
	child := r.PathValue("stream") + "/"
	if r.PathValue("streamid") != "" { // from there the room is below, too
		// RFC 3986 4.2: a colon in the first part of a relative path would make a scheme of what is before it.
		child = strings.ReplaceAll(url.PathEscape(r.PathValue("room")), ":", "%3A") + "/" + child
	}
	d.hls.ServeMultivariant(w, origin.AsAsked(r), key, child)
}

// hlsFile gives a media playlist, a segment or an init section.
func (d doors) hlsFile(w http.ResponseWriter, r *http.Request, key live.Key) {
	d.hls.ServeFile(w, origin.AsAsked(r), key, r.PathValue("file"))
}

// newMux mounts the routes. What none of them answers is a problem like any other.
func newMux(table []route) http.Handler {
	mux := http.NewServeMux()
	for _, r := range table {
		mux.Handle(r.pattern, r.handler)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		refuse(w, r, h)
	})
}

// refuse turns the mux's own plain answer into a problem: it is a 405 with Allow, or a 404. OPTIONS is answered for
// every path that is there, and every preflight, so that a page gets to read what its request meets.
func refuse(w http.ResponseWriter, r *http.Request, h http.Handler) {
	plain := verdict{header: make(http.Header), status: http.StatusNotFound}
	h.ServeHTTP(&plain, r)
	if r.Method == http.MethodOptions && (plain.status == http.StatusMethodNotAllowed || isPreflight(r)) {
		if allow := plain.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow+", OPTIONS")
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if plain.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", plain.header.Get("Allow"))
		api.Problem(w, r, plain.status, api.CodeMethodNotAllowed, "use one of: "+plain.header.Get("Allow"))
		return
	}
	api.Problem(w, r, http.StatusNotFound, api.CodeNotFound, "there is nothing at this path")
}

// verdict is a ResponseWriter that keeps the status and the header only.
type verdict struct {
	header http.Header
	status int
}

func (v *verdict) Header() http.Header         { return v.header }
func (v *verdict) WriteHeader(status int)      { v.status = status }
func (v *verdict) Write(b []byte) (int, error) { return len(b), nil }

// checkIDs lets a request pass whose {room} and {stream} are ids. The mux has decoded both, once.
func checkIDs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := auth.CheckRoom(r.PathValue("room"))
		if err == nil {
			err = auth.CheckStream(r.PathValue("stream"))
		}
		if err != nil {
			status, code := auth.Status(err)
			api.Problem(w, r, status, code, err.Error())
			return
		}
		next.ServeHTTP(w, r)
	})
}

// byForm reads {file} as a stream and a form, and hands the request to the form's door. ServeMux matches no
// suffix behind a wildcard, so this is not the table's work.
func byForm(flv, hls http.Handler) http.Handler {
	flv, hls = checkIDs(flv), checkIDs(hls)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Whether the stream is one is left to checkIDs, which says what is wrong with it.
		stream, form, _ := auth.SplitFile(r.PathValue("file"))
		if r.PathValue("streamid") == "" { // else the stream is known by now
			r.SetPathValue("stream", stream)
		}
		switch form {
		case auth.FormFLV:
			flv.ServeHTTP(w, r)
		case auth.FormHLS:
			hls.ServeHTTP(w, r)
		default:
			api.Problem(w, r, http.StatusNotFound, api.CodeNotFound, "a stream is played as {stream}.flv or {stream}.m3u8")
		}
	})
}
