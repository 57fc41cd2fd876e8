package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/room/images"
)

// TestPictures: a user uploads a picture, and whoever has its address sees it.
func TestPictures(t *testing.T) {
	cfg := local(t)
	cfg.HTTP.PublicURL = "https://live.example.com"
	s, _ := start(t, cfg)
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 300, 200))); err != nil {
		t.Fatal(err)
	}
	send := func(token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/images", bytes.NewReader(picture.Bytes()))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.public.server.Handler.ServeHTTP(w, r)
		return w
	}
	w := send(userSig(t, "ann"))
	var content images.Content
	if err := json.Unmarshal(w.Body.Bytes(), &content); w.Code != http.StatusCreated || err != nil {
		t.Fatal(w.Code, w.Body, err)
	}
	const base = "https://live.example.com/images/1400000000/"
	for _, info := range content.ImageInfoArray {
		path, ours := strings.CutPrefix(info.URL, "https://live.example.com")
		if !ours || !strings.HasPrefix(info.URL, base) {
			t.Errorf("the address is %s", info.URL)
		}
		if w := ask(s.public.server.Handler, http.MethodGet, path); w.Code != http.StatusOK || w.Body.Len() != info.Size {
			t.Errorf("%s: %d, %d bytes of %d", path, w.Code, w.Body.Len(), info.Size)
		}
	}
	if w := send(limited(t, "r", 2)); w.Code != http.StatusCreated {
		t.Errorf("who may enter a room may not show a picture in it: %d %s", w.Code, w.Body)
	}
}
