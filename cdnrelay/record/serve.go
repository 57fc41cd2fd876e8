package record

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"weir/cdnrelay/admin"
	"weir/mux/hls"
	"weir/room/auth"
	"weir/room/live"
	"weir/room/store"
)

// playlistEnding ends the name of a recording's playlist.
const playlistEnding = ".m3u8"

func newReader(b []byte) io.ReadSeeker { return bytes.NewReader(b) }

// ServePlaylist gives a recording of a stream as an HLS playlist: GET /recordings/{room}/{stream}/{file}, where the file is
// {id}.m3u8. Its segments are parts of the recording's files; between two files is a discontinuity. While the recording goes on
// the playlist grows by each file that is complete.
func (r *Recorder) ServePlaylist(w http.ResponseWriter, req *http.Request, key live.Key) {
	id, ok := strings.CutSuffix(req.PathValue("file"), playlistEnding)
	if !ok {
		r.refuse(w, req, ErrNotFound)
		return
	}
	rec, err := r.of(req.Context(), key, id)
	if err == nil && rec.Format != FormatMP4 {
		err = ErrNoHLS
	}
	if err != nil {
		r.refuse(w, req, err)
		return
	}
	files, err := r.opts.Index.SegmentsOf(req.Context(), rec.App, rec.ID)
	if err != nil {
		r.refuse(w, req, err)
		return
	}
	text := playlist(&rec, files)
	if text == nil {
		r.refuse(w, req, ErrRunning)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/vnd.apple.mpegurl")
	h.Set("Cache-Control", cacheOf(&rec))
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(hls.AppendCarrying(nil, text, auth.Carried(req.URL.RawQuery))))
}

// cacheOf says how long a recording's playlist holds.
func cacheOf(rec *store.Recording) string {
	if rec.Running {
		return "max-age=2"
	}
	return "max-age=60" // files go when they are too old
}

// playlist is a recording's complete files as HLS; nil when there is none.
func playlist(rec *store.Recording, files []store.RecordingFile) []byte {
	m := hls.Media{Type: hls.TypeEvent, Independent: true, Ended: !rec.Running}
	if m.Ended {
		m.Type = hls.TypeVOD
	}
	for i := range files {
		f := &files[i]
		if !f.Complete {
			continue
		}
		uri, at := rec.ID+"/"+f.Name, f.Begin
		for j, s := range f.Segments {
			m.Segments = append(m.Segments, hls.Segment{
				URI: uri, Map: uri, Range: hls.Range{Offset: s.Offset, Length: s.Size}, MapRange: hls.Range{Length: f.Init},
				Duration: s.Duration, ProgramDateTime: at, Discontinuity: j == 0 && len(m.Segments) > 0,
			})
			at = at.Add(s.Duration)
			// RFC 8216bis 4.4.3.1: no duration, rounded to the nearest second, exceeds the target.
			m.TargetDuration = max(m.TargetDuration, int(math.Round(s.Duration.Seconds())), 1)
		}
	}
	if len(m.Segments) == 0 {
		return nil
	}
	return m.Append(nil)
}

// ServeFile gives a file of a recording of a stream, or a range of it: GET /recordings/{room}/{stream}/{id}/{file}. With
// ?download a browser saves it.
func (r *Recorder) ServeFile(w http.ResponseWriter, req *http.Request, key live.Key) {
	rec, err := r.of(req.Context(), key, req.PathValue("id"))
	if err != nil {
		r.refuse(w, req, err)
		return
	}
	name := req.PathValue("file")
	file, put, err := r.read(req.Context(), &rec, name)
	if err != nil {
		r.refuse(w, req, err)
		return
	}
	defer func() { _ = file.Close() }()
	h := w.Header()
	h.Set("Content-Type", typeOf(name))
	h.Set("Cache-Control", "max-age=3600")
	h.Set("ETag", `"`+rec.ID+"-"+name+`"`) // a file that is complete does not change
	h.Set("X-Content-Type-Options", "nosniff")
	if req.URL.Query().Has("download") {
		h.Set("Content-Disposition", `attachment; filename="`+rec.Stream+"-"+rec.Begun.UTC().Format("20060102T150405Z")+"-"+name+`"`)
	}
	http.ServeContent(newUnhurried(w), req, name, put, file)
}

// of is a recording of a stream, which alone may be asked for by who may watch it.
func (r *Recorder) of(ctx context.Context, key live.Key, id string) (store.Recording, error) {
	rec, err := r.Get(ctx, appOf(key.App), id)
	if err == nil && (rec.Room != key.Room || rec.Stream != key.Stream) {
		err = ErrNotFound
	}
	return rec, err
}

// read opens a file of a recording where it is.
func (r *Recorder) read(ctx context.Context, rec *store.Recording, name string) (io.ReadSeekCloser, time.Time, error) {
	here := rec.Node == r.folder.node
	if name == posterName {
		file, put, err := r.folder.open(ctx, rec.App, rec.ID, name)
		if errors.Is(err, ErrNotFound) && r.bucket != nil {
			return r.bucket.open(ctx, rec.App, rec.ID, name)
		}
		return file, put, err
	}
	for i := range rec.Files {
		switch f := &rec.Files[i]; {
		case f.Name != name:
		case !f.Complete:
			return nil, time.Time{}, ErrRunning
		case f.Remote && r.bucket != nil:
			return r.bucket.open(ctx, rec.App, rec.ID, name)
		case !here:
			return nil, time.Time{}, ErrElsewhere
		default:
			file, put, err := r.folder.open(ctx, rec.App, rec.ID, name)
			if errors.Is(err, ErrNotFound) && r.bucket != nil { // it was moved meanwhile
				return r.bucket.open(ctx, rec.App, rec.ID, name)
			}
			return file, put, err
		}
	}
	return nil, time.Time{}, ErrNotFound
}

// refuse answers with an error.
func (r *Recorder) refuse(w http.ResponseWriter, req *http.Request, err error) {
	var no *admin.Error
	if errors.As(err, &no) {
		r.opts.Problem(w, req, no.Status, no.Code, no.Detail)
		return
	}
	for _, known := range statuses {
		if errors.Is(err, known.err) {
			if known.status == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", strconv.Itoa(2))
			}
			detail := known.err.Error()
			if known.status == http.StatusBadRequest {
				detail = err.Error()
			}
			r.opts.Problem(w, req, known.status, known.code, detail)
			return
		}
	}
	status, code := auth.Status(err)
	if status == http.StatusInternalServerError {
		if req.Context().Err() == nil {
			r.log.LogAttrs(req.Context(), slog.LevelError, "cannot serve a recording", slog.String("path", req.URL.Path), slog.Any("error", err))
		}
		detail := "the recording cannot be read or changed now"
		if reasonOf(err) == reasonFull {
			status, code, detail = http.StatusInsufficientStorage, "no_space", store.ErrNoSpace.Error()
		}
		r.opts.Problem(w, req, status, code, detail)
		return
	}
	r.opts.Problem(w, req, status, code, err.Error())
}
