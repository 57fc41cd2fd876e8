package rooms

import (
	"context"
	"strings"
	"unicode/utf8"

	"weir/room/im"
)

// text is something that people write and others see, and how many bytes it may have.
type text struct {
	key   string // as the wire has it
	value *string
	most  int
	// filtered: the filter looks at it. Addresses of pictures are none of its business.
	filtered bool
}

// How many bytes texts may have.
const (
	maxName         = 30
	maxIntroduction = 240
	maxNotification = 300
	maxFace         = 500
	maxNameCard     = 50
)

// clean checks texts and puts in their place what the filter gives back. nil stays nil.
func (r *Rooms) clean(ctx context.Context, app int, texts ...text) error {
	for _, t := range texts {
		if t.value == nil {
			continue
		}
		if err := checkText(t.key, *t.value, t.most); err != nil {
			return err
		}
		if !t.filtered || *t.value == "" {
			continue
		}
		shown, err := r.o.Filter.Text(ctx, app, *t.value)
		if err != nil {
			return failed("check "+t.key, err)
		}
		if len(shown) > t.most { // a mask may be longer than the word
			return im.ErrSensitive
		}
		*t.value = shown
	}
	return nil
}

// checkText refuses what is too long or what the store could not keep.
func checkText(key, value string, most int) error {
	switch {
	case len(value) > most:
		return im.ErrBadParameter.With("%s is longer than %d bytes", key, most)
	case !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0:
		return im.ErrBadParameter.With("%s is no text", key)
	default:
		return nil
	}
}

// roomTexts are the texts of a room with their limits.
func roomTexts(name, introduction, notification, face *string) []text {
	return []text{
		{"Name", name, maxName, true},
		{"Introduction", introduction, maxIntroduction, true},
		{"Notification", notification, maxNotification, true},
		{"FaceUrl", face, maxFace, false},
	}
}
