package hook

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"weir/room/store"
)

// Kind is what kind of stream event it is, in weir's own words.
type Kind string

// The kinds.
const (
	// Published: media comes, for the first time or again after an interruption.
	Published Kind = "stream.published"
	// Interrupted: the publisher went silent or away and may come back.
	Interrupted Kind = "stream.interrupted"
	// Unpublished: the stream is over.
	Unpublished Kind = "stream.unpublished"
	// Abnormal: what the publisher sends has faults.
	Abnormal Kind = "stream.abnormal"
	// Watched: how many watch.
	Watched Kind = "stream.viewers"
	// Played: a viewer came. Stopped: that viewer left.
	Played  Kind = "viewer.played"
	Stopped Kind = "viewer.stopped"
	// Relayed: a push to another server, or a pull from one, changed its state.
	Relayed Kind = "relay.changed"
	// Recorded: a recording began, a file of it is complete, it waits, or it is over.
	Recorded Kind = "record.changed"
)

// kinds are all there are, in the order of the documentation.
var kinds = []Kind{Published, Interrupted, Unpublished, Abnormal, Watched, Played, Stopped, Relayed, Recorded}

// Event is what happened to a stream. What does not apply is left at its zero value.
type Event struct {
	Kind Kind
	At   time.Time

	App          int
	Room, Stream string
	// StreamID is the id by which it is also known, as /live/{streamid}.flv; empty: none.
	StreamID string
	// User is who publishes, or of Played and Stopped who watches; empty when nobody in particular does.
	User string
	// Session names the publisher's or viewer's connection.
	Session string
	// Addr is its address, without the port.
	Addr string
	// Site is the address by which it reached this server, such as https://live.example.com.
	Site string
	// Query is what stood behind the question mark of what it asked for. What proves its identity to weir is taken out.
	Query string
	// Page is the page that a viewer watches on.
	Page string
	// Form is whip, rtmp, flv, wsflv, hls or webrtc.
	Form string
	// Reason is the short name of why something ended.
	Reason string
	// Told, of Unpublished: Interrupted was told before, after which nothing came.
	Told bool
	// Since is when the stream began, or of Stopped the viewer came.
	Since time.Time
	// Width and Height are those of the picture.
	Width, Height int

	// Faults are those of Abnormal.
	Faults []Fault
	// Viewers are those of Watched, by form, and Watching counts each of them once.
	Viewers  map[string]int
	Watching int
	// Relay is that of Relayed, Record that of Recorded.
	Relay  *Relay
	Record *Record
}

// Fault is what was wrong with a stream, once or more often.
type Fault struct {
	// Type is 1: media was missing, 2: its clock jumped, 3: it came too slowly.
	Type int
	At   []time.Time
}

// Relay is the state of a push to another server, or of a pull from one.
type Relay struct {
	ID  string `json:"id"`
	Way string `json:"way"` // push or pull
	// URL is the other's address, without what is secret in it.
	URL   string `json:"url"`
	State string `json:"state"` // connecting, running, waiting, ended or failed
	// Tries counts connections.
	Tries int `json:"tries"`
	// Error says in words, without secrets, what went wrong last; empty: nothing yet.
	Error string `json:"error,omitempty"`
	// Bytes and Frames came over, Lags is how often it fell behind and skipped to a later key frame.
	Bytes  uint64 `json:"bytes"`
	Frames uint64 `json:"frames"`
	Lags   uint64 `json:"lags"`
}

// Record is a recording, or a file of it.
type Record struct {
	ID string
	// State is begun, complete (a file of it), lagged (a part is missing), paused (nothing can be written), resumed, ended or
	// failed.
	State  string
	Format string // mp4, flv or hls
	// Reason is why it ended, failed or waits, and Lags are how often a part is missing.
	Reason string
	Lags   int
	// File is the file's name, URL where it can be had; both empty while there is none.
	File, URL string
	// Begin and End are of the media in it.
	Begin, End time.Time
	// Size is in bytes.
	Size int64
}

// streamName is the stream's name for others, who know no rooms: what stands behind /live/ in its addresses.
func (e *Event) streamName() string {
	if e.StreamID != "" {
		return e.StreamID
	}
	return e.Room + "/" + e.Stream
}

// host is the host of Site, without the port.
func (e *Event) host() string {
	u, err := url.Parse(e.Site)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// hostPort is the host of Site, with the port if it has one.
func (e *Event) hostPort() string {
	u, err := url.Parse(e.Site)
	if err != nil {
		return ""
	}
	if _, _, err := net.SplitHostPort(u.Host); err != nil {
		return u.Hostname()
	}
	return u.Host
}

// lasted is how long something has gone on.
func (e *Event) lasted() time.Duration {
	if e.Since.IsZero() {
		return 0
	}
	return max(0, e.At.Sub(e.Since))
}

// proofs are the parameters by which clients prove to weir who they are. They are nobody else's business.
var proofs = []string{"usersig", "privatemapkey", "sign", "txSecret", "auth_key"}

// query is the client's own parameters, with ? before them; empty when there are none.
func (e *Event) query() string {
	var kept []string
	for part := range strings.SplitSeq(strings.TrimPrefix(e.Query, "?"), "&") {
		name, _, _ := strings.Cut(part, "=")
		if name != "" && !slices.ContainsFunc(proofs, func(p string) bool { return strings.EqualFold(p, name) }) {
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 {
		return ""
	}
	return "?" + strings.Join(kept, "&")
}

// topic is the stream: events of one come in their order.
func (e *Event) topic() string { return "stream/" + e.Room + "/" + e.Stream }

// WantsStream tells whether somebody is to hear of a kind of stream event, so that nobody looks for it for nothing.
func (h *Hooks) WantsStream(k Kind) bool {
	e := Event{Kind: k, Record: &Record{State: "complete"}}
	return slices.ContainsFunc(h.opts.Streams, func(to StreamReceiver) bool {
		_, ok := to.Form.render(h.server, "", &e)
		return ok && !h.asks(to, k)
	})
}

// Stream has the receivers of stream events told, later. It never waits for them; see Tell.
func (h *Hooks) Stream(events ...Event) {
	for i := range events {
		e := &events[i]
		if e.At.IsZero() {
			e.At = h.now()
		}
		for _, to := range h.opts.Streams {
			if h.asks(to, e.Kind) { // it was told when it was asked
				continue
			}
			id := newID()
			body, ok := to.Form.render(h.server, id, e)
			if !ok {
				continue
			}
			h.keep(store.Delivery{
				Receiver: to.name(), Key: e.topic(), App: e.App, Kind: string(e.Kind), Body: body, URL: Masked(to.URL),
				Header: map[string]string{idHeader: id},
			})
		}
	}
}
