package whip

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"weir/room/auth"
	"weir/room/live"
	"weir/rtc/signaling"
)

const anUfrag, aPWD = "a=ice-ufrag:abcdef\r\n", "a=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"

// session publishes plainly and returns the session's path and its ETag.
func (s *server) session(t *testing.T) (path, tag string) {
	t.Helper()
	w := s.post(token(t, "host"), offerText(t))
	if w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Header().Get("Location"), w.Header().Get("ETag")
}

// patch sends a fragment as the host.
func (s *server) patch(path, match, fragment string) *httptest.ResponseRecorder {
	return s.call(call{method: "PATCH", path: path, kind: signaling.KindFragment, token: token(s.t, "host"), match: match, body: fragment, from: aLocalClient})
}

// checklist is RFC 9725, one row for each thing to check. Rows with a function of another file share it.
var checklist = []struct {
	id    string
	check func(t *testing.T)
}{
	{"WH-01 POST gives 201, an answer and a Location", publishAndDelete},
	{"WH-02 the Location resolves and cannot be guessed", locationResolves},
	{"WH-03 the content type", func(t *testing.T) {
		s := newServer(t)
		for kind, want := range map[string]int{"": 415, "text/plain": 415, signaling.KindFragment: 415, "application/sdp; charset=utf-8": 201} {
			w := s.call(call{method: "POST", path: "/whip/room/cam", kind: kind, token: token(t, "host"), body: offerText(t)})
			if w.Code != want || (w.Header().Get("Accept-Post") == signaling.KindSDP) != (want == 415) {
				t.Errorf("%q: %d %v %s", kind, w.Code, w.Header(), w.Body)
			}
		}
	}},
	{"WH-04 an offer that is none leaves no session", func(t *testing.T) {
		s := newServer(t)
		for _, text := range []string{"", "v=0", "\x00\xff", "v=0\r\nm=", strings.Repeat("a", 1000), offerText(t)[:300]} {
			if w := s.post(token(t, "host"), text); w.Code/100 != 4 {
				t.Errorf("%.20q: %d", text, w.Code)
			}
		}
		s.isEmpty(t)
	}},
	{"WH-05 the publisher sends, the server receives", func(t *testing.T) {
		s := newServer(t)
		for _, d := range []string{"recvonly", "inactive"} {
			if w := s.post(token(t, "host"), offerText(t, "sendonly", d)); w.Code/100 != 4 {
				t.Errorf("%s: %d", d, w.Code)
			}
		}
		for _, m := range sections(t, s.answerTo(offerText(t), "")) {
			if _, ok := m.Attribute("recvonly"); !ok {
				t.Errorf("a section of the answer is not recvonly: %v", m.Attributes)
			}
		}
	}},
	{"WH-06 the answer has all candidates", func(t *testing.T) {
		m := sections(t, newServer(t).answerTo(offerText(t), aLocalClient))[0] // the offer has none
		if got := strings.Join(values(m, "candidate"), "\n"); !strings.Contains(got, " udp ") || !strings.Contains(got, " tcp ") {
			t.Errorf("candidates: %s", got)
		}
		if _, ok := m.Attribute("end-of-candidates"); !ok {
			t.Error("there is no end of candidates")
		}
	}},
	{"WH-07 the server is passive in DTLS", func(t *testing.T) {
		s := newServer(t)
		for _, setup := range []string{"actpass", "active"} {
			if answer := s.answerTo(offerText(t, "setup:actpass", "setup:"+setup), ""); !strings.Contains(answer, "a=setup:passive") {
				t.Errorf("%s is answered with %s", setup, answer)
			}
		}
		if w := s.post(token(t, "host"), offerText(t, "setup:actpass", "setup:passive")); w.Code != 422 {
			t.Errorf("passive: %d", w.Code)
		}
	}},
	{"WH-08 one BUNDLE group, rtcp-mux", func(t *testing.T) {
		s := newServer(t)
		answer := s.answerTo(offerText(t, "m=audio 9", "m=audio 0", "a=mid:1\n", "a=mid:1\na=bundle-only\na=rtcp-mux-only\n"), "")
		if !strings.Contains(answer, "a=group:BUNDLE 0 1") || !strings.Contains(answer, "a=rtcp-mux-only") || strings.Contains(answer, "m=audio 0") {
			t.Errorf("%s", answer)
		}
		if w := s.post(token(t, "host"), offerText(t, "BUNDLE 0 1", "BUNDLE 0")); w.Code != 422 {
			t.Errorf("two transports: %d", w.Code)
		}
	}},
	{"WH-09 no more than one track of each kind", func(t *testing.T) {
		s := newServer(t)
		second := strings.ReplaceAll(videoPart, "mid:0", "mid:2")
		if w := s.post(token(t, "host"), offerText(t, audioPart, audioPart+second, "BUNDLE 0 1", "BUNDLE 0 1 2")); w.Code != 422 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		s.isEmpty(t)
	}},
	{"WH-10 no codec in common is refused with a reason", func(t *testing.T) {
		s := newServer(t)
		w := s.post(token(t, "host"), readFile(t, "offers/chromium-vp8.sdp"))
		if w.Code != 422 || !strings.Contains(w.Body.String(), "VP8") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		s.isEmpty(t)
	}},
	{"WH-11 H.264 in packetization mode 1, as all can play it", func(t *testing.T) {
		answer := newServer(t).answerTo(readFile(t, "offers/chromium.sdp"), "")
		for _, want := range []string{"packetization-mode=1", "profile-level-id=42e01f", "level-asymmetry-allowed=1"} {
			if !strings.Contains(answer, want) {
				t.Errorf("the answer has no %s", want)
			}
		}
	}},
	{"WH-12 the ETag is strong and never the same", func(t *testing.T) {
		s := newServer(t)
		_, first := s.session(t)
		_, second := s.session(t) // takes over
		if strong := regexp.MustCompile(`^"[!#-~]{20,}"$`); !strong.MatchString(first) || !strong.MatchString(second) || first == second {
			t.Errorf("%s, then %s", first, second)
		}
	}},
	{"WH-13 trickle before the connection", trickled},
	{"WH-13 trickle when ICE is connected", func(t *testing.T) {
		s := newServer(t)
		p, _ := s.startLive(t)
		path := strings.TrimPrefix(p.URL(), s.http.URL)
		tag := s.only().tag()
		for _, f := range []string{"a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n", "a=end-of-candidates\r\n"} {
			if w := s.patch(path, tag, f); w.Code != 204 || w.Body.Len() != 0 || w.Header().Get("ETag") != "" {
				t.Errorf("%q: %d %v %s", f, w.Code, w.Header(), w.Body)
			}
		}
	}},
	{"WH-14 no If-Match is 428, a stale one 412", func(t *testing.T) {
		s := newServer(t)
		path, tag := s.session(t)
		for match, want := range map[string]int{"": 428, `"stale"`: 412, "W/" + tag: 412, strings.Trim(tag, `"`): 412, tag: 204, `"x", ` + tag: 204, "*": 204} {
			if w := s.patch(path, match, "a=end-of-candidates\r\n"); w.Code != want || w.Header().Get("ETag") != "" {
				t.Errorf("%q: %d, want %d", match, w.Code, want)
			}
		}
		w := s.patch(path, "*", anUfrag+aPWD)
		if w.Code != 200 {
			t.Fatalf("the restart: %d %s", w.Code, w.Body)
		}
		if w := s.patch(path, tag, "a=end-of-candidates\r\n"); w.Code != 412 {
			t.Errorf("the ETag from before the restart: %d", w.Code)
		}
		if w := s.patch(path, w.Header().Get("ETag"), "a=end-of-candidates\r\n"); w.Code != 204 {
			t.Errorf("the ETag of the restart: %d", w.Code)
		}
	}},
	{"WH-15 a fragment that is none", func(t *testing.T) {
		s := newServer(t)
		path, tag := s.session(t)
		for _, kind := range []string{"", signaling.KindSDP, "application/json"} {
			if w := s.call(call{method: "PATCH", path: path, kind: kind, token: token(t, "host"), match: tag, body: "a=end-of-candidates\r\n"}); w.Code != 415 || w.Header().Get("Accept-Patch") != signaling.KindFragment {
				t.Errorf("%q: %d %v", kind, w.Code, w.Header())
			}
		}
		for _, body := range []string{"", "hello", "a=candidate:x\r\n", anUfrag, aPWD, "a=candidate:1 1 udp x 127.0.0.1 9 typ host\r\n"} {
			if w := s.patch(path, tag, body); w.Code != 400 {
				t.Errorf("%q: %d", body, w.Code)
			}
		}
		if w := s.patch(path, tag, strings.Repeat("a=x\r\n", signaling.MaxFragment/5+1)); w.Code != 413 {
			t.Errorf("too large: %d", w.Code)
		}
	}},
	{"WH-16 what cannot be used is discarded silently", func(t *testing.T) {
		s := newServer(t)
		path, tag := s.session(t)
		for _, c := range []string{
			"1 1 sctp 1 127.0.0.1 9 typ host", "1 1 udp 1 6b0f6a5e.local 5000 typ host", "1 1 udp 1 nowhere.invalid 5000 typ host",
			"1 1 tcp 1 127.0.0.1 9 typ host tcptype active", "1 1 udp 1 127.0.0.1 9 typ marvel", "1 2 udp 1 127.0.0.1 9 typ host",
			"1 1 udp 1 127.0.0.1 9 typ host ufrag fromBefore",
		} {
			if w := s.patch(path, tag, "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:"+c+"\r\n"); w.Code != 204 || w.Body.Len() != 0 {
				t.Errorf("%s: %d %s", c, w.Code, w.Body)
			}
		}
		if w := s.patch(path, tag, strings.Repeat("a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n", 3*signaling.MaxCandidates)); w.Code != 204 {
			t.Errorf("many: %d", w.Code)
		}
		if n := len(s.only().ice.Offered()); n > signaling.MaxCandidates {
			t.Errorf("%d candidates are taken", n)
		}
	}},
	{"WH-17 an ICE restart", restarts},
	{"WH-17 a restart that is refused", restartRefused},
	{"WH-18 trickle and restart are both there", func(t *testing.T) {
		s := newServer(t)
		path, tag := s.session(t)
		if a, b := s.patch(path, tag, "a=end-of-candidates\r\n"), s.patch(path, "*", anUfrag+aPWD); a.Code != 204 || b.Code != 200 {
			t.Errorf("%d, %d", a.Code, b.Code)
		}
	}},
	{"WH-19 DELETE frees at once, whatever the ETag", func(t *testing.T) {
		s := newServer(t)
		path, _ := s.session(t)
		d := call{method: "DELETE", path: path, token: token(t, "host"), match: `"stale"`}
		if w := s.call(d); w.Code != 200 {
			t.Errorf("%d", w.Code)
		}
		s.isEmpty(t)
		if w := s.call(d); w.Code != 404 {
			t.Errorf("the second: %d", w.Code)
		}
		if w := s.patch(path, "*", anUfrag+aPWD); w.Code != 404 {
			t.Errorf("PATCH behind it: %d", w.Code)
		}
	}},
	{"WH-20 DELETE needs the authority of the POST", deleteNeedsTheSameAuthority},
	{"WH-20 PATCH needs it, too", func(t *testing.T) {
		s := newServer(t)
		path, tag := s.session(t)
		for _, tc := range []struct {
			token string
			want  int
		}{
			{"", 401},
			{"x", 401},
			{token(t, "guest"), 403},
			{limited(t, "host", "other", auth.RightsAll), 403},
			{token(t, "administrator"), 204},
		} {
			w := s.call(call{method: "PATCH", path: path, kind: signaling.KindFragment, token: tc.token, match: tag, body: "a=end-of-candidates\r\n"})
			if w.Code != tc.want {
				t.Errorf("%d, want %d: %s", w.Code, tc.want, w.Body)
			}
		}
	}},
	{"WH-21 other methods are 405 with Allow", func(t *testing.T) {
		s := newServer(t)
		path, _ := s.session(t)
		for _, p := range []string{"/whip/room/cam", path} {
			for _, method := range []string{"GET", "HEAD", "PUT"} {
				if w := s.call(call{method: method, path: p, token: token(t, "host")}); w.Code != 405 || w.Header().Get("Allow") == "" {
					t.Errorf("%s %s: %d %v", method, p, w.Code, w.Header())
				}
			}
		}
		if w := s.call(call{method: "POST", path: path, kind: signaling.KindSDP, token: token(t, "host"), body: offerText(t)}); w.Code != 405 {
			t.Errorf("POST to the session: %d", w.Code)
		}
		if w := s.call(call{method: "DELETE", path: "/whip/room/cam", token: token(t, "host")}); w.Code != 405 {
			t.Errorf("DELETE of the endpoint: %d", w.Code)
		}
	}},
	{"WH-22 OPTIONS needs no authority", func(t *testing.T) {
		s := newServer(t)
		path, _ := s.session(t)
		if w := s.call(call{method: "OPTIONS", path: "/whip/room/cam"}); w.Code != 200 || w.Header().Get("Accept-Post") != signaling.KindSDP || !strings.Contains(w.Header().Get("Allow"), "POST") {
			t.Errorf("the endpoint: %d %v", w.Code, w.Header())
		}
		if w := s.call(call{method: "OPTIONS", path: path}); w.Code != 200 || w.Header().Get("Accept-Patch") != signaling.KindFragment || !strings.Contains(w.Header().Get("Allow"), "PATCH, DELETE") {
			t.Errorf("the session: %d %v", w.Code, w.Header())
		}
	}},
	{"WH-23 the token, its room and its rights", func(t *testing.T) {
		s := newServer(t)
		for tok, want := range map[string]int{
			"": 401, "x": 401, limited(t, "host", "other", auth.RightsAll): 403,
			limited(t, "host", "room", auth.RightSendAudio): 403, limited(t, "host", "room", auth.RightsAll): 201,
		} {
			if w := s.post(tok, offerText(t)); w.Code != want {
				t.Errorf("%d, want %d", w.Code, want)
			}
		}
	}},
	{"WH-24 a full server", publishWhenFull},
	{"WH-24 a server that stops", publishWhenStopping},
	{"WH-25 close_notify ends it at once", publisherCloses},
	{"WH-25 a publisher without a sign of life", publisherVanishes},
	{"WH-26 STUN and TURN servers, as far as configured", iceServers},
	{"WH-27 a stream that somebody publishes", publishBusy},
	{"WH-28 the fingerprint is the certificate's", wrongFingerprint},
}

func TestChecklist(t *testing.T) {
	for n := 1; n <= 28; n++ {
		id, there := "WH-"+strconv.Itoa(100 + n)[1:], false
		for _, row := range checklist {
			there = there || strings.HasPrefix(row.id, id+" ")
		}
		if !there {
			t.Errorf("%s has no row", id)
		}
	}
	for _, row := range checklist {
		t.Run(row.id, row.check)
	}
}

// trickled sends the server the address of a socket, on which its check must then arrive.
func trickled(t *testing.T) {
	s := newServer(t)
	path, tag := s.session(t)
	socket := must(net.ListenPacket("udp4", "127.0.0.1:0"))
	defer socket.Close()
	_, port, _ := net.SplitHostPort(socket.LocalAddr().String())
	w := s.patch(path, tag, "m=video 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 "+port+" typ host\r\na=end-of-candidates\r\n")
	if w.Code != 204 || w.Body.Len() != 0 || w.Header().Get("ETag") != "" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, receiveMTU)
	n, _, err := socket.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	m := stun.Message{Raw: buf[:n]}
	var user stun.Username
	if err := m.Decode(); err != nil || user.GetFrom(&m) != nil || !strings.HasPrefix(user.String(), s.only().remoteUfrag()+":") {
		t.Errorf("%v: %v", err, &m)
	}
}

func iceServers(t *testing.T) {
	servers := signaling.ICEServers{
		URLs:   []string{"stun:stun.example.net", "turn:turn.example.net?transport=udp"},
		Secret: "a-secret-that-is-shared", TTL: time.Hour,
	}
	s := newServer(t, func(o *Options, _ *live.Options) { o.ICEServers = servers })
	const stunLink, turn = `<stun:stun.example.net>; rel="ice-server"`, `<turn:turn.example.net?transport=udp>; rel="ice-server"; username="`
	w := s.post(token(t, "host"), offerText(t))
	links := w.Header().Values("Link")
	if len(links) != 2 || links[0] != stunLink || !strings.HasPrefix(links[1], turn) {
		t.Fatalf("%q", links)
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(links[1], turn), `"`)
	expiry, user, _ := strings.Cut(name, ":")
	at, err := strconv.ParseInt(expiry, 10, 64)
	if left := time.Until(time.Unix(at, 0)); err != nil || user != "host" || left > time.Hour || left < time.Minute {
		t.Errorf("the name is %q", name)
	}
	if strings.Contains(strings.Join(links, ""), string(servers.Secret)) {
		t.Error("the secret is told")
	}
	preflight := httptest.NewRequest(http.MethodOptions, "/whip/room/cam", nil)
	preflight.Header.Set("Access-Control-Request-Method", "POST")
	got := httptest.NewRecorder()
	s.mux.ServeHTTP(got, preflight)
	for who, want := range map[string]struct {
		got   http.Header
		links int
	}{
		"nobody":            {s.call(call{method: "OPTIONS", path: "/whip/room/cam"}).Header(), 1},
		"a bad token":       {s.call(call{method: "OPTIONS", path: "/whip/room/cam", token: "x"}).Header(), 1},
		"a publisher":       {s.call(call{method: "OPTIONS", path: "/whip/room/cam", token: token(t, "host")}).Header(), 2},
		"a preflight":       {got.Header(), 0},
		"a refused offer":   {s.post(token(t, "host"), "x").Header(), 0},
		"without a setting": {newServer(t).post(token(t, "host"), offerText(t)).Header(), 0},
	} {
		if links := want.got.Values("Link"); len(links) != want.links {
			t.Errorf("%s is told of %q", who, links)
		}
	}
}

// ?policy= may be stricter than the configuration; less strict is an administrator's.
func TestPolicyOfAPublish(t *testing.T) {
	for _, tc := range []struct {
		configured   live.Policy
		query, user  string
		status, then int // of the first publish, and of the same user's next
	}{
		{live.PolicyResume, "", "host", 201, 201},
		{live.PolicyResume, "?policy=resume", "host", 201, 201},
		{live.PolicyResume, "?policy=reject", "host", 201, 409},
		{live.PolicyResume, "?policy=replace", "host", 403, 403},
		{live.PolicyResume, "?policy=replace", "administrator", 201, 201},
		{live.PolicyReplace, "?policy=resume", "host", 201, 201},
		{live.PolicyReplace, "?policy=replace", "host", 201, 201},
		{live.PolicyReject, "?policy=resume", "host", 403, 403},
		{live.PolicyReject, "?policy=resume", "administrator", 201, 201},
		{live.PolicyResume, "?policy=Reject", "host", 400, 400},
	} {
		s := newServer(t, func(o *Options, _ *live.Options) { o.Policy = tc.configured })
		for i, want := range []int{tc.status, tc.then} {
			w := s.call(call{method: "POST", path: "/whip/room/cam" + tc.query, kind: signaling.KindSDP, token: token(t, tc.user), body: offerText(t)})
			if w.Code != want {
				t.Errorf("%v, %q by %s, publish %d: %d %s", tc.configured, tc.query, tc.user, i, w.Code, w.Body)
			}
			if location := w.Header().Get("Location"); strings.Contains(location, "?") {
				t.Errorf("the session is at %s", location)
			}
		}
	}
}

// PUB-03: five hundred publishers that never connect leave nothing behind, and their streams free.
func TestFiveHundredThatNeverConnect(t *testing.T) {
	const publishers = 500
	s := newServer(t, func(o *Options, hub *live.Options) {
		o.Handshake, o.MaxConnecting, hub.MaxStreams = 500*time.Millisecond, publishers, publishers
	})
	before := runtimeState(t)
	for i := range publishers {
		path := "/whip/room/" + url.PathEscape("cam"+strconv.Itoa(i))
		w := s.call(call{method: "POST", path: path, kind: signaling.KindSDP, token: token(t, "host"), body: offerText(t)})
		if w.Code != http.StatusCreated {
			t.Fatalf("publisher %d: %d %s", i, w.Code, w.Body)
		}
	}
	eventually(t, "the end of all sessions", func() bool { return s.sessions() == 0 })
	s.isEmpty(t)
	eventually(t, "goroutines and descriptors as before", func() bool {
		now := runtimeState(t)
		return now.goroutines <= before.goroutines && now.files <= before.files
	})
	if n := metric(t, s.handler.Stats(), "weir_whip_session_ends_total", "reason=handshake"); n != publishers {
		t.Errorf("%v ends are counted", n)
	}
	if path, _ := s.session(t); path == "" {
		t.Error("the stream is not free")
	}
}
