package signaling

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

const section = "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\na=group:BUNDLE 0 1\na=recvonly\na=ice-ufrag:abcd\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\na=mid:0\na=ice-pwd:0123456789012345678901\na=fingerprint:f\na=rtcp-mux\n" +
	"a=rtpmap:96 h264/90000\na=fmtp:96 Packetization-Mode=1; profile-level-id=42e01f\na=rtcp-fb:* nack\na=rtcp-fb:96 nack pli\n" +
	"a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96;rtx-time=3000\na=extmap:3/recvonly urn:x\na=extmap:0 urn:y\n" +
	"a=candidate:1 1 udp 1 127.0.0.1 1 typ host\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:1\na=sendrecv\na=ice-pwd:0123456789012345678901\na=fingerprint:f\na=rtcp-mux\na=rtpmap:111 opus/48000/2\n"

func parsed(t testing.TB, text string) *sdp.SessionDescription {
	t.Helper()
	s := new(sdp.SessionDescription)
	if err := s.UnmarshalString(strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSections(t *testing.T) {
	s := parsed(t, section)
	video, audio := s.MediaDescriptions[0], s.MediaDescriptions[1]
	if err := CheckTransport(s); err != nil {
		t.Error(err)
	}
	if Transport(s) != video || Transport(parsed(t, strings.Replace(section, "BUNDLE 0 1", "BUNDLE 1 0", 1))).MediaName.Media != "audio" {
		t.Error("RFC 9143 7.1: the first name of the group is not taken")
	}
	if got := Direction(video, s) + " " + Direction(audio, s); got != "recvonly sendrecv" {
		t.Errorf("RFC 8866 6.7: %s", got)
	}
	if got := Attribute(s, video, "ice-ufrag") + " " + Attribute(s, video, "mid"); got != "abcd 0" {
		t.Errorf("%s", got)
	}
	DropLoopback(video)
	left := slices.DeleteFunc(slices.Clone(video.Attributes), func(a sdp.Attribute) bool { return a.Key != "candidate" })
	if len(left) != 1 || !strings.Contains(left[0].Value, "192.0.2.1") {
		t.Errorf("%v", left)
	}
}

// RFC 9725 4.4: what an offer must have.
func TestCheckTransport(t *testing.T) {
	for _, without := range []string{"a=group:BUNDLE 0 1\n", "a=ice-ufrag:abcd\n", "a=ice-pwd:0123456789012345678901\n", "a=fingerprint:f\n", "a=rtcp-mux\n", "a=mid:0\n"} {
		if err := CheckTransport(parsed(t, strings.Replace(section, without, "", 1))); err == nil {
			t.Errorf("an offer without %q is taken", without)
		}
	}
	for _, odd := range []string{"abc", "ab d", "ab<d", strings.Repeat("a", 257)} {
		if err := CheckTransport(parsed(t, strings.Replace(section, "ice-ufrag:abcd", "ice-ufrag:"+odd, 1))); err == nil {
			t.Errorf("RFC 8839 5.4: the ufrag %q is taken", odd)
		}
	}
	if err := CheckTransport(parsed(t, strings.Replace(section, "0123456789012345678901", "012345678901234567890", 1))); err == nil {
		t.Error("RFC 8839 5.4: a password of 21 characters is taken")
	}
}

func TestPayloads(t *testing.T) {
	video := parsed(t, section).MediaDescriptions[0]
	all := Payloads(video)
	if len(all) != 2 { // 98 has no rtpmap
		t.Fatalf("%+v", all)
	}
	if p := all[0]; p.Name != "H264" || p.MIME != "video/h264" || p.ClockRate != 90000 || p.Parameters["packetization-mode"] != "1" {
		t.Errorf("%+v", p)
	}
	if r := Repair(all, 96); r == nil || r.Type != 97 || Repair(all, 97) != nil {
		t.Errorf("RFC 4588 8.6: %+v", r)
	}
	if got := Names(all); !slices.Equal(got, []string{"H264"}) {
		t.Errorf("%v", got)
	}
	if Extension(video, "urn:x") != 3 || Extension(video, "urn:y") != 0 || Extension(video, "urn:z") != 0 {
		t.Error("RFC 8285 7: header extensions are misread")
	}
	if !OffersFeedback(video, 96, "nack pli") || OffersFeedback(video, 97, "nack pli") || !OffersFeedback(video, 97, "nack") {
		t.Error("RFC 4585 4.2: feedback is misread")
	}
}

func TestIsLocal(t *testing.T) {
	for from, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true, "192.0.2.1:1": false, "@": false} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = from
		if IsLocal(r) != want {
			t.Errorf("%s is local: %v", from, !want)
		}
	}
}
