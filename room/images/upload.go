package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"weir/room/im"
)

const (
	// maxUpload is the longest file.
	maxUpload = 20 << 20
	// maxForm is what a form may have around it, maxParts how many parts.
	maxForm, maxParts = 64 << 10, 16
	// patience is how long an upload waits for others to be decoded.
	patience = 20 * time.Second
)

// Content is the content of a TIMImageElem.
type Content struct {
	UUID           string
	ImageFormat    Format
	ImageInfoArray []Info
}

// Info is one size of a picture: 1 the original, 2 at most 720 pixels on its short side, 3 at most 198. A picture that
// is small enough has the same address more than once.
type Info struct {
	Type, Size, Width, Height int
	URL                       string
}

// ServeHTTP takes a picture: POST /api/v1/images, with the file as the body or as the file of a form. The answer (201)
// is the content of the element that sends it.
func (i *Images) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, err := i.take(w, r)
	i.stats.uploaded(err)
	if err != nil {
		i.refuse(w, r, err)
		return
	}
	body, err := json.Marshal(content)
	if err != nil {
		panic(err) // texts and numbers
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(body) // the client may be gone
}

// refusal is an error of Options.Authorize.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

func (i *Images) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if no := (refusal{}); errors.As(err, &no) {
		status, code := i.opts.Status(no.error)
		i.opts.Problem(w, r, status, code, no.Error())
		return
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			if s.status == http.StatusTooManyRequests {
				w.Header().Set("Retry-After", "60")
			}
			i.opts.Problem(w, r, s.status, s.code, s.err.Error())
			return
		}
	}
	if r.Context().Err() == nil {
		i.opts.Log.Error("cannot take a picture", "error", err)
	}
	i.opts.Problem(w, r, http.StatusInternalServerError, "internal", "")
}

func (i *Images) take(w http.ResponseWriter, r *http.Request) (*Content, error) {
	actor, err := i.opts.Authorize(r)
	if err != nil {
		return nil, refusal{err}
	}
	if actor.Anonymous() {
		return nil, refusal{im.ErrNotLoggedIn}
	}
	if !i.limit.allow(actor.App, actor.User) {
		return nil, ErrTooOften
	}
	if r.ContentLength > maxUpload+maxForm {
		return nil, ErrTooLarge
	}
	spool, err := os.CreateTemp(i.opts.Dir, spoolPrefix)
	if err != nil {
		return nil, err
	}
	defer func() {
		_ = spool.Close()
		_ = os.Remove(spool.Name())
	}()
	if err := receive(w, r, spool); err != nil {
		return nil, err
	}
	return i.convert(r, actor.App, spool)
}

// receive copies the file of a request, up to a bound.
func receive(w http.ResponseWriter, r *http.Request, to io.Writer) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload+maxForm)
	from := io.Reader(r.Body)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		var err error
		if from, err = fileOf(r); err != nil {
			return err
		}
	}
	n, err := io.Copy(to, io.LimitReader(from, maxUpload+1))
	var long *http.MaxBytesError
	if n > maxUpload || errors.As(err, &long) {
		return ErrTooLarge
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoFile, err) // the form, or the connection, is cut off
	}
	return nil
}

// fileOf is the first file of a form.
func fileOf(r *http.Request) (io.Reader, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoFile, err)
	}
	for range maxParts {
		part, err := form.NextPart()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoFile, err)
		}
		if part.FileName() != "" {
			return part, nil
		}
	}
	return nil, ErrNoFile
}

// convert makes the sizes of a picture and keeps them.
func (i *Images) convert(r *http.Request, app int, spool io.ReadSeeker) (*Content, error) {
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	h, err := examine(spool)
	if err != nil {
		return nil, err
	}
	cost := max(leastCost, min(h.cost, memory))
	wait, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	if i.costs.Acquire(wait, cost) != nil {
		return nil, ErrBusy
	}
	defer i.costs.Release(cost)
	format, copies, err := remake(spool, h)
	if err != nil {
		return nil, err
	}
	id := newID()
	if err := i.keep(r.Context(), app, id, copies); err != nil {
		return nil, err
	}
	return i.content(r, app, id, format, copies), nil
}

func (i *Images) content(r *http.Request, app int, id string, format Format, copies []variant) *Content {
	base := "/images/" + strconv.Itoa(app) + "/"
	if i.opts.Base != nil {
		base = strings.TrimSuffix(i.opts.Base(r), "/") + base
	}
	content := &Content{UUID: id + format.suffix(), ImageFormat: format}
	for _, c := range copies {
		info := Info{c.size, len(c.data), c.width, c.height, base + id + c.suffix}
		if c.data == nil {
			before := content.ImageInfoArray[len(content.ImageInfoArray)-1]
			info.Size, info.URL = before.Size, before.URL
		}
		content.ImageInfoArray = append(content.ImageInfoArray, info)
	}
	return content
}
