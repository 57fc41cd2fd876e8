package images

import (
	"net/http"
)

// Get serves a picture: GET /images/{app}/{name}, with ranges.
//
// Whatever its bytes are, no browser takes them for a page: it is told the type and not to guess another, and were it
// opened as a page, that could neither run nor load anything.
func (i *Images) Get(w http.ResponseWriter, r *http.Request) {
	app, ok := parseApp(r.PathValue("app"))
	file := r.PathValue("name")
	if !ok || !name.MatchString(file) {
		i.refuse(w, r, ErrNotFound)
		return
	}
	content, put, err := i.depot.Open(r.Context(), app, file)
	if err != nil {
		i.refuse(w, r, err)
		return
	}
	defer func() { _ = content.Close() }()
	h := w.Header()
	h.Set("Content-Type", typeOf(file))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Disposition", `inline; filename="`+file+`"`)
	h.Set("Cache-Control", "public, max-age=31536000, immutable") // a name never means another picture
	h.Set("ETag", `"`+file+`"`)
	http.ServeContent(w, r, file, put, content)
}
