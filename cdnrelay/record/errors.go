package record

import (
	"errors"
	"net/http"
	"syscall"

	"weir/room/live"
	"weir/room/store"
)

var (
	// ErrNotFound: there is no such recording, or no such file of it.
	ErrNotFound = errors.New("there is no such recording")
	// ErrRecorded: the stream is being recorded in that format.
	ErrRecorded = errors.New("the stream is recorded in this format already")
	// ErrFull: as many streams are recorded as may be.
	ErrFull = errors.New("too many streams are recorded")
	// ErrStopping: the recorder does not run.
	ErrStopping = errors.New("nothing is recorded now: the server starts or stops")
	// ErrSpec: what was asked for cannot be recorded so.
	ErrSpec = errors.New("cannot be recorded so")
	// ErrElsewhere: the file is in the folder of another server.
	ErrElsewhere = errors.New("the file is on another server")
	// ErrRunning: the file is still being written.
	ErrRunning = errors.New("the file is still being written")
	// errTorn: the bucket does not have what was sent to it.
	errTorn = errors.New("the bucket has another file than was sent")
	// ErrNoHLS: only recordings as MP4 can be played by HLS.
	ErrNoHLS = errors.New("only MP4 is played by HLS")
)

// statuses are what errors are over HTTP. The codes never change.
var statuses = []struct {
	err    error
	status int
	code   string
}{
	{ErrNotFound, http.StatusNotFound, "recording_not_found"},
	{store.ErrNotFound, http.StatusNotFound, "recording_not_found"},
	{ErrRecorded, http.StatusConflict, "already_recorded"},
	{ErrFull, http.StatusServiceUnavailable, "server_full"},
	{ErrStopping, http.StatusServiceUnavailable, "shutting_down"},
	{ErrSpec, http.StatusBadRequest, "bad_request"},
	{ErrElsewhere, http.StatusMisdirectedRequest, "recording_elsewhere"},
	{ErrRunning, http.StatusConflict, "recording_running"},
	{ErrNoHLS, http.StatusConflict, "recording_not_hls"},
	{live.ErrNoStream, http.StatusNotFound, "stream_not_found"},
}

// Why a recording ended, or waits.
var (
	errAsked    = reason{"asked", "somebody asked for its end"}
	errDeleted  = reason{"deleted", "it was deleted"}
	errTracks   = reason{"tracks", "the format has no room for the stream's codecs"}
	errLost     = reason{"file_lost", "the file was deleted while it was written"}
	errShutdown = reason{"shutdown", "the server stops"}
)

// reason is an error with a name under which it is told and counted.
type reason struct{ name, text string }

func (r reason) Error() string  { return r.text }
func (r reason) Reason() string { return r.name }

// reasonFull is that of a full disk.
const reasonFull = "disk_full"

// reasonOf is the short name of a fault of the disk or of the end of a stream.
func reasonOf(err error) string {
	var r reason
	switch {
	case errors.As(err, &r):
		return r.name
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, store.ErrNoSpace):
		return reasonFull
	case errors.Is(err, live.ErrEnded):
		return live.Reason(err)
	default:
		return "disk"
	}
}
