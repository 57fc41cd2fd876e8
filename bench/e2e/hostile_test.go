package e2e

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// TestFlood: 20,000 packets a second of random STUN and DTLS make no session and cost no memory, and the live stream
// goes on.
func TestFlood(t *testing.T) {
	t.Parallel()
	s := start(t)
	src := s.publish(t, "hostile/good", media{video: true, audio: true})
	v := watch(t, s.http+"/live/hostile/good.flv")
	v.untilLength(t, 2*time.Second)
	ufrags := attribute(t, src.Answer(), "ice-ufrag") + ":" + attribute(t, src.Offer(), "ice-ufrag")
	before := usageOf(t, s)
	_, tags := v.snapshot()
	media := span(tags)
	sent := flood(t, s.media, ufrags)
	v.untilLength(t, media+floodTime)
	after := usageOf(t, s)
	t.Logf("%d packets; before %+v, after %+v", sent, before, after)
	if after.goroutines > before.goroutines+10 || after.descriptors > before.descriptors+5 || after.memory > before.memory+64<<20 {
		t.Error("the flood is felt")
	}
	if n := s.metric(t, "weir_whip_sessions"); n != "1" {
		t.Errorf("%s sessions", n)
	}
	if info, _ := s.info(t, "hostile", "good"); info.State != "live" || info.Counters["interruptions"] != 0 {
		t.Errorf("the stream is %+v", info)
	}
	v.leave()
	checkCapture(t, v, 5, "aac", "h264")
}

// attribute is the first value of an attribute in an SDP.
func attribute(t *testing.T, sdp, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(sdp, "a="+name+":")
	if !ok {
		t.Fatalf("no %s in\n%s", name, sdp)
	}
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

// flood sends garbage to the port from many addresses, and tells how much. The user name is one that a session has.
func flood(t *testing.T, port int, user string) (sent int) {
	t.Helper()
	const pace, perPace = 10 * time.Millisecond, 200
	conns := make([]net.Conn, 50)
	for i := range conns {
		var err error
		if conns[i], err = net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
	}
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for end := time.Now().Add(floodTime); time.Now().Before(end); <-tick.C {
		for range perPace {
			packet := hostilePacket(user)
			if _, err := conns[rand.IntN(len(conns))].Write(packet); err == nil {
				sent++
			}
		}
	}
	return sent
}

// hostilePacket begins as STUN (RFC 8489), DTLS (RFC 6347) or RTP do, and has garbage behind that.
func hostilePacket(user string) []byte {
	garbage := make([]byte, 20+rand.IntN(1200))
	_, _ = cryptorand.Read(garbage) // it never fails
	switch rand.IntN(4) {
	case 0: // DTLS 1.2: a handshake record
		return append([]byte{22, 0xfe, 0xfd}, garbage...)
	case 1: // RTP or RTCP
		return append([]byte{0x80, 96 + byte(rand.IntN(120))}, garbage...)
	case 2: // a binding request of nobody's session
		return stunRequest(string(garbage[:8])+":x", garbage)
	default: // one of a session, which says the wrong MESSAGE-INTEGRITY
		return stunRequest(user, garbage)
	}
}

// stunRequest is a binding request with USERNAME, MESSAGE-INTEGRITY and whatever the garbage is behind that.
func stunRequest(user string, garbage []byte) []byte {
	const magic, username, integrity = 0x2112a442, 0x0006, 0x0008
	var body []byte
	body = binary.BigEndian.AppendUint16(body, username)
	body = binary.BigEndian.AppendUint16(body, uint16(len(user)))
	body = append(append(body, user...), make([]byte, -len(user)&3)...)
	body = binary.BigEndian.AppendUint16(body, integrity)
	body = binary.BigEndian.AppendUint16(body, 20)
	body = append(body, garbage[:len(garbage)&^3]...)
	out := binary.BigEndian.AppendUint16(nil, 1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)))
	out = binary.BigEndian.AppendUint32(out, magic)
	return append(append(out, garbage[:12]...), body...)
}

// TestMutants: offers and fragments that are not quite what they should be are taken or refused as the client's
// fault, and leave nothing.
func TestMutants(t *testing.T) {
	t.Parallel()
	s := start(t)
	src := s.publish(t, "hostile/good", media{video: true, audio: true})
	random := rand.New(rand.NewPCG(1, 2))
	taken := 0
	for range mutants {
		a := s.post(t, "hostile/mutant", mutate(random, src.Offer()))
		if a.StatusCode == http.StatusCreated { // it was as good as before
			taken++
			s.remove(t, a)
			continue
		}
		if a.StatusCode/100 != 4 || a.code() == "" {
			t.Fatalf("%s %s", a.Status, a.body)
		}
	}
	t.Logf("%d of %d mutants are good offers", taken, mutants)
	s.mutateFragments(t, random)
	eventually(t, "the sessions to be over", func() bool { return s.metric(t, "weir_whip_sessions") == "1" })
	if _, ok := s.info(t, "hostile", "mutant"); ok {
		t.Error("a mutant left a stream behind")
	}
	if info, _ := s.info(t, "hostile", "good"); info.State != "live" {
		t.Errorf("the good stream is %+v", info)
	}
	if strings.Contains(s.log.String(), "panic") {
		t.Error("a handler panicked")
	}
}

// mutateFragments does so with the fragments of PATCH, to sessions that never connect.
func (s *server) mutateFragments(t *testing.T, random *rand.Rand) {
	t.Helper()
	const fragment = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" +
		"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\n" +
		"a=candidate:3471623853 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0\r\na=end-of-candidates\r\n"
	offer := sdp(t, webrtc.RTPTransceiverDirectionSendonly, webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio)
	session := s.post(t, "hostile/patched", offer)
	if session.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", session.Status, session.body)
	}
	for range mutants {
		tag := "*" // a restart
		if random.IntN(2) == 0 {
			tag = session.Header.Get("ETag")
		}
		a := ask(t, http.MethodPatch, resolve(t, s.http, session.Header.Get("Location")), request{
			body: mutate(random, fragment), header: map[string]string{
				"Authorization": "Bearer " + s.token, "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": tag,
			},
		})
		if c := a.StatusCode / 100; c != 2 && c != 4 {
			t.Fatalf("%s %s", a.Status, a.body)
		}
	}
	s.remove(t, session)
}

func (s *server) post(t *testing.T, path, offer string) answer {
	t.Helper()
	return ask(t, http.MethodPost, s.http+"/whip/"+path, request{body: offer, header: map[string]string{
		"Authorization": "Bearer " + s.token, "Content-Type": "application/sdp",
	}})
}

// remove deletes the session that an answer made. It may be gone.
func (s *server) remove(t *testing.T, session answer) {
	t.Helper()
	a := ask(t, http.MethodDelete, resolve(t, s.http, session.Header.Get("Location")), request{
		header: map[string]string{"Authorization": "Bearer " + s.token},
	})
	if a.StatusCode != http.StatusOK && a.StatusCode != http.StatusNotFound {
		t.Fatalf("DELETE: %s %s", a.Status, a.body)
	}
}

// mutate changes a text of lines in one to three ways.
func mutate(random *rand.Rand, text string) string {
	lines := bytes.SplitAfter([]byte(text), []byte("\r\n"))
	for range 1 + random.IntN(3) {
		i, k := random.IntN(len(lines)), random.IntN(len(lines))
		switch random.IntN(7) {
		case 0: // a line goes
			lines[i] = nil
		case 1: // comes twice
			lines[i] = slices.Concat(lines[i], lines[i])
		case 2: // stands elsewhere
			lines[i], lines[k] = lines[k], lines[i]
		case 3: // is cut
			lines[i] = lines[i][:random.IntN(len(lines[i])+1)]
		case 4: // has another byte
			lines[i] = slices.Clone(lines[i])
			if n := len(lines[i]); n > 0 {
				lines[i][random.IntN(n)] = byte(random.Uint32())
			}
		case 5: // has another number
			lines[i] = bytes.ReplaceAll(lines[i], []byte("1"), fmt.Append(nil, random.Int64()))
		default: // is long
			lines[i] = slices.Concat(bytes.TrimRight(lines[i], "\r\n"), bytes.Repeat([]byte("9"), random.IntN(2000)), []byte("\r\n"))
		}
	}
	return string(bytes.Join(lines, nil))
}

// TestIdlePosts: publishers that never connect hold no slot after the time of the handshake.
func TestIdlePosts(t *testing.T) {
	t.Parallel()
	s := start(t, "WEIR_INGEST_HANDSHAKE_TIMEOUT=4s", fmt.Sprintf("WEIR_INGEST_MAX_STREAMS=%d", idlePosts),
		fmt.Sprintf("WEIR_WEBRTC_MAX_CONNECTING_PER_ADDRESS=%d", idlePosts))
	offer := sdp(t, webrtc.RTPTransceiverDirectionSendonly, webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio)
	before := usageOf(t, s)
	made := 0
	for i := range idlePosts {
		a := s.post(t, fmt.Sprintf("hostile/idle%d", i), offer)
		switch a.StatusCode {
		case http.StatusCreated:
			made++
		case http.StatusServiceUnavailable:
			if a.Header.Get("Retry-After") == "" {
				t.Error("WH-24: 503 without Retry-After")
			}
		default:
			t.Fatalf("%s %s", a.Status, a.body)
		}
	}
	eventually(t, "the sessions to be over", func() bool { return s.metric(t, "weir_whip_sessions") == "0" })
	s.goroutinesEnd(t, before.goroutines+10)
	after := usageOf(t, s)
	t.Logf("%d of %d were taken; before %+v, after %+v", made, idlePosts, before, after)
	if after.descriptors > before.descriptors+5 {
		t.Error("descriptors are left")
	}
	if made < idlePosts/2 {
		t.Errorf("only %d of %d were taken", made, idlePosts)
	}
	s.publish(t, "hostile/last", media{audio: true}) // there is room
}

// TestChurn: publishers that come and go, in either way, leave nothing.
func TestChurn(t *testing.T) {
	t.Parallel()
	s := start(t, "WEIR_INGEST_GRACE=1s", "WEIR_LOG_LEVEL=info")
	cycles := func(n int) consumption {
		for i := range n {
			src := s.publish(t, "hostile/churn", media{video: true, audio: i%3 == 0})
			if i%2 == 0 {
				src.Kill()
				continue
			}
			if err := src.Delete(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "the sessions to be over", func() bool { return s.metric(t, "weir_whip_sessions") == "0" })
		eventually(t, "the stream to be over", func() bool {
			_, ok := s.info(t, "hostile", "churn")
			return !ok
		})
		return usageOf(t, s)
	}
	before := cycles(20) // caches and pools are filled by then
	cycles(churns)
	s.goroutinesEnd(t, before.goroutines+5)
	after := usageOf(t, s)
	t.Logf("after 20 cycles %+v, after %d more %+v", before, churns, after)
	if after.descriptors > before.descriptors+5 || after.memory > before.memory*3/2+16<<20 {
		t.Error("descriptors or memory grow with publishers")
	}
}
