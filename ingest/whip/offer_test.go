package whip

import (
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"weir/mux/av"
	"weir/rtc/signaling"
)

var h264Only = []av.Codec{av.CodecH264}

// plainOffer is the least that a publisher must say; the rows below change it.
const plainOffer = `v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=ice-ufrag:abcd
a=ice-pwd:0123456789abcdef012345
a=fingerprint:sha-256 DB:94:53:1D:BC:21:8E:F4:13:AC:8C:A7:47:43:8A:8B:97:6B:62:84:60:19:D9:AB:3C:62:5B:1A:5D:1E:93:E4
a=setup:actpass
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=rtcp-mux
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1;profile-level-id=42e01f
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:1
a=sendonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
`

// offerText is plainOffer with each pair of texts replaced, the first by the second. The line ends are SDP's.
func offerText(t testing.TB, pairs ...string) string {
	t.Helper()
	text := plainOffer
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the offer has no %q to replace", pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}

const (
	videoPart = "m=video 9 UDP/TLS/RTP/SAVPF 96\nc=IN IP4 0.0.0.0\na=mid:0\na=sendonly\na=rtcp-mux\n" +
		"a=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1;profile-level-id=42e01f\n"
	audioPart = "m=audio 9 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 0.0.0.0\na=mid:1\na=sendonly\na=rtcp-mux\na=rtpmap:111 opus/48000/2\n"
)

// refusedOffers are offers that must be refused, each with the reason.
var refusedOffers = []struct {
	name   string
	pairs  []string
	status int
	code   string
	says   string // part of the detail
}{
	{"WH-04 empty", []string{plainOffer, ""}, 400, "bad_offer", "no media section"},
	{"WH-04 not SDP", []string{plainOffer, `{"type":"offer"}`}, 400, "bad_offer", "not SDP"},
	{"WH-04 binary", []string{plainOffer, "\x16\xfe\xfd\x00\xff"}, 400, "bad_offer", "not SDP"},
	{"WH-04 cut off", []string{"s=-\n", "s"}, 400, "bad_offer", "not SDP"},
	{"WH-04 no section", []string{videoPart, "", audioPart, ""}, 400, "bad_offer", "no media section"},
	{"WH-04 nine sections", []string{audioPart, strings.Repeat(audioPart, 8)}, 400, "bad_offer", "too many"},
	{"WH-05 recvonly", []string{"mid:0\na=sendonly", "mid:0\na=recvonly"}, 422, "not_sending", "recvonly"},
	{"WH-05 recvonly audio", []string{"mid:1\na=sendonly", "mid:1\na=recvonly"}, 422, "not_sending", "recvonly"},
	{"WH-05 inactive", []string{"mid:0\na=sendonly", "mid:0\na=inactive"}, 422, "not_sending", "inactive"},
	{"WH-05 recvonly for all", []string{"a=sendonly\n", "", "a=setup", "a=recvonly\na=setup"}, 422, "not_sending", "recvonly"},
	{"WH-05 inactive for all", []string{"a=sendonly\n", "", "a=setup", "a=inactive\na=setup"}, 422, "not_sending", "inactive"},
	{"WH-05 switched off", []string{"m=video 9", "m=video 0"}, 422, "not_sending", "port 0"},
	{"WH-07 passive", []string{"setup:actpass", "setup:passive"}, 422, "setup_passive", "actpass"},
	{"WH-07 passive in a section", []string{"a=mid:1", "a=setup:passive\na=mid:1"}, 422, "setup_passive", "actpass"},
	{"WH-08 no BUNDLE", []string{"a=group:BUNDLE 0 1\n", ""}, 422, "bundle_required", "BUNDLE"},
	{"WH-08 another group", []string{"a=group:BUNDLE 0 1", "a=group:LS 0 1"}, 422, "bundle_required", "BUNDLE"},
	{"WH-08 a section out of the BUNDLE", []string{"BUNDLE 0 1", "BUNDLE 0"}, 422, "bundle_required", "BUNDLE"},
	{"WH-08 two BUNDLEs", []string{"BUNDLE 0 1", "BUNDLE 0\na=group:BUNDLE 1"}, 422, "bundle_required", "BUNDLE"},
	{"WH-08 no rtcp-mux", []string{"a=mid:1\na=sendonly\na=rtcp-mux", "a=mid:1\na=sendonly"}, 422, "rtcp_mux_required", "rtcp-mux"},
	{"no ufrag", []string{"a=ice-ufrag:abcd\n", ""}, 400, "bad_offer", "ice-ufrag"},
	{"no password", []string{"a=ice-pwd:0123456789abcdef012345\n", ""}, 400, "bad_offer", "ice-pwd"},
	{"no fingerprint", []string{"a=fingerprint:sha-256 ", "a=x:"}, 400, "bad_offer", "fingerprint"},
	{"WH-09 two videos", []string{audioPart, strings.Replace(videoPart, "mid:0", "mid:1", 1)}, 422, "too_many_tracks", "more than one video"},
	{"WH-09 two audios", []string{videoPart, strings.Replace(audioPart, "mid:1", "mid:0", 1)}, 422, "too_many_tracks", "more than one audio"},
	{"WH-09 two sources in a section", []string{"a=mid:0", "a=ssrc:1 cname:a\na=ssrc:2 cname:a\na=mid:0"}, 422, "too_many_tracks", "more than one source"},
	{"WH-09 layers by SSRC", []string{"a=mid:0", "a=ssrc-group:SIM 1 2\na=ssrc:1 cname:a\na=ssrc:2 cname:a\na=mid:0"}, 422, "too_many_tracks", "more than one source"},
	{"WH-08 one section and no BUNDLE", []string{videoPart, "", "a=group:BUNDLE 0 1\n", ""}, 422, "bundle_required", "BUNDLE"},
	{"WH-10 VP8 alone", []string{"H264/90000", "VP8/90000"}, 422, "no_common_codec", "it has [VP8]"},
	{"WH-10 no video codec at all", []string{"a=rtpmap:96 H264/90000\n", ""}, 422, "no_common_codec", "video codecs [h264]"},
	{"WH-10 no Opus", []string{"opus/48000/2", "PCMU/8000"}, 422, "no_common_codec", "no Opus; it has [PCMU]"},
	{"WH-10 Opus of another clock", []string{"opus/48000/2", "opus/16000/2"}, 422, "no_common_codec", "no Opus"},
	{"WH-11 H.264 of another clock", []string{"H264/90000", "H264/48000"}, 422, "no_common_codec", "H264"},
	{"WH-11 interleaved mode alone", []string{"packetization-mode=1", "packetization-mode=2"}, 422, "no_common_codec", "H264"},
	{
		"application section",
		[]string{audioPart, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\na=mid:1\na=rtcp-mux\na=sctp-port:5000\n"},
		422, "media_unsupported", "neither audio nor video",
	},
}

func TestReadOfferRefuses(t *testing.T) {
	for _, tc := range refusedOffers {
		t.Run(tc.name, func(t *testing.T) {
			o, err := readOffer([]byte(offerText(t, tc.pairs...)), h264Only)
			var no *signaling.RefusedError
			if !errors.As(err, &no) {
				t.Fatalf("got %+v and %v, want a refusal", o, err)
			}
			if no.Status != tc.status || no.Code != tc.code || !strings.Contains(no.Detail, tc.says) {
				t.Errorf("refused with %d %s %q, want %d %s %q", no.Status, no.Code, no.Detail, tc.status, tc.code, tc.says)
			}
		})
	}
}

func TestReadOfferRefusesChromiumWithVP8(t *testing.T) {
	_, err := readOffer([]byte(readFile(t, "offers/chromium-vp8.sdp")), h264Only)
	var no *signaling.RefusedError
	if !errors.As(err, &no) || no.Status != http.StatusUnprocessableEntity || no.Code != "no_common_codec" {
		t.Fatalf("got %v, want no_common_codec", err)
	}
	if want := "the offer has none of the video codecs [h264]; it has [VP8]"; no.Detail != want {
		t.Errorf("says %q, want %q", no.Detail, want)
	}
}

// chosen is what is looked at of an accepted section; the zero value is none.
type chosen struct {
	pt, rtx     webrtc.PayloadType
	fmtp        string
	feedback    string // sorted, with commas
	transportCC uint8
	stereo      bool
	sets        int
	layers      string // with spaces
}

func look(s *section) chosen {
	if s == nil {
		return chosen{}
	}
	var fb []string
	for _, f := range s.params.RTCPFeedback {
		fb = append(fb, strings.TrimSpace(f.Type+" "+f.Parameter))
	}
	slices.Sort(fb)
	c := chosen{
		pt: s.params.PayloadType, feedback: strings.Join(fb, ","), transportCC: s.transportCC,
		stereo: s.stereo, sets: len(s.sets), layers: strings.Join(s.layers, " "),
	}
	if s.kind == webrtc.RTPCodecTypeVideo {
		c.fmtp = s.params.SDPFmtpLine
	}
	if s.rtx != nil {
		c.rtx = s.rtx.PayloadType
	}
	return c
}

const (
	baseline     = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
	allFeedback  = "nack,nack pli,transport-cc"
	plainSection = "a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\n"
)

// acceptedOffers are captured offers and what must be chosen in them.
var acceptedOffers = []struct {
	file         string
	video, audio chosen
}{
	{
		"chromium.sdp",
		chosen{pt: 108, rtx: 109, fmtp: baseline, feedback: allFeedback, transportCC: 3},
		chosen{pt: 111, feedback: "transport-cc", transportCC: 3},
	},
	{
		"chromium-max-bundle.sdp",
		chosen{pt: 108, rtx: 109, fmtp: baseline, feedback: allFeedback, transportCC: 3},
		chosen{pt: 111, feedback: "transport-cc", transportCC: 3},
	},
	{
		"chromium-simulcast.sdp", // no SSRC lines, but extensions that name the layers
		chosen{pt: 108, rtx: 109, fmtp: baseline, feedback: allFeedback, transportCC: 3, layers: "q h f"},
		chosen{pt: 111, feedback: "transport-cc", transportCC: 3},
	},
	{
		"gstreamer.sdp", // feedback without a header extension to feed it is not agreed on
		chosen{pt: 96, fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42c015", feedback: "nack pli", sets: 2},
		chosen{pt: 97},
	},
	{
		"aiortc.sdp",
		chosen{pt: 101, rtx: 102, fmtp: baseline, feedback: "nack,nack pli"},
		chosen{pt: 96},
	},
	{
		"pion.sdp", // High is offered before
		chosen{pt: 102, rtx: 103, fmtp: baseline, feedback: allFeedback, transportCC: 1},
		chosen{pt: 111, feedback: "nack,transport-cc", transportCC: 1, stereo: true},
	},
	{
		"obs.sdp",
		chosen{pt: 96, fmtp: baseline, feedback: "nack,nack pli"},
		chosen{pt: 111, stereo: true},
	},
}

func TestReadOfferTakesCapturedOffers(t *testing.T) {
	for _, tc := range acceptedOffers {
		t.Run(tc.file, func(t *testing.T) {
			o, err := readOffer([]byte(readFile(t, "offers/"+tc.file)), h264Only)
			if err != nil {
				t.Fatal(err)
			}
			if got := look(o.video); got != tc.video {
				t.Errorf("video:\n got %+v\nwant %+v", got, tc.video)
			}
			if got := look(o.audio); got != tc.audio {
				t.Errorf("audio:\n got %+v\nwant %+v", got, tc.audio)
			}
			if len(o.tracks()) != 2 || o.video.codec != av.CodecH264 || o.audio.codec != av.CodecOpus {
				t.Errorf("tracks %v, %v and %v", o.tracks(), o.video.codec, o.audio.codec)
			}
		})
	}
}

// Every captured offer has its row above, or is refused by a test of its own.
func TestCapturedOffersAreAllTested(t *testing.T) {
	files, err := filepath.Glob("testdata/offers/*.sdp")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for _, f := range files {
		tested := filepath.Base(f) == "chromium-vp8.sdp"
		for _, tc := range acceptedOffers {
			tested = tested || tc.file == filepath.Base(f)
		}
		if !tested {
			t.Errorf("%s is in no table", f)
		}
	}
}

// acceptedForms are forms that offers may have.
var acceptedForms = []struct {
	name         string
	pairs        []string
	video, audio chosen
}{
	{"plain", nil, chosen{pt: 96, fmtp: baseline}, chosen{pt: 111}},
	{"video alone", []string{audioPart, "", "BUNDLE 0 1", "BUNDLE 0"}, chosen{pt: 96, fmtp: baseline}, chosen{}},
	{"audio alone", []string{videoPart, "", "BUNDLE 0 1", "BUNDLE 1"}, chosen{}, chosen{pt: 111}},
	{"WH-05 sendrecv", []string{"a=sendonly", "a=sendrecv"}, chosen{pt: 96, fmtp: baseline}, chosen{pt: 111}},
	{"WH-05 no direction: sendrecv", []string{"a=sendonly\n", ""}, chosen{pt: 96, fmtp: baseline}, chosen{pt: 111}},
	{
		"WH-05 RFC 8866 6.7: the section's direction counts",
		[]string{"a=setup", "a=inactive\na=setup"},
		chosen{pt: 96, fmtp: baseline},
		chosen{pt: 111},
	},
	{"WH-07 active", []string{"setup:actpass", "setup:active"}, chosen{pt: 96, fmtp: baseline}, chosen{pt: 111}},
	{"WH-08 bundle-only", []string{"m=audio 9", "m=audio 0", "mid:1", "mid:1\na=bundle-only"}, chosen{pt: 96, fmtp: baseline}, chosen{pt: 111}},
	{"WH-08 another group before the BUNDLE", []string{"a=group", "a=group:LS 0 1\na=group"}, chosen{pt: 96, fmtp: baseline}, chosen{pt: 111}},
	{
		"WH-11 mode 1 before mode 0",
		[]string{
			"SAVPF 96", "SAVPF 95 96",
			"a=rtpmap:96", "a=rtpmap:95 H264/90000\na=fmtp:95 packetization-mode=0;profile-level-id=42e01f\na=rtpmap:96",
		},
		chosen{pt: 96, fmtp: baseline},
		chosen{pt: 111},
	},
	{
		"WH-11 constrained baseline before High",
		[]string{
			"SAVPF 96", "SAVPF 95 96",
			"a=rtpmap:96", "a=rtpmap:95 H264/90000\na=fmtp:95 packetization-mode=1;profile-level-id=640c1f\na=rtpmap:96",
		},
		chosen{pt: 96, fmtp: baseline},
		chosen{pt: 111},
	},
	{
		"WH-11 mode 1 of High before mode 0 of constrained baseline",
		[]string{
			"SAVPF 96", "SAVPF 95 96", "packetization-mode=1;profile-level-id=42e01f", "packetization-mode=0;profile-level-id=42e01f",
			"a=rtpmap:96", "a=rtpmap:95 H264/90000\na=fmtp:95 packetization-mode=1;profile-level-id=640c1f\na=rtpmap:96",
		},
		chosen{pt: 95, fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c1f"},
		chosen{pt: 111},
	},
	{
		"WH-11 the first of equals",
		[]string{
			"SAVPF 96", "SAVPF 97 96", "a=rtpmap:96", "a=rtpmap:97 H264/90000\na=fmtp:97 packetization-mode=1;profile-level-id=42c02a\na=rtpmap:96",
		},
		chosen{pt: 97, fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42c02a"},
		chosen{pt: 111},
	},
	{
		"WH-11 RFC 6184 8.1: without a format line",
		[]string{plainSection, ""},
		chosen{pt: 96, fmtp: "level-asymmetry-allowed=1"},
		chosen{pt: 111},
	},
	{
		"feedback for all payload types (RFC 4585 4.2)",
		[]string{plainSection, plainSection + "a=rtcp-fb:* nack\na=rtcp-fb:* ccm fir\n"},
		chosen{pt: 96, fmtp: baseline, feedback: "nack"},
		chosen{pt: 111},
	},
	{
		"feedback of another payload type",
		[]string{plainSection, plainSection + "a=rtcp-fb:97 nack\n"},
		chosen{pt: 96, fmtp: baseline},
		chosen{pt: 111},
	},
	{
		"feedback that is never sent",
		[]string{plainSection, plainSection + "a=rtcp-fb:96 goog-remb\na=rtcp-fb:96 ccm fir\na=rtcp-fb:96 nack rpsi\n"},
		chosen{pt: 96, fmtp: baseline},
		chosen{pt: 111},
	},
	{
		"RFC 8285 7: an extension with a direction",
		[]string{plainSection, plainSection + "a=extmap:5/sendonly " + signaling.TransportCC + "\na=rtcp-fb:96 transport-cc\n"},
		chosen{pt: 96, fmtp: baseline, feedback: "transport-cc", transportCC: 5},
		chosen{pt: 111},
	},
	{
		"RFC 4588 8.6: rtx of another payload type",
		[]string{"SAVPF 96", "SAVPF 96 97 98", plainSection, plainSection + "a=ssrc:1 cname:a\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=95\na=rtpmap:98 rtx/90000\na=fmtp:98 apt=96\n"},
		chosen{pt: 96, rtx: 98, fmtp: baseline},
		chosen{pt: 111},
	},
	{
		"rtx without SSRC lines",
		[]string{"SAVPF 96", "SAVPF 96 97", plainSection, plainSection + "a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n"},
		chosen{pt: 96, fmtp: baseline},
		chosen{pt: 111},
	},
	{
		"RFC 5576 4.2: a repair stream is no second source",
		[]string{"a=mid:0", "a=ssrc-group:FID 1 2\na=ssrc:1 cname:a\na=ssrc:2 cname:a\na=mid:0"},
		chosen{pt: 96, fmtp: baseline},
		chosen{pt: 111},
	},
	{
		"RH-08 sprop-parameter-sets",
		[]string{"profile-level-id=42e01f", "profile-level-id=42e01f;sprop-parameter-sets=Z0LAFdkBQfsBagwMDUoAAAMAAgAAAwA9HixckA==,aMuMsg=="},
		chosen{pt: 96, fmtp: baseline, sets: 2},
		chosen{pt: 111},
	},
	{
		"RH-08 damaged sprop-parameter-sets",
		[]string{"profile-level-id=42e01f", "profile-level-id=42e01f;sprop-parameter-sets=Z0!,,aMuMsg==,ZYiE"},
		chosen{pt: 96, fmtp: baseline, sets: 1},
		chosen{pt: 111},
	},
	{"RFC 7587 6.1 stereo=1", []string{"opus/48000/2", "opus/48000/2\na=fmtp:111 stereo=1"}, chosen{pt: 96, fmtp: baseline}, chosen{pt: 111, stereo: true}},
	{"RFC 7587 6.1 sprop-stereo=1", []string{"opus/48000/2", "opus/48000/2\na=fmtp:111 sprop-stereo=1"}, chosen{pt: 96, fmtp: baseline}, chosen{pt: 111, stereo: true}},
	{"RFC 7587 6.1 stereo=0", []string{"opus/48000/2", "opus/48000/2\na=fmtp:111 stereo=0; sprop-stereo=0"}, chosen{pt: 96, fmtp: baseline}, chosen{pt: 111}},
	{"names in other cases", []string{"opus/", "OPUS/", "H264/", "h264/"}, chosen{pt: 96, fmtp: baseline}, chosen{pt: 111}},
}

func TestReadOfferTakes(t *testing.T) {
	for _, tc := range acceptedForms {
		t.Run(tc.name, func(t *testing.T) {
			o, err := readOffer([]byte(offerText(t, tc.pairs...)), h264Only)
			if err != nil {
				t.Fatal(err)
			}
			if got := look(o.video); got != tc.video {
				t.Errorf("video:\n got %+v\nwant %+v", got, tc.video)
			}
			if got := look(o.audio); got != tc.audio {
				t.Errorf("audio:\n got %+v\nwant %+v", got, tc.audio)
			}
		})
	}
}

func FuzzReadOffer(f *testing.F) {
	files, err := filepath.Glob("testdata/offers/*.sdp")
	if err != nil || len(files) == 0 {
		f.Fatal(err, len(files))
	}
	for _, name := range files {
		f.Add([]byte(readFile(f, "offers/"+filepath.Base(name))))
	}
	for _, tc := range refusedOffers {
		f.Add([]byte(offerText(f, tc.pairs...)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := readOffer(text, h264Only)
		if err != nil {
			var no *signaling.RefusedError
			if !errors.As(err, &no) || no.Status < 400 || no.Status > 499 || no.Code == "" || no.Detail == "" {
				t.Fatalf("%v is no refusal with a 4xx and its reason", err)
			}
			return
		}
		if len(o.tracks()) == 0 {
			t.Fatal("accepted without a track")
		}
		for _, s := range []*section{o.video, o.audio} {
			checkSection(t, s)
		}
		if n := len(o.layers()); n == 1 || n > maxLayers || slices.ContainsFunc(o.layers(), func(rid string) bool { return !isRID(rid) }) {
			t.Fatalf("layers %q", o.layers())
		}
	})
}

func checkSection(t *testing.T, s *section) {
	t.Helper()
	if s == nil {
		return
	}
	if s.params.ClockRate != map[av.Codec]uint32{av.CodecH264: 90000, av.CodecOpus: 48000}[s.codec] {
		t.Fatalf("%v with a clock of %d Hz", s.codec, s.params.ClockRate)
	}
	for _, fb := range s.params.RTCPFeedback {
		if !strings.Contains(allFeedback, strings.TrimSpace(fb.Type+" "+fb.Parameter)) {
			t.Fatalf("feedback that is never sent: %+v", fb)
		}
	}
	if len(s.sets) > 8 {
		t.Fatalf("%d parameter sets", len(s.sets))
	}
}

// sections are the media sections of an answer.
func sections(t testing.TB, text string) []*sdp.MediaDescription {
	t.Helper()
	var s sdp.SessionDescription
	if err := s.UnmarshalString(text); err != nil {
		t.Fatalf("the answer is not SDP: %v", err)
	}
	return s.MediaDescriptions
}
