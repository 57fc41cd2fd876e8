package manage

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

const (
	// maxBody is the size of a request's body in bytes.
	maxBody = 64 << 10
	// usualPage and maxPage are how much of a list one answer has.
	usualPage, maxPage = 100, 1000
)

// decode reads the body of a request: one JSON value without members that to does not have.
func (r *Request) decode(to any) error {
	body := json.NewDecoder(http.MaxBytesReader(r.w, r.Body, maxBody))
	body.DisallowUnknownFields()
	err := body.Decode(to)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return bad("the body is larger than %d bytes", maxBody)
	case errors.Is(err, io.EOF):
		return bad("the body must be JSON, and there is none")
	case err != nil:
		return bad("the body is not as described: %v", err)
	}
	if _, err := body.Token(); !errors.Is(err, io.EOF) {
		return bad("there is something behind the body's JSON")
	}
	return nil
}

// page reads ?limit= and ?cursor=.
func (r *Request) page() (limit int, cursor string, err error) {
	q := r.URL.Query()
	limit = usualPage
	if text := q.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxPage {
			return 0, "", bad("?limit= must be from 1 to %d", maxPage)
		}
	}
	return limit, q.Get("cursor"), nil
}

// offset is a page of a list that is read by offsets, whose cursors are these.
func (r *Request) offset() (limit, offset int, err error) {
	limit, cursor, err := r.page()
	if err == nil && cursor != "" {
		if offset, err = strconv.Atoi(cursor); err != nil || offset < 0 {
			err = bad("?cursor= must be one that an answer gave")
		}
	}
	return limit, offset, err
}

// nextOffset is the cursor behind a page; empty at the end of the list.
func nextOffset(offset, n, total int) string {
	if n == 0 || offset+n >= total {
		return ""
	}
	return strconv.Itoa(offset + n)
}
