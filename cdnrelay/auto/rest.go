package auto

import (
	"errors"
	"net/http"

	"weir/cdnrelay/address"
	"weir/cdnrelay/admin"
)

// shown are settings as they may be shown: without the key, and without what is secret in the address.
type shown struct {
	On      bool   `json:"on"`
	To      string `json:"to"`
	Dialect string `json:"dialect"`
	Signed  bool   `json:"signed"`
}

// Get answers GET /api/v1/autorelay: the settings of the app.
func (r *Relay) Get(q *admin.Request) (any, error) {
	s := r.of(q.Grant.App)
	out := shown{On: s.On, Dialect: s.Dialect, Signed: s.Key != ""}
	if s.To != "" {
		out.To = address.Masked(s.To)
	}
	return out, nil
}

// Put answers PUT /api/v1/autorelay.
func (r *Relay) Put(q *admin.Request) (any, error) {
	var s Settings
	if err := q.Decode(&s); err != nil {
		return nil, err
	}
	err := r.Set(q.Context(), q.Grant.App, s)
	switch {
	case errors.Is(err, ErrSettings):
		return nil, admin.Bad("%v", err)
	case errors.Is(err, ErrConfigured):
		return nil, &admin.Error{Status: http.StatusConflict, Code: "app_configured", Detail: err.Error()}
	}
	return nil, err
}
