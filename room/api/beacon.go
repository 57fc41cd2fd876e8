package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"weir/room/audience"
	"weir/room/auth"
	"weir/room/live"
)

const (
	// maxBeacon is the size of a beacon in bytes.
	maxBeacon = 1 << 10
	// beaconHolds is how long a viewer counts after a beacon. Players send one every ten seconds.
	beaconHolds = 30 * time.Second
	// beaconsPerSecond is how many beacons one address may send: those of 2,000 viewers behind a proxy.
	beaconsPerSecond = 200
)

// beacon is what a player says of its viewer.
type beacon struct {
	Room   string `json:"room"`
	Stream string `json:"stream"`
	Viewer string `json:"viewer"`
	Form   string `json:"form"`
	// Left says that it was the last one.
	Left bool `json:"left"`
}

// Beacon answers POST /api/v1/beacon, by which a player says that somebody watches where weir cannot see it: behind a
// CDN. It is authorised as playing the stream is; the token or signature stands in the query, since what pages send
// with navigator.sendBeacon has no headers. For that reason the type of the body does not matter either.
func (a *API) Beacon(w http.ResponseWriter, r *http.Request) {
	if !a.beacons.allow(r) {
		w.Header().Set("Retry-After", "10")
		Problem(w, r, http.StatusTooManyRequests, CodeTooMany, "too many beacons from this address")
		return
	}
	b, form, err := readBeacon(r)
	if err != nil {
		Problem(w, r, http.StatusBadRequest, CodeBadRequest, err.Error())
		return
	}
	grant, err := a.mayWatch(r, b)
	if err != nil {
		status, code := auth.Status(err)
		Problem(w, r, status, code, err.Error())
		return
	}
	id := audience.UserID(grant.User)
	if id == (audience.ID{}) {
		id = audience.ChosenID(b.Viewer)
	}
	k := live.Key{App: auth.AppName(grant.App), Room: b.Room, Stream: b.Stream}
	if _, ok := a.hub.Stream(k); !ok {
		Problem(w, r, http.StatusNotFound, CodeStreamNotFound, "the stream is not live")
		return
	}
	if b.Left {
		a.audience.Left(k, form, id)
	} else {
		a.audience.Saw(k, form, id, beaconHolds)
	}
	w.WriteHeader(http.StatusNoContent)
}

// mayWatch grants watching the one stream that a beacon is about.
func (a *API) mayWatch(r *http.Request, b beacon) (auth.Grant, error) {
	if err := auth.CheckStream(b.Stream); err != nil {
		return auth.Grant{}, err
	}
	return a.mayPlay(r, b.Room, b.Stream)
}

// readBeacon reads and checks a beacon; its ids are left to mayWatch.
func readBeacon(r *http.Request) (beacon, audience.Form, error) {
	var b beacon
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBeacon+1))
	if err != nil {
		return b, 0, fmt.Errorf("cannot read the beacon: %w", err)
	}
	if len(body) > maxBeacon {
		return b, 0, fmt.Errorf("a beacon has %d bytes at most", maxBeacon)
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return b, 0, errors.New(`a beacon is JSON: {"room":"…","stream":"…","viewer":"…","form":"hls"}`)
	}
	if !audience.ValidName(b.Viewer) {
		return b, 0, errors.New("viewer must be 8 to 64 of A-Z a-z 0-9 - _")
	}
	form, ok := audience.ParseForm(b.Form)
	if !ok {
		return b, 0, errors.New("form must be flv, hls or webrtc")
	}
	return b, form, nil
}
