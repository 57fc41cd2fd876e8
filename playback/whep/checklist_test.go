package whep

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"weir/mux/av"
	"weir/room/auth"
	"weir/room/live"
	"weir/rtc/signaling"
)

const anUfrag = "a=ice-ufrag:abcdef\r\n"

// session offers plainly and returns the session's path and its ETag.
func (s *server) session() (path, tag string) {
	s.t.Helper()
	w := s.post(chromiumOffer(s.t))
	if w.Code != http.StatusCreated {
		s.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Header().Get("Location"), w.Header().Get("ETag")
}

// patch sends a fragment.
func (s *server) patch(path, match, fragment string) (status int, code, body string, header http.Header) {
	w := s.call(call{method: "PATCH", path: path, kind: signaling.KindFragment, match: match, body: fragment})
	return w.Code, w.Header().Get("Code"), w.Body.String(), w.Header()
}

// checklist is draft-ietf-wish-whep-03, one row for each thing to check.
var checklist = []struct {
	id    string
	check func(t *testing.T)
}{
	{"WE-01 POST of a recvonly offer gives 201, a sendonly answer, Location and ETag", created},
	{"WE-02 no publisher gives 409 with Retry-After, after a wait", nobodyPublishes},
	{"WE-03 no counter-offer is sent", noCounterOffer},
	{"WE-04 trickle", trickle},
	{"WE-05 ICE restart", iceRestart},
	{"WE-06 a single MediaStream", oneMediaStream},
	{"WE-07 max-bundle and rtcp-mux", bundled},
	{"WE-08 DELETE frees", deleteFrees},
	{"WE-09 no redirect by 301 or 302", func(t *testing.T) {
		s := newServer(t)
		s.publish(testVideo)
		for _, path := range []string{"/whep/room/cam", "/whep/room/cam/", "/whep/room/other"} {
			if w := s.call(call{method: "POST", path: path, kind: signaling.KindSDP, body: chromiumOffer(t)}); w.Code == 301 || w.Code == 302 {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
	}},
	{"WE-10 too many viewers get 503 with Retry-After", tooMany},
	{"WE-11 Bearer, and a token in the address", authority},
	{"WE-12 OPTIONS and Accept-Post", options},
	{"WE-13 a viewer gets a key frame, and many ask for few", keyFrames},
	{"WE-14 NACK and RTX are agreed on and served", retransmission},
	{"WE-15 sender reports of both tracks on one clock", reports},
	{"WE-16 an offer without H.264 gives 406", func(t *testing.T) {
		s := newServer(t)
		s.publish(testVideo, testAudio)
		w := s.post(readFile(t, "offers/chromium-vp8.sdp"))
		if w.Code != http.StatusNotAcceptable || w.Header().Get("Code") != "no_common_codec" || !strings.Contains(w.Body.String(), "h264 (avc1.42c01f)") || !strings.Contains(w.Body.String(), "[VP8]") {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		s.isEmpty()
	}},
	{"WE-17 B-frames are not sent", bFrames},
	{"WE-18 another publisher: viewers go on, or get a clean end", anotherPublisher},
}

func TestChecklist(t *testing.T) {
	t.Parallel()
	for i, row := range checklist {
		if want := "WE-" + strconv.Itoa(101 + i)[1:] + " "; !strings.HasPrefix(row.id, want) {
			t.Errorf("row %d is %q, want %s", i, row.id, want)
		}
		t.Run(row.id, func(t *testing.T) {
			t.Parallel()
			row.check(t)
		})
	}
	if len(checklist) != 18 {
		t.Errorf("the checklist has %d rows, want 18", len(checklist))
	}
}

func created(t *testing.T) {
	s := newServer(t)
	s.publish(testVideo, testAudio)
	for _, offer := range []string{"chromium.sdp", "chromium-sendrecv.sdp", "chromium-max-bundle.sdp", "aiortc.sdp", "gstreamer.sdp"} {
		w := s.post(readFile(t, "offers/"+offer))
		head := w.Header()
		if w.Code != http.StatusCreated || head.Get("Content-Type") != signaling.KindSDP || head.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d %v %s", offer, w.Code, head, w.Body)
		}
		if !regexp.MustCompile(`^"[^"]+"$`).MatchString(head.Get("ETag")) {
			t.Errorf("%s: the ETag %s is not a strong one", offer, head.Get("ETag"))
		}
		// 130 bits in base 32, behind the endpoint's path.
		if !regexp.MustCompile(`^/whep/room/cam/[A-Z2-7]{26}$`).MatchString(must(url.Parse(head.Get("Location"))).Path) {
			t.Errorf("%s: the Location is %s", offer, head.Get("Location"))
		}
		if n := strings.Count(w.Body.String(), "a=sendonly\r\n"); n != 2 || strings.Contains(w.Body.String(), "a=sendrecv") {
			t.Errorf("%s: %d sections are sendonly in\n%s", offer, n, w.Body)
		}
		if got := lines(w.Body.String(), "setup"); !slices.Equal(got, []string{"passive", "passive"}) {
			t.Errorf("%s: setup is %v", offer, got)
		}
	}
	for name, c := range map[string]struct {
		kind, body string
		status     int
		code       string
	}{
		"no SDP":                                 {"text/plain", chromiumOffer(t), 415, "not_sdp"},
		"parameters":                             {"application/sdp; charset=utf-8", chromiumOffer(t), 201, ""},
		"damaged":                                {signaling.KindSDP, "v=0\r\nm=", 400, "bad_offer"},
		"empty":                                  {signaling.KindSDP, "", 400, "bad_offer"},
		"large":                                  {signaling.KindSDP, strings.Repeat("a", signaling.MaxOffer+1), 413, "offer_too_large"},
		"a publisher":                            {signaling.KindSDP, strings.ReplaceAll(chromiumOffer(t), "a=recvonly", "a=sendonly"), 422, "not_receiving"},
		"inactive":                               {signaling.KindSDP, strings.ReplaceAll(chromiumOffer(t), "a=recvonly", "a=inactive"), 422, "not_receiving"},
		"no BUNDLE":                              {signaling.KindSDP, strings.ReplaceAll(chromiumOffer(t), "a=group:BUNDLE 0 1\r\n", ""), 422, "bundle_required"},
		"no mux":                                 {signaling.KindSDP, strings.ReplaceAll(chromiumOffer(t), "a=rtcp-mux\r\n", ""), 422, "rtcp_mux_required"},
		"no certificate":                         {signaling.KindSDP, regexp.MustCompile(`a=fingerprint.*\r\n`).ReplaceAllString(chromiumOffer(t), ""), 400, "bad_offer"},
		"a certificate's hash that nobody knows": {signaling.KindSDP, strings.ReplaceAll(chromiumOffer(t), "fingerprint:sha-256", "fingerprint:md4"), 400, "bad_offer"},
	} {
		w := s.call(call{method: "POST", path: "/whep/room/cam", kind: c.kind, body: c.body})
		if w.Code != c.status || w.Header().Get("Code") != c.code {
			t.Errorf("%s: %d %s, want %d %s", name, w.Code, w.Header().Get("Code"), c.status, c.code)
		}
		if c.status != 201 && metric(t, s.handler.Stats(), "weir_whep_refusals_total", "code="+c.code) == 0 {
			t.Errorf("%s: the refusal is not counted", name)
		}
	}
}

func nobodyPublishes(t *testing.T) {
	s := newServer(t)
	w := s.post(chromiumOffer(t))
	if w.Code != http.StatusConflict || w.Header().Get("Code") != "stream_not_found" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if n, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || n < 1 {
		t.Errorf("Retry-After is %q", w.Header().Get("Retry-After"))
	}
	s.isEmpty()

	waits := newServer(t, func(_ *Options, hub *live.Options) { hub.Wait = patience })
	came := make(chan int)
	go func() { came <- waits.post(chromiumOffer(t)).Code }()
	eventually(t, "the wait", func() bool { return waits.hub.Waiting() == 1 })
	waits.publish(testVideo)
	if code := <-came; code != http.StatusCreated {
		t.Errorf("a viewer that waited gets %d", code)
	}
}

// RFC 9110 15.5.7 and WHEP 4.2.2: a 406 with an offer is for clients that take one; all get a problem.
func noCounterOffer(t *testing.T) {
	s := newServer(t)
	s.publish(testVideo)
	w := s.post(readFile(t, "offers/chromium-vp8.sdp"))
	if w.Code != http.StatusNotAcceptable || w.Header().Get("Content-Type") == signaling.KindSDP || w.Header().Get("Location") != "" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func trickle(t *testing.T) {
	s := newServer(t)
	s.publish(testVideo)
	path, tag := s.session()
	const candidate = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 "
	for _, tc := range []struct {
		name, match, fragment string
		status                int
		code                  string
	}{
		{"4.4.2: a candidate", tag, candidate + "192.0.2.1 5000 typ host\r\n", 204, ""},
		{"4.4.2: a hidden address", tag, candidate + "6b0f6a5e-1f5c-4b2b-9d0e-0a1b2c3d4e5f.local 5000 typ host\r\n", 204, ""},
		{"4.4.2: another transport", tag, "a=candidate:1 1 sctp 1 192.0.2.1 5000 typ host\r\n", 204, ""},
		{"4.4.2: the end", tag, "a=end-of-candidates\r\n", 204, ""},
		{"4.4.1: no If-Match", "", "a=end-of-candidates\r\n", 428, "if_match_required"},
		{"4.4.1: another ETag", `"other"`, "a=end-of-candidates\r\n", 412, "stale_ice"},
		{"4.4.1: a malformed fragment", tag, "v=0\r\n", 400, "bad_fragment"},
		{"too large", tag, strings.Repeat("a=x\r\n", signaling.MaxFragment), 413, "offer_too_large"},
	} {
		status, code, body, head := s.patch(path, tc.match, tc.fragment)
		if status != tc.status || code != tc.code || status == 204 && (body != "" || head.Get("ETag") != "") {
			t.Errorf("%s: %d %s %s", tc.name, status, code, body)
		}
	}
	if w := s.call(call{method: "PATCH", path: path, kind: signaling.KindSDP, match: tag, body: "x"}); w.Code != 415 || w.Header().Get("Accept-Patch") != signaling.KindFragment {
		t.Errorf("4.4.1: another content type: %d %v", w.Code, w.Header())
	}
	if status, _, _, _ := s.patch(path[:len(path)-1], tag, "a=end-of-candidates\r\n"); status != 404 {
		t.Errorf("another session: %d", status)
	}
	// A viewer whose offer has no candidates is found by its checks.
	s.watch(viewerOptions{trickle: true}).sees(1)
}

func iceRestart(t *testing.T) {
	s := newServer(t)
	s.publish(testVideo)
	v := s.watch(viewerOptions{})
	v.sees(1)
	if err := v.restart(); err != nil {
		t.Fatal(err)
	}
	v.sees(2 * groupSize) // what is lost between the paths is asked for again
	if n := metric(t, s.handler.Stats(), "weir_whep_ice_restarts_total"); n != 1 {
		t.Errorf("%v restarts are counted", n)
	}
	if status, code, _, _ := s.patch(v.location, "*", anUfrag+"a=ice-pwd:short\r\n"); status != 400 || code != "bad_fragment" {
		t.Errorf("a restart that is malformed gives %d %s", status, code)
	}
	v.sees(1)
}

func oneMediaStream(t *testing.T) {
	s := newServer(t)
	s.publish(testVideo, testAudio)
	answer := s.post(chromiumOffer(t)).Body.String()
	streams, tracks := make(map[string]bool), make(map[string]bool)
	for _, msid := range lines(answer, "msid") {
		stream, track, _ := strings.Cut(msid, " ")
		streams[stream], tracks[track] = true, true
	}
	if len(streams) != 1 || len(tracks) != 2 || streams["-"] {
		t.Errorf("the streams are %v, the tracks %v", streams, tracks)
	}
	// RFC 5576: an SSRC for media and one for its repair, all of one CNAME.
	cnames, ssrcs := make(map[string]bool), make(map[string]bool)
	for _, l := range lines(answer, "ssrc") {
		ssrc, what, _ := strings.Cut(l, " ")
		ssrcs[ssrc] = true
		if name, ok := strings.CutPrefix(what, "cname:"); ok {
			cnames[name] = true
		}
	}
	if groups := lines(answer, "ssrc-group"); len(cnames) != 1 || len(ssrcs) != 3 || len(groups) != 1 || !strings.HasPrefix(groups[0], "FID ") {
		t.Errorf("CNAMEs %v, SSRCs %v, groups %v", cnames, ssrcs, groups)
	}
	// 4.5.2: no two tracks of a kind. The second section of one is declined.
	twice := s.post(readFile(t, "offers/chromium-two-videos.sdp"))
	if twice.Code != http.StatusCreated || strings.Count(twice.Body.String(), "m=video 0 ") != 1 || strings.Count(twice.Body.String(), "a=sendonly") != 2 {
		t.Errorf("%d\n%s", twice.Code, twice.Body)
	}
}

func bundled(t *testing.T) {
	s := newServer(t)
	s.publish(testVideo, testAudio)
	for offer, group := range map[string]string{"chromium.sdp": "BUNDLE 0 1", "chromium-max-bundle.sdp": "BUNDLE 0 1", "aiortc.sdp": "BUNDLE 0 1", "gstreamer.sdp": "BUNDLE video0 audio1"} {
		answer := s.post(readFile(t, "offers/"+offer)).Body.String()
		if got := lines(answer, "group"); !slices.Equal(got, []string{group}) {
			t.Errorf("%s: the groups are %q", offer, got)
		}
		if n := strings.Count(answer, "a=rtcp-mux\r\n"); n != 2 {
			t.Errorf("%s: %d sections have rtcp-mux", offer, n)
		}
		for _, name := range []string{"ice-ufrag", "ice-pwd", "fingerprint"} {
			if got := lines(answer, name); len(got) != 2 || got[0] != got[1] {
				t.Errorf("%s: %s is %q", offer, name, got)
			}
		}
	}
	// A data channel has no place in an answer (port 0), and none in the group.
	if answer := s.post(readFile(t, "offers/chromium-max-bundle.sdp")).Body.String(); !strings.Contains(answer, "m=application 0 ") {
		t.Errorf("the data channel is not declined in\n%s", answer)
	}
	// RFC 8858: rtcp-mux-only where it is offered.
	only := strings.ReplaceAll(chromiumOffer(t), "a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\n")
	if n := strings.Count(s.post(only).Body.String(), "a=rtcp-mux-only\r\n"); n != 2 {
		t.Errorf("%d sections have rtcp-mux-only", n)
	}
}

func deleteFrees(t *testing.T) {
	s := newServer(t)
	s.publish(testVideo)
	path, _ := s.session()
	for i, want := range []int{200, 404} {
		// 4.4.1: entity-tags mean nothing to DELETE.
		if w := s.call(call{method: "DELETE", path: path, match: `"other"`}); w.Code != want {
			t.Errorf("DELETE number %d gives %d", i+1, w.Code)
		}
	}
	s.isEmpty()
	v := s.watch(viewerOptions{})
	v.sees(1)
	v.delete()
	s.isEmpty()
	eventually(t, "the end that DTLS says", func() bool { return !v.connected() })
}

func tooMany(t *testing.T) {
	s := newServer(t, func(o *Options, _ *live.Options) { o.MaxViewers = 2 })
	s.publish(testVideo)
	path, _ := s.session()
	s.session()
	w := s.post(chromiumOffer(t))
	if n, err := strconv.Atoi(w.Header().Get("Retry-After")); w.Code != http.StatusServiceUnavailable || w.Header().Get("Code") != "server_full" || err != nil || n < 1 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	s.call(call{method: "DELETE", path: path})
	s.session() // there is a place again
}

func authority(t *testing.T) {
	s := newServer(t, func(o *Options, _ *live.Options) { o.Auth = newAuthorizer(t, auth.Options{PlaySigned: true}) })
	s.publish(testVideo)
	offer := chromiumOffer(t)
	post := func(query, bearer string) (int, string) {
		w := s.call(call{method: "POST", path: "/whep/room/cam" + query, kind: signaling.KindSDP, token: bearer, body: offer})
		return w.Code, w.Header().Get("Location")
	}
	if code, _ := post("", ""); code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", code)
	}
	code, location := post("", token(t, "alice"))
	if code != http.StatusCreated {
		t.Fatalf("with a Bearer: %d", code)
	}
	for _, tc := range []struct {
		bearer string
		want   int
	}{{"", http.StatusUnauthorized}, {token(t, "bob"), http.StatusForbidden}, {token(t, "administrator"), http.StatusOK}} {
		if w := s.call(call{method: "DELETE", path: location, token: tc.bearer}); w.Code != tc.want {
			t.Errorf("DELETE gives %d, want %d", w.Code, tc.want)
		}
	}
	// 4.8.1: the session's address carries the token that the endpoint's did.
	code, location = post("?usersig="+url.QueryEscape(token(t, "alice")), "")
	if code != http.StatusCreated || !strings.Contains(location, "usersig=") {
		t.Fatalf("with a token in the address: %d %s", code, location)
	}
	if w := s.call(call{method: "DELETE", path: location}); w.Code != http.StatusOK {
		t.Errorf("DELETE at %s gives %d", location, w.Code)
	}
}

func options(t *testing.T) {
	servers := signaling.ICEServers{URLs: []string{"stun:stun.example.net", "turn:turn.example.net"}, Secret: "shared", TTL: time.Hour}
	s := newServer(t, func(o *Options, _ *live.Options) { o.ICEServers = servers })
	s.publish(testVideo)
	w := s.call(call{method: "OPTIONS", path: "/whep/room/cam"})
	if w.Code != http.StatusOK || w.Header().Get("Accept-Post") != signaling.KindSDP || w.Header().Get("Allow") != "POST, OPTIONS" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	session := s.call(call{method: "OPTIONS", path: "/whep/room/cam/X"})
	if session.Code != http.StatusOK || session.Header().Get("Accept-Patch") != signaling.KindFragment || session.Header().Get("Allow") != "PATCH, DELETE, OPTIONS" {
		t.Errorf("%d %v", session.Code, session.Header())
	}
	// 4.7: servers are told; TURN, which costs, to those who have shown some authority.
	signer := newAuthorizer(t, auth.Options{})
	signed := must(signer.SignQuery(auth.DialectWeir, auth.Pass{
		Action: auth.ActionPlay, Room: "room", Stream: "cam", Expires: time.Now().Add(time.Hour),
	}, "/whep/room/cam"))
	for _, who := range []struct {
		name, bearer, query string
		links               int
	}{{"nobody", "", "", 1}, {"a user", token(t, "alice"), "", 2}, {"a bad token", "x", "", 1}, {"a signed address", "", "?" + signed, 2}} {
		for _, c := range []call{
			{method: "OPTIONS", path: "/whep/room/cam" + who.query, token: who.bearer},
			{method: "POST", path: "/whep/room/cam" + who.query, kind: signaling.KindSDP, token: who.bearer, body: chromiumOffer(t)},
		} {
			w := s.call(c)
			if links := w.Header().Values("Link"); len(links) != who.links || strings.Contains(strings.Join(links, ""), "shared") {
				t.Errorf("%s by %s is told of %q", c.method, who.name, links)
			}
		}
	}
}

func keyFrames(t *testing.T) {
	s := newServer(t, func(_ *Options, hub *live.Options) { hub.Fresh = time.Nanosecond })
	p := s.publish(testVideo)
	began := time.Now()
	for range 10 {
		v := s.watch(viewerOptions{})
		v.sees(3) // the library may hand out what comes next before the first
		if first := v.shown()[0]; !first.key {
			t.Errorf("the first picture is number %d and no key frame", first.number)
		}
	}
	// The hub merges: a burst of two, then one in 1.1 s.
	if most := 2 + int32(time.Since(began)/time.Second); p.wants.Load() > most {
		t.Errorf("%d key frames are asked for, at most %d may be", p.wants.Load(), most)
	}
}

func retransmission(t *testing.T) {
	s := newServer(t)
	s.publish(testVideo)
	answer := s.post(chromiumOffer(t)).Body.String()
	if fb := lines(answer, "rtcp-fb"); !slices.ContainsFunc(fb, func(f string) bool { return strings.HasSuffix(f, " nack") }) {
		t.Errorf("the feedback is %q", fb)
	}
	if !strings.Contains(answer, " rtx/90000\r\n") {
		t.Errorf("there is no RTX in\n%s", answer)
	}
	v := s.watch(viewerOptions{})
	v.sees(3)
	// The library answers repairs by itself; one that is asked for as if it were lost is counted.
	if err := v.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{
		SenderSSRC: 1, MediaSSRC: v.track(webrtc.RTPCodecTypeVideo), Nacks: []rtcp.NackPair{{PacketID: v.last()}},
	}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the repair", func() bool {
		return metric(t, s.handler.Stats(), "weir_whep_nacks_total", "result=sent") > 0
	})
}

func reports(t *testing.T) {
	s := newServer(t)
	s.publish(testVideo, testAudio)
	v := s.watch(viewerOptions{})
	v.sees(1)
	v.hears(1)
	v.sees(groupSize)
	eventually(t, "the reports of both tracks", func() bool { return len(v.senderReports()) == 2 })
	// RFC 3550 6.4.1: a picture and the sound that were published at one time have one wall time by the reports.
	n, pictureAt, soundAt := v.both()
	r := v.senderReports()
	picture, sound := r[v.track(webrtc.RTPCodecTypeVideo)], r[v.track(webrtc.RTPCodecTypeAudio)]
	apart := ntp(picture.NTPTime) - ntp(sound.NTPTime) +
		ticks(pictureAt-picture.RTPTime, 90000) - ticks(soundAt-sound.RTPTime, 48000)
	if apart.Abs() > 2*time.Millisecond {
		t.Errorf("picture and sound number %d are %v apart", n, apart)
	}
}

// ticks are a difference of RTP timestamps.
func ticks(d uint32, rate int) time.Duration {
	return time.Duration(int32(d)) * time.Second / time.Duration(rate)
}

// both are the timestamps of a picture and of a packet of sound that were published at one time, and their number.
func (v *viewer) both() (n int, pictureAt, soundAt uint32) {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range v.packets {
		n := int(p.Payload[1]) | int(p.Payload[2])<<8
		for _, picture := range v.pictures {
			if int(picture.number) == firstNumber+1+n {
				return n, picture.timestamp, p.Timestamp
			}
		}
	}
	v.t.Fatal("no picture has its sound")
	return 0, 0, 0
}

// ntp is an NTP timestamp since 1900.
func ntp(t uint64) time.Duration {
	return time.Duration(t>>32)*time.Second + time.Duration(t&0xffffffff*uint64(time.Second)>>32)
}

func bFrames(t *testing.T) {
	s := newServer(t)
	p, err := s.hub.Publish(aKey, live.PublishOptions{Tracks: 2, User: "host"})
	if err != nil {
		t.Fatal(err)
	}
	write := func(f *av.Frame) {
		if err := p.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	write(&av.Frame{Track: 2, Kind: av.KindConfig, Codec: av.CodecOpus, Config: testAudio})
	write(&av.Frame{Track: 1, Kind: av.KindConfig, Codec: av.CodecH264, Config: testVideo})
	for i, place := range []int{0, 3, 1, 2} { // a reference picture behind the one that is shown after it
		nal := byte(0x41)
		if i == 0 {
			nal = 0x65
		}
		write(&av.Frame{
			Track: 1, Codec: av.CodecH264, Key: i == 0, DTS: time.Duration(i) * 40 * time.Millisecond, PTS: time.Duration(place+2) * 40 * time.Millisecond,
			Data: []byte{0, 0, 0, 3, nal, 0x88, 1},
		})
	}
	w := s.post(chromiumOffer(t))
	if w.Code != http.StatusNotAcceptable || w.Header().Get("Code") != "video_has_b_frames" || !strings.Contains(w.Body.String(), "HLS") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := s.post(strings.Replace(chromiumOffer(t), "m=video 9", "m=video 0", 1)); w.Code != http.StatusCreated {
		t.Errorf("who wants the sound alone: %d %s", w.Code, w.Body)
	}
	p.End(nil)
}

func anotherPublisher(t *testing.T) {
	s := newServer(t)
	first := s.publish(testVideo, testAudio)
	v := s.watch(viewerOptions{})
	v.sees(groupSize)
	first.stop()
	before := len(v.shown())
	second := s.publish(testVideo, testAudio)
	after := v.sees(groupSize)
	if !slices.ContainsFunc(v.shown()[before:], func(p picture) bool { return p.key && p.number == firstNumber+1 }) {
		t.Errorf("the second publisher's first key frame is not among %v", after[:5])
	}
	for i, p := range v.shown() {
		if i > 0 && int32(p.timestamp-v.shown()[i-1].timestamp) <= 0 {
			t.Errorf("picture %d has the timestamp %d behind %d", i, p.timestamp, v.shown()[i-1].timestamp)
		}
	}
	// Another codec cannot go on in this connection: it ends, and the viewer knows.
	second.stop()
	other := *testVideo
	other.Codec, other.Config = av.CodecVP9, []byte{1, 0, 0, 0, 0, 10, 0x82, 1, 1, 1, 0, 0}
	s.publish(&other)
	eventually(t, "the end", func() bool { return !v.connected() })
	s.isEmpty()
	if n := s.closed("tracks_changed"); n != 1 {
		t.Errorf("%v viewers are counted whose tracks changed", n)
	}
}

// restart restarts ICE as the library's offer of it says.
func (v *viewer) restart() error {
	offer, err := v.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(v.pc)
	if err := v.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	text := v.pc.LocalDescription().SDP
	var fragment strings.Builder
	fragment.WriteString("m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:" + lines(text, "ice-ufrag")[0] + "\r\na=ice-pwd:" + lines(text, "ice-pwd")[0] + "\r\n")
	for _, c := range lines(text, "candidate") {
		fragment.WriteString("a=candidate:" + c + "\r\n")
	}
	status, _, body, head := v.server.patch(v.location, "*", fragment.String())
	if status != http.StatusOK || head.Get("Content-Type") != signaling.KindFragment || head.Get("ETag") == v.tag || head.Get("ETag") == "" {
		v.t.Fatalf("%d %v %s", status, head, body)
	}
	answer := v.answer
	for _, name := range []string{"ice-ufrag", "ice-pwd"} {
		answer = strings.ReplaceAll(answer, lines(v.answer, name)[0], lines(body, name)[0])
	}
	return v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
}
