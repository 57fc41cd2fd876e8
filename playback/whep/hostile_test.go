package whep

import (
	"math/rand/v2"
	"strings"
	"testing"

	"weir/room/live"
	"weir/rtc/signaling"
)

// Whichever side begins the DTLS handshake, media comes (RFC 5763 5).
func TestSetup(t *testing.T) {
	t.Parallel()
	for offered, answered := range map[string]string{"active": "passive", "passive": "active", "actpass": "passive"} {
		t.Run(offered, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.publish(testVideo)
			v := s.watch(viewerOptions{edit: func(sdp string) string {
				return strings.ReplaceAll(sdp, "a=setup:actpass", "a=setup:"+offered)
			}})
			if got := lines(v.answer, "setup"); got[0] != answered {
				t.Errorf("the answer is %s", got[0])
			}
			v.sees(1)
		})
	}
}

// Offers in which lines are left out, doubled, cut or exchanged are refused with a 4xx or begin a session, which ends.
func TestDamagedOffers(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *Options, _ *live.Options) { o.MaxViewers, o.MaxConnecting = 1000, 1000 })
	s.publish(testVideo, testAudio)
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"chromium.sdp", "chromium-max-bundle.sdp", "aiortc.sdp", "gstreamer.sdp"} {
		original := strings.SplitAfter(readFile(t, "offers/"+name), "\n")
		for n := range 100 {
			text := damaged(random, original)
			w := s.post(text)
			switch {
			case w.Code == 201:
				if w := s.call(call{method: "DELETE", path: w.Header().Get("Location")}); w.Code != 200 {
					t.Errorf("%s, number %d: DELETE gives %d", name, n, w.Code)
				}
			case w.Code/100 != 4 || w.Header().Get("Code") == "":
				t.Errorf("%s, number %d: %d %s for\n%s", name, n, w.Code, w.Body, text)
			}
		}
	}
	s.isEmpty()
}

// damaged is a text of lines with a few faults.
func damaged(random *rand.Rand, original []string) string {
	all := append([]string(nil), original...)
	for range 1 + random.IntN(4) {
		i, k := random.IntN(len(all)), random.IntN(len(all))
		switch random.IntN(5) {
		case 0:
			all[i] = ""
		case 1:
			all[i] += all[i]
		case 2:
			all[i] = all[i][:random.IntN(len(all[i])+1)] + "\r\n"
		case 3:
			all[i], all[k] = all[k], all[i]
		default:
			all[i] = strings.Replace(all[i], ":", ":"+strings.Repeat("9", random.IntN(300)), 1)
		}
	}
	return strings.Join(all, "")
}

// Fragments of a restart that are damaged leave the session as it is.
func TestDamagedFragments(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.publish(testVideo)
	v := s.watch(viewerOptions{})
	v.sees(1)
	fragment := strings.SplitAfter("a=group:BUNDLE 0 1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n"+anUfrag+
		"a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\n", "\n")
	random := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		text := damaged(random, fragment) // without a password it cannot be a restart
		if w := s.call(call{method: "PATCH", path: v.location, kind: signaling.KindFragment, match: "*", body: text}); w.Code != 204 && w.Code/100 != 4 {
			t.Errorf("%d %s for\n%s", w.Code, w.Body, text)
		}
	}
	v.sees(groupSize)
}
