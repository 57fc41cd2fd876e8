package record

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"time"

	"weir/mux/av"
	"weir/mux/transcode"
	"weir/room/auth"
	"weir/room/hook"
	"weir/room/live"
	"weir/room/store"
)

// The formats.
const (
	FormatMP4 = "mp4" // fragmented
	FormatFLV = "flv"
)

// Spec says how a stream is recorded. Empty fields are the defaults of Options.
type Spec struct {
	// Format is FormatMP4 (the default) or FormatFLV.
	Format string
	// Audio is opus or aac; empty: as published in MP4, and AAC in FLV.
	Audio string
	// Split is how long a file gets, SplitBytes how large, before another one begins at the next key frame.
	Split      time.Duration
	SplitBytes int64
}

// Rule says which streams are recorded from their beginning on.
type Rule struct {
	// Match is ROOM/STREAM, where * stands for any text without a slash (path.Match).
	Match string
	// App is the id of the app whose streams are meant; 0: those of all.
	App  int
	Spec Spec
}

// matches tells whether a stream is meant.
func (r *Rule) matches(k live.Key) bool {
	if r.App != 0 && auth.AppName(r.App) != k.App {
		return false
	}
	ok, err := path.Match(r.Match, k.Room+"/"+k.Stream)
	return ok && err == nil
}

// The bounds of Spec.
const (
	minSplit, maxSplit           = 10 * time.Second, 24 * time.Hour
	minSplitBytes, maxSplitBytes = 1 << 20, 1 << 40
)

// fill checks a spec and fills in what is left to the options.
func (s Spec) fill(o *Options) (Spec, error) {
	s.Format = cmp.Or(s.Format, FormatMP4)
	s.Split, s.SplitBytes = cmp.Or(s.Split, o.Split), cmp.Or(s.SplitBytes, o.SplitBytes)
	switch {
	case s.Format != FormatMP4 && s.Format != FormatFLV:
		return s, fmt.Errorf("%w: the format is mp4 or flv", ErrSpec)
	case s.Audio != "" && s.Audio != av.CodecOpus.String() && s.Audio != av.CodecAAC.String():
		return s, fmt.Errorf("%w: the audio is opus or aac", ErrSpec)
	case s.Split < minSplit || s.Split > maxSplit:
		return s, fmt.Errorf("%w: a file lasts %v to %v", ErrSpec, minSplit, maxSplit)
	case s.SplitBytes < minSplitBytes || s.SplitBytes > maxSplitBytes:
		return s, fmt.Errorf("%w: a file has %d to %d bytes", ErrSpec, minSplitBytes, maxSplitBytes)
	}
	if s.Audio == "" && s.Format == FormatFLV && transcode.Available() {
		s.Audio = av.CodecAAC.String()
	}
	return s, nil
}

// hub has the streams; *live.Registry is one.
type hub interface {
	Stream(k live.Key) (*live.Stream, bool)
	Watch() *live.Watcher
}

// index keeps what is known of recordings; *store.Store does.
type index interface {
	PutRecording(ctx context.Context, r *store.Recording) error
	PutRecordingFile(ctx context.Context, app int, id string, f *store.RecordingFile) error
	SetRecordingRemote(ctx context.Context, app int, id string, n int) error
	DeleteRecordingFile(ctx context.Context, app int, id string, n int) error
	DeleteRecording(ctx context.Context, app int, id string) error
	Recording(ctx context.Context, app int, id string) (store.Recording, error)
	Recordings(ctx context.Context, app int, q store.RecordingQuery) ([]store.Recording, error)
	RecordingsOf(ctx context.Context, node string) ([]store.Recording, error)
	SegmentsOf(ctx context.Context, app int, id string) ([]store.RecordingFile, error)
	DoomRecordings(ctx context.Context, app int) error
	DoomedRecordings(ctx context.Context, app int, id string, limit int) ([]store.Recording, error)
}

// teller tells other programs; *hook.Hooks does. It may not wait for them.
type teller interface {
	Stream(events ...hook.Event)
}

// authorizer decides on requests; *auth.Authorizer is one.
type authorizer interface {
	Authorize(ctx context.Context, r auth.Request) (auth.Grant, error)
}

// Options are what a Recorder needs. Hub, Index, Dir, Auth and Problem are required.
type Options struct {
	Hub   hub
	Index index
	// Exists tells whether there is an app; nil: all that are asked for.
	Exists func(app int) bool
	// Hooks are told of recordings; nil: nobody is.
	Hooks teller
	// Dir is the folder of recordings. One process at a time has it.
	Dir string
	// S3 keeps complete files in place of the folder, if it has an endpoint.
	S3 S3
	// Rules are which streams are recorded without being asked for.
	Rules []Rule
	// Split and SplitBytes are those of a Spec without (1 h, 4 GiB).
	Split      time.Duration
	SplitBytes int64
	// Fragment is about how much media is written at once, and is missing after a kill (1 s).
	Fragment time.Duration
	// Sync is how often a file that is being written is brought to the disk, which bounds what a power failure takes; 0:
	// only when it is complete.
	Sync time.Duration
	// Keep is how long a file is kept, MaxBytes how much is kept of all; beyond it the oldest go. 0: for good, and all.
	Keep     time.Duration
	MaxBytes int64
	// MaxRecordings is how many streams are recorded at once (1000).
	MaxRecordings int
	// Retry is how long a recording waits whose disk is full before it tries again (10 s).
	Retry time.Duration
	// Auth decides on requests of administrators.
	Auth authorizer
	// Base is where whoever sent a request reaches this server: https://host. Site is the same for events; both may be empty.
	Base func(r *http.Request) string
	Site string
	// Encoder is the maker that FLV files name.
	Encoder string
	// Problem answers with an error (RFC 9457).
	Problem func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
	// Now tells the time; time.Now when nil.
	Now func() time.Time
	Log *slog.Logger

	wrap     func(name string, f file) file // of tests; nil: files as they are
	patience time.Duration                  // of tests; 0: patience
}

func (o *Options) fill() {
	o.Split, o.SplitBytes = cmp.Or(o.Split, time.Hour), cmp.Or(o.SplitBytes, 4<<30)
	o.Fragment, o.Retry = cmp.Or(o.Fragment, time.Second), cmp.Or(o.Retry, 10*time.Second)
	o.patience = cmp.Or(o.patience, patience)
	o.MaxRecordings = cmp.Or(o.MaxRecordings, 1000)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Exists == nil {
		o.Exists = func(int) bool { return true }
	}
	if o.Base == nil {
		o.Base = func(*http.Request) string { return "" }
	}
}
