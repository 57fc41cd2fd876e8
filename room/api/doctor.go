package api

import (
	"context"
	"net/http"
	"time"

	"weir/room/auth"
)

// Diagnosis is what a publishing browser would face.
type Diagnosis struct {
	Time       time.Time   `json:"time"` // the server's clock; tokens and TURN credentials depend on it
	HTTPS      bool        `json:"https"`
	MediaPort  int         `json:"media_port"`
	Candidates []Candidate `json:"candidates"`
	Video      []string    `json:"video_codecs"`
	Audio      []string    `json:"audio_codecs"`
	ICEServers []string    `json:"ice_servers"`
	// Failures are the last sessions that failed, the newest first.
	Failures []FailedSession `json:"failures"`
	// Advice is what looks wrong, in words.
	Advice []string `json:"advice"`
}

// Candidate is an address that the server announces for media.
type Candidate struct {
	Protocol string `json:"protocol"`
	Address  string `json:"address"`
	Port     uint16 `json:"port"`
	Scope    string `json:"scope"` // loopback, link_local, private or public
	// Answered tells whether it answered a check from the server's own machine.
	Answered bool   `json:"answered"`
	Fault    string `json:"fault,omitempty"`
}

// FailedSession is a publisher that never got through, or was lost.
type FailedSession struct {
	Time      time.Time  `json:"time"`
	Room      string     `json:"room"`
	Stream    string     `json:"stream"`
	User      string     `json:"user,omitempty"`
	Stage     string     `json:"stage"` // how far it came: ice, dtls, media, lost
	Reason    string     `json:"reason"`
	Offered   []string   `json:"offered"`
	Announced []string   `json:"announced"`
	Pairs     []PathTest `json:"pairs"`
	Advice    string     `json:"advice"`
}

// PathTest is a pair of addresses that was tried.
type PathTest struct {
	Local  string `json:"local"`
	Remote string `json:"remote"`
	State  string `json:"state"`
	Heard  bool   `json:"heard"` // the publisher's check arrived
}

// Doctor examines the server.
type Doctor interface {
	// Diagnose takes a second or two, since it asks the server's own ports.
	Diagnose(ctx context.Context) (Diagnosis, error)
}

// Doctor answers GET /api/v1/doctor: what a browser would face, for administrators.
func (a *API) Doctor(w http.ResponseWriter, r *http.Request) {
	if _, ok := a.allow(w, r, auth.RequestOf(r, auth.ActionAdmin, "", "")); !ok {
		return
	}
	d, err := a.doctor.Diagnose(r.Context())
	if err != nil {
		a.log.Error("cannot examine the server", "error", err)
		Problem(w, r, http.StatusInternalServerError, CodeInternal, "the server could not be examined")
		return
	}
	a.write(w, r, d)
}
