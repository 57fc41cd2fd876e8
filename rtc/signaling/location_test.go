package signaling

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestSessionURL(t *testing.T) {
	for _, tc := range []struct{ endpoint, bearer, want string }{
		{"/whip/r/s", "", "/whip/r/s/id"},
		{"/whip/my%20room/s/", "", "/whip/my%20room/s/id"},
		{"/whip/r/s?policy=reject&sign=x", "", "/whip/r/s/id?sign=x"},
		{"/whip/r/s?txSecret=x&txTime=y", "", "/whip/r/s/id?txSecret=x&txTime=y"},
		{"/whip/r/s?sign=x", "Bearer token", "/whip/r/s/id"},
	} {
		r := httptest.NewRequest(http.MethodPost, tc.endpoint, nil)
		if tc.bearer != "" {
			r.Header.Set("Authorization", tc.bearer)
		}
		if got := SessionURL(r, "id"); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.endpoint, got, tc.want)
		}
	}
}
