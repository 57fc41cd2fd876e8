package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/bench/publish"
	"weir/testdata"
)

func TestParse(t *testing.T) {
	t.Setenv("WEIR_TOKEN", "from-environment")
	set, err := parse([]string{
		"-url", "http://host/whip/r/s", "-h264", "a", "-ogg", "b", "-fps", "25", "-loop=false", "-mtu", "900", "-stap-a=false",
		"-rtx=false", "-stereo=false", "-video-codecs", "vp8,h264", "-skip-pli", "-skip-sr", "-loss", "0.1", "-duration", "3s", "-kill",
	})
	if err != nil {
		t.Fatal(err)
	}
	if set.URL != "http://host/whip/r/s" || set.Token != "from-environment" || set.H264 != "a" || set.Ogg != "b" || set.FPS != 25 ||
		set.Loop || set.MTU != 900 || set.StapA || set.RTX || set.StereoFmtp || !slices.Equal(set.VideoCodecs, []string{"vp8", "h264"}) ||
		!set.SkipPLI || !set.SkipSR || set.DropRTP == nil || set.duration != 3*time.Second || !set.kill {
		t.Errorf("settings %+v", set)
	}
	set, err = parse([]string{"-layer", "q=a", "-layer", "f=b"})
	if want := []publish.Layer{{RID: "q", H264: "a"}, {RID: "f", H264: "b"}}; err != nil || !slices.Equal(set.Layers, want) || set.RTX {
		t.Errorf("layers %v with RTX %v, %v", set.Layers, set.RTX, err)
	}
	for _, args := range [][]string{{"-fps", "many"}, {"-no-such-flag"}, {"rest"}, {"-layer", "q"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

func TestRunRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not today", http.StatusForbidden)
	}))
	defer server.Close()
	set, err := parse([]string{"-url", server.URL, "-ogg", testdata.Path("tone.ogg")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(t.Context(), set); err == nil || !strings.Contains(err.Error(), "403: not today") {
		t.Errorf("error %v, want the refusal", err)
	}
}
