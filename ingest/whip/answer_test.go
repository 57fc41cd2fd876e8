package whip

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"

	"weir/room/live"
	"weir/rtc/signaling"
)

const aLocalClient = "127.0.0.1:4711"

// answerTo offers text from an address and returns the answer. The session is ended again.
func (s *server) answerTo(text, from string) string {
	s.t.Helper()
	sig := token(s.t, "host")
	w := s.call(call{method: "POST", path: "/whip/room/cam", kind: "application/sdp", token: sig, body: text, from: from})
	if w.Code != 201 {
		s.t.Fatalf("the offer was refused with %d %s", w.Code, w.Body)
	}
	if d := s.delete(w.Header().Get("Location"), sig); d.Code != 200 {
		s.t.Fatalf("DELETE gives %d %s", d.Code, d.Body)
	}
	return w.Body.String()
}

// values are the values of all attributes of a name.
func values(m *sdp.MediaDescription, name string) []string {
	var out []string
	for _, a := range m.Attributes {
		if a.Key == name {
			out = append(out, a.Value)
		}
	}
	return out
}

// checkAnswer checks what holds for every answer to an offer that was accepted.
func checkAnswer(t *testing.T, offerText, answer string) {
	t.Helper()
	offered, answered := sections(t, offerText), sections(t, answer)
	if len(answered) != len(offered) {
		t.Fatalf("%d sections offered, %d answered", len(offered), len(answered))
	}
	o, err := readOffer([]byte(offerText), h264Only)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range answered {
		want := o.audio
		if m.MediaName.Media == "video" {
			want = o.video
		}
		if m.MediaName.Port.Value == 0 {
			t.Errorf("WH-10: section %d is rejected by port 0", i)
		}
		if !slices.Equal(values(m, "mid"), values(offered[i], "mid")) || m.MediaName.Media != offered[i].MediaName.Media {
			t.Errorf("section %d is %s %v, offered was %s %v", i, m.MediaName.Media, values(m, "mid"),
				offered[i].MediaName.Media, values(offered[i], "mid"))
		}
		if _, ok := m.Attribute("recvonly"); !ok {
			t.Errorf("WH-05: section %d is not recvonly", i)
		}
		if setup := values(m, "setup"); !slices.Equal(setup, []string{"passive"}) {
			t.Errorf("WH-07: section %d has setup:%v", i, setup)
		}
		if _, ok := m.Attribute("rtcp-mux"); !ok {
			t.Errorf("WH-08: section %d has no rtcp-mux", i)
		}
		_, only := m.Attribute("rtcp-mux-only")
		if _, wanted := offered[i].Attribute("rtcp-mux-only"); only != wanted {
			t.Errorf("WH-08: section %d has rtcp-mux-only: %v, offered: %v", i, only, wanted)
		}
		pt := strconv.Itoa(int(want.params.PayloadType))
		formats := []string{pt}
		if want.rtx != nil {
			formats = append(formats, strconv.Itoa(int(want.rtx.PayloadType)))
		}
		if want.red != nil { // first, or no browser sends it
			formats = append([]string{strconv.Itoa(int(want.red.PayloadType))}, formats...)
		}
		if !slices.Equal(m.MediaName.Formats, formats) {
			t.Errorf("section %d has the formats %v, want %v", i, m.MediaName.Formats, formats)
		}
		var fb []string
		for _, f := range want.params.RTCPFeedback {
			fb = append(fb, pt+" "+strings.TrimSpace(f.Type+" "+f.Parameter))
		}
		if got := values(m, "rtcp-fb"); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(fb))) {
			t.Errorf("section %d has the feedback %q, want %q", i, got, fb)
		}
		var rids, simulcast []string
		for _, rid := range want.layers {
			rids = append(rids, rid+" recv")
			simulcast = []string{"recv " + strings.Join(want.layers, ";")}
		}
		if !slices.Equal(values(m, "rid"), rids) || !slices.Equal(values(m, "simulcast"), simulcast) {
			t.Errorf("section %d agrees to the layers %v %v, want %v", i, values(m, "rid"), values(m, "simulcast"), want.layers)
		}
	}
	if len(answered) > 1 && !signaling.Bundled(parse(t, answer)) {
		t.Error("WH-08: the answer is not in one BUNDLE")
	}
}

func parse(t testing.TB, text string) *sdp.SessionDescription {
	t.Helper()
	s := new(sdp.SessionDescription)
	if err := s.UnmarshalString(text); err != nil {
		t.Fatalf("not SDP: %v", err)
	}
	return s
}

func TestAnswers(t *testing.T) {
	s := newServer(t)
	for _, tc := range acceptedOffers {
		t.Run(tc.file, func(t *testing.T) {
			text := readFile(t, "offers/"+tc.file)
			checkAnswer(t, text, s.answerTo(text, aLocalClient))
		})
	}
	for _, tc := range acceptedForms {
		t.Run(tc.name, func(t *testing.T) {
			text := offerText(t, tc.pairs...)
			checkAnswer(t, text, s.answerTo(text, aLocalClient))
		})
	}
}

// format is the answer's format line of a kind of media, by parameter.
func format(t *testing.T, answer, kind string) map[string]string {
	t.Helper()
	for _, m := range sections(t, answer) {
		if m.MediaName.Media != kind {
			continue
		}
		p, _ := signaling.ReadPayload(m, uint8(must(strconv.Atoi(m.MediaName.Formats[0]))))
		return p.Parameters
	}
	return nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAnswerSaysTheStartBitrate(t *testing.T) {
	s := newServer(t)
	for _, file := range []string{"chromium.sdp", "gstreamer.sdp", "obs.sdp"} {
		fmtp := format(t, s.answerTo(readFile(t, "offers/"+file), aLocalClient), "video")
		if fmtp["x-google-start-bitrate"] != "2000" || fmtp["packetization-mode"] != "1" || fmtp["level-asymmetry-allowed"] != "1" {
			t.Errorf("%s: the format line says %v", file, fmtp)
		}
	}
}

func TestAnswerAsksForStereoWhenItIsOffered(t *testing.T) {
	s := newServer(t)
	for _, tc := range []struct{ line, want string }{
		{"", ""},
		{"\na=fmtp:111 minptime=10;useinbandfec=1", ""},
		{"\na=fmtp:111 stereo=0", "0"},
		{"\na=fmtp:111 stereo=1", "1"},
		{"\na=fmtp:111 sprop-stereo=1", "1"},
		{"\na=fmtp:111 minptime=10; stereo=1; sprop-stereo=1", "1"},
	} {
		answer := s.answerTo(offerText(t, "opus/48000/2", "opus/48000/2"+tc.line), aLocalClient)
		if got := format(t, answer, "audio")["stereo"]; got != tc.want {
			t.Errorf("offered %q, answered stereo=%q, want %q:\n%s", tc.line, got, tc.want, answer)
		}
		if n := strings.Count(answer, ";stereo=") + strings.Count(answer, " stereo="); n > 1 {
			t.Errorf("offered %q, stereo stands %d times in the answer", tc.line, n)
		}
	}
}

// candidates are the answer's candidates as "protocol address port".
func candidates(t *testing.T, answer string) []string {
	t.Helper()
	var out []string
	for _, m := range sections(t, answer) {
		for _, c := range values(m, "candidate") {
			f := strings.Fields(c)
			if len(f) < 8 {
				t.Fatalf("not a candidate: %q", c)
			}
			if f[1] == "1" { // RTP; with rtcp-mux the others are its copies
				out = append(out, strings.ToLower(f[2])+" "+f[4]+" "+f[5])
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func isLocal(candidate string) bool {
	return netip.MustParseAddr(strings.Fields(candidate)[1]).IsLoopback()
}

// WH-06: all candidates stand in the answer, each address on UDP and TCP with the one port.
func TestAnswerHasAllCandidates(t *testing.T) {
	engine := newEngine(t, "0.0.0.0:0")
	s := newServer(t, func(o *Options, _ *live.Options) { o.Engine = engine })
	text := offerText(t)
	near, far := candidates(t, s.answerTo(text, aLocalClient)), candidates(t, s.answerTo(text, "198.51.100.1:4711"))
	port := strconv.Itoa(engine.Port())
	for _, c := range near {
		f := strings.Fields(c)
		if f[2] != port {
			t.Errorf("%s does not have the port %s", c, port)
		}
		for _, proto := range []string{"udp", "tcp"} {
			if other := proto + " " + f[1] + " " + port; !slices.Contains(near, other) {
				t.Errorf("there is %q without %q", c, other)
			}
		}
	}
	if !slices.Contains(near, "udp 127.0.0.1 "+port) {
		t.Errorf("a client on this machine gets %q", near)
	}
	if want := slices.DeleteFunc(slices.Clone(near), isLocal); !slices.Equal(far, want) {
		t.Errorf("a client elsewhere gets %q, want %q", far, want)
	}
	if !strings.Contains(s.answerTo(text, aLocalClient), "a=end-of-candidates") {
		t.Error("the end of the candidates is not said")
	}
}

func TestAnswerHasThePublicAddresses(t *testing.T) {
	engine := newEngine(t, "0.0.0.0:0", "203.0.113.9")
	s := newServer(t, func(o *Options, _ *live.Options) { o.Engine = engine })
	port := strconv.Itoa(engine.Port())
	got := candidates(t, s.answerTo(offerText(t), "198.51.100.1:4711"))
	if want := []string{"tcp 203.0.113.9 " + port, "udp 203.0.113.9 " + port}; !slices.Equal(got, want) {
		t.Errorf("the candidates are %q, want %q", got, want)
	}
}

func FuzzFinishAnswer(f *testing.F) {
	s := newServer(f)
	files := must(filepath.Glob("testdata/offers/*.sdp"))
	for _, name := range files {
		if w := s.post(token(f, "host"), readFile(f, "offers/"+filepath.Base(name))); w.Code == 201 {
			f.Add(w.Body.String(), true, true)
			f.Add(w.Body.String(), false, false)
		}
	}
	o, err := readOffer([]byte(strings.ReplaceAll(plainOffer, "\n", "\r\n")), h264Only)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, stereo, local bool) {
		o := &offer{video: o.video, audio: &section{kind: o.audio.kind, codec: o.audio.codec, params: o.audio.params, stereo: stereo}}
		once, err := finishAnswer(text, o, 2000, local)
		var read sdp.SessionDescription
		if err != nil || read.UnmarshalString(once) != nil {
			return // the sdp package reads some texts that it cannot write
		}
		for _, m := range read.MediaDescriptions {
			for _, c := range values(m, "candidate") {
				if f := strings.Fields(c); !local && len(f) > 4 {
					if ip, err := netip.ParseAddr(f[4]); err == nil && ip.IsLoopback() {
						t.Fatalf("a client elsewhere gets %q", c)
					}
				}
			}
		}
		var was sdp.SessionDescription
		if err := was.UnmarshalString(text); err != nil || len(was.MediaDescriptions) != len(read.MediaDescriptions) {
			t.Fatalf("%d sections after %d", len(read.MediaDescriptions), len(was.MediaDescriptions))
		}
	})
}
