package whep

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"

	"weir/mux/av"
	"weir/room/auth"
	"weir/rtc/peer"
	"weir/rtc/signaling"
)

// A plain offer, and what may be changed in it.
const plainOffer = `v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF
a=setup:actpass
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=mid:0
a=recvonly
a=rtcp-mux
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1;profile-level-id=42e01f
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=candidate:1 1 udp 1 192.0.2.1 5000 typ host
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:1
a=recvonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
`

// offerWith is the plain offer with replacements, in pairs.
func offerWith(t testing.TB, pairs ...string) []byte {
	t.Helper()
	text := plainOffer
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%q is not in the offer", pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return []byte(strings.ReplaceAll(text, "\n", "\r\n"))
}

var both = av.Tracks{*testVideo, *testAudio}

// agreedIn is what is agreed on in the plain offer with replacements.
func agreedIn(t testing.TB, ts av.Tracks, pairs ...string) []*agreed {
	t.Helper()
	o := must(readOffer(offerWith(t, pairs...), auth.RightsAll))
	return must(o.agree(ts))
}

func TestOfferIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		pairs  []string
		status int
		code   string
	}{
		{"RFC 9143 7.1: two sections of a name", []string{"a=mid:1", "a=mid:0", "BUNDLE 0 1", "BUNDLE 0"}, 400, "bad_offer"},
		{"no section for media", []string{"m=video", "m=text", "m=audio", "m=text"}, 422, "media_unsupported"},
		{"RFC 3264 5.1: all sections are switched off", []string{"m=video 9", "m=video 0", "m=audio 9", "m=audio 0"}, 422, "media_unsupported"},
		{"RFC 8842 5.2: holdconn", []string{"actpass", "holdconn"}, 422, "setup_unsupported"},
		{"WHEP 4.2.5: a section that sends", []string{"a=mid:1\na=recvonly", "a=mid:1\na=sendonly"}, 422, "not_receiving"},
		{"no codec of sound", []string{"opus/48000/2", "PCMU/8000"}, 406, "no_common_codec"},
		{"RFC 7587 4.1: Opus of another rate", []string{"opus/48000/2", "opus/16000/2"}, 406, "no_common_codec"},
		{"no codec of the video", []string{"H264/90000", "VP8/90000"}, 406, "no_common_codec"},
	} {
		o, err := readOffer(offerWith(t, tc.pairs...), auth.RightsAll)
		if err == nil {
			_, err = o.agree(both)
		}
		var no *signaling.RefusedError
		if !errors.As(err, &no) || no.Status != tc.status || no.Code != tc.code {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	many := strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtcp-mux\r\n", maxSections)
	if _, err := readOffer(append(offerWith(t), many...), auth.RightsAll); err == nil {
		t.Error("an offer of many sections is taken")
	}
}

func TestOfferIsTaken(t *testing.T) {
	for _, tc := range []struct {
		name  string
		pairs []string
		check func(o *offer) bool
	}{
		{"credentials of the session", nil, func(o *offer) bool {
			return o.remote.Ufrag == "abcd" && len(o.remote.Fingerprints) == 1 && o.remote.Setup == "actpass" && len(o.candidates) == 1
		}},
		{"RFC 9143 7.3.1: the section that the group names first", []string{"BUNDLE 0 1", "BUNDLE 1 0"}, func(o *offer) bool {
			return o.transport.mid == "1" && len(o.candidates) == 0 && o.bundle() == "BUNDLE 1 0"
		}},
		{"RFC 9143 7.3.3: the first of the group is not served", []string{"m=video 9", "m=video 0"}, func(o *offer) bool {
			return o.transport.mid == "1" && o.bundle() == "BUNDLE 1"
		}},
		{"RFC 9143 6: bundle-only", []string{"m=audio 9", "m=audio 0", "a=mid:1\n", "a=mid:1\na=bundle-only\n"}, func(o *offer) bool {
			return o.section("audio") != nil
		}},
		{"RFC 4145 4.1: setup is active where none is named", []string{"a=setup:actpass\n", ""}, func(o *offer) bool { return o.remote.Setup == "active" }},
		{"RFC 8842 5.3: setup passive", []string{"actpass", "passive"}, func(o *offer) bool { return o.remote.Setup == "passive" }},
		{"RFC 8445 2.7: ice-lite", []string{"a=setup", "a=ice-lite\na=setup"}, func(o *offer) bool { return o.remote.Lite }},
		{"WHEP 4.2.5: sendrecv", []string{"recvonly", "sendrecv"}, func(o *offer) bool { return o.section("video") != nil && o.section("audio") != nil }},
		{"RFC 8866 6.7: no direction is sendrecv", []string{"a=recvonly\n", ""}, func(o *offer) bool { return o.section("video") != nil }},
		{"candidates are bounded", []string{"a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\n", strings.Repeat("a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\n", 2*signaling.MaxCandidates)}, func(o *offer) bool {
			return len(o.candidates) == signaling.MaxCandidates && len(o.described()) == signaling.MaxCandidates
		}},
	} {
		o, err := readOffer(offerWith(t, tc.pairs...), auth.RightsAll)
		if err != nil || !tc.check(o) {
			t.Errorf("%s: %+v, %v", tc.name, o, err)
		}
	}
}

// What is agreed on is what the offer has for the payload type that is taken.
func TestAgree(t *testing.T) {
	const mid, count = "urn:ietf:params:rtp-hdrext:sdes:mid", signaling.TransportCC
	for _, tc := range []struct {
		name  string
		pairs []string
		check func(video *agreed) bool
	}{
		{"RTX", nil, func(v *agreed) bool { return v.repair == 97 && v.nack && v.pli && !v.fir }},
		{"RFC 4588 8.6: RTX of another payload type", []string{"apt=96", "apt=95"}, func(v *agreed) bool { return v.repair == 0 }},
		{"RTX without NACK", []string{"a=rtcp-fb:96 nack\n", ""}, func(v *agreed) bool { return v.repair == 0 && !v.nack }},
		{"FIR", []string{"nack pli", "ccm fir"}, func(v *agreed) bool { return v.fir && !v.pli }},
		{"header extensions", []string{"a=mid:0\n", "a=mid:0\na=extmap:4 " + mid + "\na=extmap:3/recvonly " + count + "\na=rtcp-fb:96 transport-cc\n"}, func(v *agreed) bool {
			return v.mid == 4 && v.transportCC == 3
		}},
		{"RFC 8285 4.2: ids that need a header of two bytes", []string{"a=mid:0\n", "a=mid:0\na=extmap:15 " + mid + "\na=extmap:16 " + count + "\na=rtcp-fb:96 transport-cc\n"}, func(v *agreed) bool {
			return v.mid == 0 && v.transportCC == 0
		}},
		{"RFC 8285 4.2: a MID too long for a header of one byte", []string{"a=mid:0\n", "a=mid:a-mid-of-17-bytes\na=extmap:4 " + mid + "\n", "BUNDLE 0", "BUNDLE a-mid-of-17-bytes"}, func(v *agreed) bool {
			return v.mid == 0
		}},
		{"the extension without its feedback", []string{"a=mid:0\n", "a=mid:0\na=extmap:3 " + count + "\n"}, func(v *agreed) bool { return v.transportCC == 0 }},
		{"REMB where there is nothing newer", []string{"nack pli", "goog-remb"}, func(v *agreed) bool { return v.remb }},
		{"REMB where the id of what is newer needs a header of two bytes", []string{"nack pli", "goog-remb\na=rtcp-fb:96 transport-cc\na=extmap:15 " + count}, func(v *agreed) bool { return v.remb && v.transportCC == 0 }},
		{"no REMB beside transport-wide feedback", []string{"nack pli", "goog-remb\na=rtcp-fb:96 transport-cc\na=extmap:3 " + count}, func(v *agreed) bool { return !v.remb && v.transportCC == 3 }},
	} {
		if all := agreedIn(t, both, tc.pairs...); len(all) != 2 || !tc.check(all[0]) {
			t.Errorf("%s: %+v", tc.name, all[0])
		}
	}
}

// Media that the stream does not have is agreed on for later; video beside sound is inactive until it comes.
func TestAgreeOnWhatIsNotThere(t *testing.T) {
	for _, tc := range []struct {
		name     string
		tracks   av.Tracks
		pairs    []string
		codecs   []av.Codec
		inactive bool // the first
	}{
		{"all", both, nil, []av.Codec{av.CodecH264, av.CodecOpus}, false},
		{"no sound", both[:1], nil, []av.Codec{av.CodecH264, av.CodecOpus}, false},
		{"no video", both[1:], nil, []av.Codec{av.CodecH264, av.CodecOpus}, true},
		{"no video, and none but VP9 is offered", both[1:], []string{"H264", "VP9"}, []av.Codec{av.CodecVP9, av.CodecOpus}, true},
		{"no video, and nothing else is offered", both[1:], []string{"m=audio", "m=text"}, []av.Codec{av.CodecH264}, false},
		{"nothing", nil, nil, []av.Codec{av.CodecH264, av.CodecOpus}, false},
	} {
		all := agreedIn(t, tc.tracks, tc.pairs...)
		if len(all) != len(tc.codecs) {
			t.Fatalf("%s: %d are agreed on", tc.name, len(all))
		}
		for i, a := range all {
			if a.codec != tc.codecs[i] || a.inactive != (tc.inactive && i == 0) {
				t.Errorf("%s: %v is agreed on, inactive %v", tc.name, a.codec, a.inactive)
			}
		}
	}
}

var testLocal = peer.Description{
	Ufrag: "server", Pwd: "0123456789012345678901", Fingerprint: "sha-256 AA", Setup: "passive",
	Candidates: []string{"1 1 udp 1 192.0.2.9 8189 typ host"},
}

// The answer of the plain offer, whole.
func TestAnswer(t *testing.T) {
	o := must(readOffer(offerWith(t), auth.RightsAll))
	all := must(o.agree(both))
	all[0].ssrc, all[0].repairSSRC, all[1].ssrc = 1, 2, 3
	const want = `v=0
o=- 7 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1
a=msid-semantic:WMS weir
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=mid:0
a=ice-ufrag:server
a=ice-pwd:0123456789012345678901
a=ice-options:trickle
a=fingerprint:sha-256 AA
a=setup:passive
a=sendonly
a=msid:weir video
a=rtcp-mux
a=rtpmap:96 H264/90000
a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=ssrc-group:FID 1 2
a=ssrc:1 cname:name
a=ssrc:1 msid:weir video
a=ssrc:2 cname:name
a=ssrc:2 msid:weir video
a=candidate:1 1 udp 1 192.0.2.9 8189 typ host
a=end-of-candidates
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:1
a=ice-ufrag:server
a=ice-pwd:0123456789012345678901
a=ice-options:trickle
a=fingerprint:sha-256 AA
a=setup:passive
a=sendonly
a=msid:weir audio
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1
a=ssrc:3 cname:name
a=ssrc:3 msid:weir audio
`
	if got := strings.ReplaceAll(must(o.answer(&testLocal, all, 7, "name")), "\r\n", "\n"); got != want {
		t.Errorf("got\n%s", got)
	}
	restarted := "a=ice-options:trickle\na=group:BUNDLE 0 1\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\na=mid:0\na=ice-ufrag:server\n" +
		"a=ice-pwd:0123456789012345678901\na=candidate:1 1 udp 1 192.0.2.9 8189 typ host\na=end-of-candidates\n"
	head := o.fragmentHead()
	if got := strings.ReplaceAll(head.restarted(&testLocal), "\r\n", "\n"); got != restarted {
		t.Errorf("got\n%s", got)
	}
}

func TestSources(t *testing.T) {
	all := agreedIn(t, both)
	setSources(all)
	if v, a := all[0], all[1]; v.ssrc == 0 || v.repairSSRC == 0 || a.ssrc == 0 || a.repairSSRC != 0 || v.ssrc == v.repairSSRC || v.ssrc == a.ssrc {
		t.Errorf("%d %d %d %d", v.ssrc, v.repairSSRC, a.ssrc, a.repairSSRC)
	}
}

// Whatever is offered is refused with a 4xx, or answered with as many sections, of which none but the served have a port.
func FuzzOffer(f *testing.F) {
	for _, name := range must(filepath.Glob("testdata/offers/*.sdp")) {
		f.Add(must(os.ReadFile(name)))
	}
	f.Add(offerWith(f))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := readOffer(text, auth.RightsAll)
		var all []*agreed
		if err == nil {
			all, err = o.agree(both)
		}
		var no *signaling.RefusedError
		if err != nil {
			if !errors.As(err, &no) || no.Status/100 != 4 {
				t.Fatal(err)
			}
			return
		}
		setSources(all)
		answer, err := o.answer(&testLocal, all, 1, "name")
		if err != nil {
			t.Fatal(err)
		}
		var s sdp.SessionDescription
		if err := s.UnmarshalString(answer); err != nil {
			return // the sdp package writes some texts that it cannot read
		}
		ports := 0
		for _, m := range s.MediaDescriptions {
			if m.MediaName.Port.Value != 0 {
				ports++
			}
		}
		if ports != len(all) || len(s.MediaDescriptions) != len(o.sections) {
			t.Fatalf("%d of %d sections are served, of %d agreed on, in\n%s", ports, len(s.MediaDescriptions), len(all), answer)
		}
		head := o.fragmentHead()
		if _, err := signaling.ParseFragment(head.restarted(&testLocal)); err != nil {
			t.Fatalf("%v in\n%s", err, head.restarted(&testLocal))
		}
	})
}

// TestPictures: a viewer with another form to turn to may refuse what WebRTC would leave out.
func TestPictures(t *testing.T) {
	for query, want := range map[string]bool{"": false, "?pictures=all": true} {
		whole, err := wholeOf(httptest.NewRequest(http.MethodPost, "/whep/demo/cam"+query, nil))
		if err != nil || whole != want {
			t.Errorf("%q: %v, %v", query, whole, err)
		}
	}
	for _, query := range []string{"?pictures=", "?pictures=some", "?pictures=all&pictures=all"} {
		_, err := wholeOf(httptest.NewRequest(http.MethodPost, "/whep/demo/cam"+query, nil))
		if status, code, _ := outcome(err); status != http.StatusBadRequest || code != "bad_pictures" {
			t.Errorf("%q: %d %s", query, status, code)
		}
	}
}
