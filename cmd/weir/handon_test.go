package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"weir/room/auth"
)

// TestOwnProof: what an HLS playlist hands on is good for the addresses behind it, whatever dialect it was signed in, and
// for no longer.
func TestOwnProof(t *testing.T) {
	by, err := newAuthorizer(local(t), appsOfTest(t, local(t), testKey), nil)
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	pass := auth.Pass{Action: auth.ActionPlay, Room: "r", Stream: "s", Expires: until}
	for _, tc := range []struct {
		d    auth.Dialect
		user string
		own  bool
	}{{auth.DialectWeir, "ann", true}, {auth.DialectTencent, "", false}, {auth.DialectAlibaba, "ann", false}} {
		pass.User = tc.user
		query, err := by.SignQuery(tc.d, pass, "/live/r/s.m3u8")
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/live/r/s.m3u8?layer=q&"+query, nil)
		r.SetPathValue("room", "r")
		r.SetPathValue("stream", "s")
		grant, err := by.Authorize(t.Context(), auth.RequestOf(r, auth.ActionPlay, "r", "s"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ownProof(r, by, grant)
		if err != nil {
			t.Fatal(err)
		}
		if (got == r) != tc.own || got.PathValue("stream") != "s" || !strings.Contains(got.URL.RawQuery, "layer=q") {
			t.Errorf("%v: %s", tc.d, got.URL)
		}
		behind := httptest.NewRequest(http.MethodGet, "/live/r/s/1.m4s?"+got.URL.RawQuery, nil)
		g, err := by.Authorize(t.Context(), auth.RequestOf(behind, auth.ActionPlay, "r", "s"))
		if err != nil || g.User != tc.user || !g.Expires.Equal(until) {
			t.Errorf("%v: behind it %+v, %v", tc.d, g, err)
		}
	}
}
