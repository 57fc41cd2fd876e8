package hook

import "time"

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
	// Played: a viewer came. Stopped: that viewer left.
	Played  Kind = "viewer.played"
	Stopped Kind = "viewer.stopped"
	// Watched: how many watch.
	Watched Kind = "stream.viewers"
	// Relayed: a push to another server, or a pull from one, changed its state.
	Relayed Kind = "relay.changed"
	// Recorded: a file of a recording is complete, or it failed.
	Recorded Kind = "record.changed"
)

// Event is what happened to a stream. What does not apply is left at its zero value.
type Event struct {
	Kind Kind
	At   time.Time

	App          int
	Room, Stream string
	// User is who publishes, or of Played and Stopped who watches; empty when nobody in particular does.
	User string
	// Session names the publisher's or viewer's connection.
	Session string
	// Addr is its address, without the port.
	Addr string
	// Site is the address by which it reached this server, such as https://live.example.com.
	Site string
	// Path is what it asked for, such as /whip/{room}/{stream}, and Query what stood behind the question mark.
	Path, Query string
	// Form is whip, rtmp, flv, wsflv, hls or webrtc.
	Form string
	// Reason is the short name of why something ended.
	Reason string
	// Since is when the stream began; it makes the length of Unpublished and Interrupted.
	Since time.Time
	// Width and Height are those of the picture.
	Width, Height int

	// Viewers are those of Watched, by form, and Watching counts each of them once.
	Viewers  map[string]int
	Watching int

	Relay  *Relay
	Record *Record
}

// Relay is the state of a push to another server, or of a pull from one.
type Relay struct {
	ID string
	// Way is push or pull.
	Way string
	// URL is the other's address, without what is secret in it.
	URL string
	// State is connecting, running, waiting, ended or failed.
	State string
	// Tries counts connections.
	Tries int
}

// Record is a file of a recording.
type Record struct {
	ID string
	// State is begun, complete or failed.
	State string
	// Format is mp4, flv or hls.
	Format string
	// File is its name and URL where it can be had.
	File, URL string
	// Begin and End are of the media in it.
	Begin, End time.Time
	// Size is in bytes.
	Size int64
}
