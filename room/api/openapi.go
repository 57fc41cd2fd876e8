package api

import (
	_ "embed"
	"net/http"
)

// description is what OpenAPI answers. Tests compare it with the routes and with the types of the answers.
//
//go:embed openapi.yaml
var description []byte

// OpenAPI answers GET /api/openapi.yaml with the description of all calls, also those of the doors.
func (a *API) OpenAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/yaml") // RFC 9512 2.1
	w.Header().Set("Cache-Control", "no-cache")
	if _, err := w.Write(description); err != nil {
		a.log.Debug("cannot send an answer", "path", r.URL.Path, "error", err)
	}
}
