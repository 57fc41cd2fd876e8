package whip

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

const (
	extMid      = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\n"
	extRID      = "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\n"
	extRepaired = "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\n"
	repair      = "a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n"
)

// layersOffer is an offer of the layers q, h and f, with more lines in its video section.
func layersOffer(t *testing.T, lines string, pairs ...string) string {
	all := extMid + extRID + extRepaired + "a=rid:q send\na=rid:h send\na=rid:f send\n" + lines
	return offerText(t, append([]string{
		"SAVPF 96", "SAVPF 96 97", plainSection, plainSection + repair + all, "a=mid:1", "a=ssrc:9 cname:a\na=mid:1",
	}, pairs...)...)
}

const send = "a=simulcast:send q;h;f\n"

func TestLayersOfOffers(t *testing.T) {
	for _, c := range []struct {
		name, lines string
		pairs       []string
		layers      string
		rtx         bool
	}{
		{"RFC 8853 5.1: three", send, nil, "q h f", true},
		{"RFC 8853 5.1: in the order of the line", "a=simulcast:send f;q;h\n", nil, "f q h", true},
		{"RFC 8853 5.1: the other direction first", "a=simulcast:recv 1;2 send q;h\n", nil, "q h", true},
		{"RFC 8853 5.1: paused at first", "a=simulcast:send q;~h;~f\n", nil, "q h f", true},
		{"RFC 8853 5.1: alternatives", "a=simulcast:send q,h;f,q\n", nil, "q f", true},
		{"RFC 8853 5.1: an alternative that is unknown", "a=simulcast:send x,h;f\n", nil, "h f", true},
		{"RFC 8853 5.1: an alternative that is paused", "a=simulcast:send ~q,h;f\n", nil, "q f", true},
		{"a fourth layer is left out", "a=rid:x send\na=simulcast:send q;h;f;x\n", nil, "q h f", true},
		{"one layer is no simulcast", "a=simulcast:send q\n", nil, "", false},
		{"a layer twice", "a=simulcast:send q;q\n", nil, "", false},
		{"layers without a=rid", "a=simulcast:send x;y\n", nil, "", false},
		{"RFC 8851 4: a layer that is received", send, []string{"rid:h send", "rid:h recv"}, "q f", true},
		{"no simulcast line", "", nil, "", false},
		{"received only", "a=simulcast:recv q;h;f\n", nil, "", false},
		{"RFC 8851 10: names of other signs", send, []string{"rid:q", "rid:q/q", "send q;", "send q/q;"}, "h f", true},
		{"RFC 8285 4.2: a name too long", send, []string{"rid:q", "rid:qqqqqqqqqqqqqqqqq", "send q;", "send qqqqqqqqqqqqqqqqq;"}, "h f", true},
		{"RFC 8851 5: of another payload type", send, []string{"rid:h send", "rid:h send max-width=640;pt=98,99"}, "q f", true},
		{"RFC 8851 5: of the payload type", send, []string{"rid:h send", "rid:h send pt=95,96;max-width=640"}, "q h f", true},
		{"packets without the section's name", send, []string{extMid, ""}, "", false},
		{"packets without the layer's name", send, []string{extRID, ""}, "", false},
		{"repair packets without the layer's name", send, []string{extRepaired, ""}, "q h f", false},
		{"SSRC lines beside the layers", send + "a=ssrc:1 cname:a\na=ssrc:2 cname:a\na=ssrc:3 cname:a\n", nil, "q h f", false},
		{"sound of which no SSRC is known", send, []string{"a=ssrc:9 cname:a\n", ""}, "", false},
		{"no sound", send, []string{"a=ssrc:9 cname:a\n", "", audioPart, "", "BUNDLE 0 1", "BUNDLE 0"}, "q h f", true},
		{"an empty list", "a=simulcast:send ;;,;~\n", nil, "", false},
		{"half a line", "a=simulcast:send\n", nil, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := readOffer([]byte(layersOffer(t, c.lines, c.pairs...)), h264Only)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(o.layers(), " "); got != c.layers {
				t.Errorf("layers %q, want %q", got, c.layers)
			}
			if (o.video.rtx != nil) != c.rtx {
				t.Errorf("repair stream %v, want %v", o.video.rtx, c.rtx)
			}
			checkLayersText(t, o)
		})
	}
}

// checkLayersText checks what the peer connection gets: the layers that are taken and nothing else.
func checkLayersText(t *testing.T, o *offer) {
	t.Helper()
	m := sections(t, o.text)[0]
	var rids, simulcast []string
	for _, rid := range o.layers() {
		rids = append(rids, rid+" send")
		simulcast = []string{"send " + strings.Join(o.layers(), ";")}
	}
	if !slices.Equal(values(m, "rid"), rids) || !slices.Equal(values(m, "simulcast"), simulcast) {
		t.Errorf("the offer goes on with %v %v for %v", values(m, "rid"), values(m, "simulcast"), o.layers())
	}
	if len(rids) > 0 && (len(values(m, "ssrc")) > 0 || len(values(m, "msid")) != 1) {
		t.Errorf("SSRC lines %v, msid %v", values(m, "ssrc"), values(m, "msid"))
	}
}

func TestManySourcesWithoutLayersAreRefused(t *testing.T) {
	text := layersOffer(t, "a=ssrc:1 cname:a\na=ssrc:2 cname:a\n")
	if _, err := readOffer([]byte(text), h264Only); err == nil || !strings.Contains(err.Error(), "more than one source") {
		t.Errorf("got %v", err)
	}
}

// The answer to an offer of layers agrees to them, with the extensions that name them.
func TestAnswerAgreesToLayers(t *testing.T) {
	s := newServer(t)
	for _, lines := range []string{send, "a=simulcast:send ~f;q\n"} {
		text := layersOffer(t, lines)
		answer := s.answerTo(text, aLocalClient)
		checkAnswer(t, text, answer)
		for _, uri := range []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI} {
			if !slices.ContainsFunc(values(sections(t, answer)[0], "extmap"), func(v string) bool { return strings.HasSuffix(v, uri) }) {
				t.Errorf("the answer has no %s", uri)
			}
		}
		if got := values(sections(t, answer)[1], "extmap"); len(got) > 0 {
			t.Errorf("the sound has %v", got)
		}
	}
}

// Tracks have the same ids at every publisher that names its layers in the same order.
func TestLayerTracks(t *testing.T) {
	o := must(readOffer([]byte(layersOffer(t, send)), h264Only))
	var got []string
	for _, rid := range []string{"f", "q", "h", "x", ""} {
		id, ok := o.video.track(rid)
		got = append(got, fmt.Sprint(id, ok))
	}
	if want := "[5 true 3 true 4 true 3 false 3 false]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if id, ok := o.audio.track(""); id != audioID || !ok {
		t.Errorf("the sound is track %d, %v", id, ok)
	}
	if _, ok := (*section)(nil).track(""); ok {
		t.Error("a section that is not there has a track")
	}
}
