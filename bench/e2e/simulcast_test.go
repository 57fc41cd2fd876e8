package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/bench/publish"
	"weir/mux/codec/h264"
	"weir/testdata"
)

// testSimulcast: each layer decodes at its own size, and the largest stands in for nothing; when it goes, the viewers
// who named none get the one below, and it again when it is back.
func testSimulcast(t *testing.T, s *server) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	src, err := publish.Start(ctx, publish.Options{
		URL: s.http + "/whip/simulcast/cam", Token: s.token, Loop: true, StapA: true, StereoFmtp: true,
		Layers: []publish.Layer{
			{RID: "q", H264: testdata.Path("bars-360p.h264")}, {RID: "f", H264: testdata.Path("bars-720p.h264")},
		},
		Ogg: testdata.Path("tone.ogg"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(src.Close)
	eventually(t, "the list of all layers", func() bool {
		return slices.Equal(layersListed(t, s), []string{" 1280x720", "q 640x360", "f 1280x720"})
	})
	url := s.http + "/live/simulcast/cam.flv"
	main := watch(t, url)
	want := map[string]string{"": "1280x720", "?layer=f": "1280x720", "?layer=q": "640x360", "?layer=q&audio=opus": "640x360"}
	viewers := map[string]*viewer{}
	for query := range want {
		viewers[query] = watch(t, url+query)
	}
	for query, v := range viewers {
		untilSize(t, v, want[query]) // where the publisher stands still, another layer stands in at first
		v.untilLength(t, 3*time.Second)
		v.leave()
		if !strings.Contains(query, "opus") { // ffmpeg here knows no Enhanced FLV
			checkCapture(t, v, 5, "aac", "h264")
		}
	}
	if a := get(t, url+"?layer=x"); a.StatusCode != http.StatusNotFound || a.code() != "layer_not_found" || !strings.Contains(string(a.body), "q f") {
		t.Errorf("an unknown layer: %s %s", a.Status, a.body)
	}
	hls := s.http + "/live/simulcast/cam.m3u8"
	eventually(t, "layers as variants", func() bool {
		list := string(get(t, hls).body)
		return strings.Contains(list, "1280x720\ncam/main.m3u8\n") && strings.Contains(list, "640x360\ncam/layer-q.m3u8\n")
	})
	small := play(t, hls+"?layer=q")
	small.until(t, 3)

	src.Pause("f")
	untilSize(t, main, "640x360")
	src.Resume("f")
	untilSize(t, main, "1280x720")
	main.leave()
	_, tags := main.snapshot()
	checkRising(t, tags)
	// A machine that stands still may make more steps of it.
	if got := sizes(t, main); got[0] != "1280x720" || got[len(got)-1] != "1280x720" || !slices.Contains(got, "640x360") {
		t.Errorf("sizes %v", got)
	}
	// ffmpeg counts pictures in steps of the first rate, and complains of the one that stands 1 ms before a change.
	if out, err := tool(t, "ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_type", "-of", "csv=p=0", main.file(t)); err != nil ||
		strings.Join(strings.Fields(out), " ") != "video audio" {
		t.Errorf("ffprobe decodes with %v\n%s", err, out)
	}

	if err := src.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	small.untilEnd(t)
	checkDecodes(t, small.media)
	checkProbe(t, small.media, "h264", "opus")
}

// sizes are the picture's sizes in the order of the sequence headers.
func sizes(t *testing.T, v *viewer) (out []string) {
	t.Helper()
	_, tags := v.snapshot()
	for _, g := range tags {
		if g.kind == videoTag && !g.media() {
			out = append(out, sizeOf(t, g.body))
		}
	}
	return out
}

// sizeOf is the size in the body of a sequence header: the record behind codec, type and composition time (E.4.3.1).
func sizeOf(t *testing.T, body []byte) string {
	t.Helper()
	sps, _, err := h264.ParseConfig(body[5:])
	if err != nil {
		t.Fatal(err)
	}
	info, err := h264.ParseSPS(sps[0])
	if err != nil {
		t.Fatal(err)
	}
	return size(info.Width, info.Height)
}

func size(width, height int) string { return fmt.Sprintf("%dx%d", width, height) }

// untilSize waits for a sequence header of a size, and some pictures behind it.
func untilSize(t *testing.T, v *viewer, want string) {
	t.Helper()
	v.until(t, "pictures of "+want, func(tags []tag) bool {
		after := 0
		for _, g := range slices.Backward(tags) {
			if g.kind != videoTag {
				continue
			}
			if !g.media() {
				return sizeOf(t, g.body) == want && after > 15
			}
			after++
		}
		return false
	})
}

// layersListed are the pictures that GET /live shows: layer and size, the main video first.
func layersListed(t *testing.T, s *server) (out []string) {
	t.Helper()
	var list struct {
		Streams []struct {
			Room   string
			Tracks []struct {
				Kind, Layer   string
				Width, Height int
			}
		}
	}
	if err := json.Unmarshal(get(t, s.http+"/live").body, &list); err != nil {
		t.Fatal(err)
	}
	for _, st := range list.Streams {
		for _, tr := range st.Tracks {
			if st.Room == "simulcast" && tr.Kind == "video" {
				out = append(out, tr.Layer+" "+size(tr.Width, tr.Height))
			}
		}
	}
	return out
}
