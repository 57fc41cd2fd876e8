package images

import (
	"errors"
	"net/http"
)

var (
	// ErrTooLarge: the file is longer than 20 MB.
	ErrTooLarge = errors.New("the picture is larger than 20 MB")
	// ErrUnsupported: it is in none of the formats that are taken.
	ErrUnsupported = errors.New("the file is no JPEG, PNG, GIF, WebP or BMP")
	// ErrTooManyPixels: to decode it would take too much memory.
	ErrTooManyPixels = errors.New("the picture has too many pixels or frames")
	// ErrDamaged: it cannot be decoded.
	ErrDamaged = errors.New("the picture is damaged, or of a kind that is not taken")
	// ErrNoFile: the form has no file.
	ErrNoFile = errors.New("the form has no file")
	// ErrTooOften: the user sends more pictures than a minute may have.
	ErrTooOften = errors.New("too many pictures in a minute")
	// ErrFull: there are as many pictures as may be kept, and they are not thrown away fast enough.
	ErrFull = errors.New("there is no room for pictures")
	// ErrBusy: others are being decoded.
	ErrBusy = errors.New("too many pictures are being taken")
	// ErrNotFound: there is no such picture, or it is no longer kept.
	ErrNotFound = errors.New("there is no such picture")
)

// statuses are what errors are over HTTP. The codes never change.
var statuses = []struct {
	err    error
	status int
	code   string
}{
	{ErrTooLarge, http.StatusRequestEntityTooLarge, "image_too_large"},
	{ErrUnsupported, http.StatusUnsupportedMediaType, "image_unsupported"},
	{ErrTooManyPixels, http.StatusUnprocessableEntity, "image_too_many_pixels"},
	{ErrDamaged, http.StatusUnprocessableEntity, "image_damaged"},
	{ErrNoFile, http.StatusBadRequest, "bad_request"},
	{ErrTooOften, http.StatusTooManyRequests, "too_many_requests"},
	{ErrFull, http.StatusInsufficientStorage, "images_full"},
	{ErrBusy, http.StatusServiceUnavailable, "images_busy"},
	{ErrNotFound, http.StatusNotFound, "not_found"},
}
