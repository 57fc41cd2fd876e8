package e2e

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"

	"weir/mux/av"
	"weir/testdata"
	"weir/testdata/samples"
)

// TestPushByWHIP has one weir push to another by WHIP, which gives the very bytes to its viewers, and says why it cannot
// push to where it may not.
func TestPushByWHIP(t *testing.T) {
	t.Parallel()
	receiver := start(t)
	rule := func(match, token string) map[string]string {
		return map[string]string{"match": match, "to": receiver.http + "/whip/{room}/{stream}", "token": token}
	}
	rules, err := json.Marshal([]map[string]string{rule("push/*", receiver.token), rule("refused/*", "nonsense")})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, "WEIR_RELAY_RULES="+string(rules))
	t.Run("streams", func(t *testing.T) { // several to one server at once
		for _, c := range []struct {
			file, query string
			codec       av.Codec
			sample      func(t testing.TB) (av.Track, []*av.Frame)
		}{
			{"bars-360p.h265", "", av.CodecH265, samples.H265},
			{"bars-360p-av1.ivf", "", av.CodecAV1, samples.AV1},
			{"bars-360p-vp9.ivf", "?video=vp9", av.CodecVP9, samples.VP9},
		} {
			t.Run(c.codec.String(), func(t *testing.T) {
				t.Parallel()
				path := "push/" + c.codec.String()
				s.publishClip(t, path, testdata.Path(c.file))
				receiver.awaitState(t, "push", c.codec.String(), "live")
				v := watch(t, receiver.http+"/live/"+path+".flv"+c.query)
				v.untilLength(t, 4*time.Second)
				v.leave()
				checkSent(t, v, c.codec, c.sample)
			})
		}
		t.Run("H.264", func(t *testing.T) {
			t.Parallel()
			src := s.publish(t, "push/cam", media{video: true, audio: true})
			checkReceived(t, receiver, "cam", src)
		})
	})
	for _, kind := range []string{"video", "audio"} {
		got, _ := strconv.Atoi(receiver.metric(t, `weir_whip_packets_total{fate="received",kind="`+kind+`"}`))
		lost, _ := strconv.Atoi(receiver.metric(t, `weir_whip_packets_total{fate="lost",kind="`+kind+`"}`))
		if got == 0 || lost > got/20 {
			t.Errorf("%d packets of %s arrived, %d did not", got, kind, lost)
		}
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		s.publishClip(t, "refused/cam", testdata.Path("bars-360p.h265"))
		s.awaitRelay(t, "refused", "waiting", "refused")
	})
}

// atArrival is how far pictures and sound may be apart where a server puts them into its time as they come, on a machine that
// has much to do, before it has heard of the sender's clocks.
const atArrival = 200 * time.Millisecond

// checkReceived compares what a server's viewers get, which it is pushed by WHIP, with what was sent.
func checkReceived(t *testing.T, receiver *server, stream string, src *source) {
	t.Helper()
	receiver.awaitState(t, "push", stream, "live")
	v := watch(t, receiver.http+"/live/push/"+stream+".flv?audio=opus")
	v.untilLength(t, 4*time.Second)
	v.leave()
	checkPart(t, src.ledger(), v.ledger(t), 0.9, atArrival)
}

// TestPushByWHIPLater: a push that begins in the middle of a group of pictures has sound at its pictures all the same.
func TestPushByWHIPLater(t *testing.T) {
	t.Parallel()
	receiver, s := start(t), start(t, toLoopback)
	src := s.publish(t, "push/later", media{video: true, audio: true})
	watch(t, s.http+"/live/push/later.flv").untilLength(t, 3500*time.Millisecond)
	body, err := json.Marshal(map[string]string{
		"room": "push", "stream": "later", "to": receiver.http + "/whip/push/later", "token": receiver.token,
	})
	if err != nil {
		t.Fatal(err)
	}
	if a := s.relays(t, http.MethodPost, "", string(body)); a.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	checkReceived(t, receiver, "later", src)
}

// awaitRelay waits until a destination of a room's stream is in a state, for a reason.
func (s *server) awaitRelay(t *testing.T, room, state, reason string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		a := ask(t, http.MethodGet, s.http+"/api/v1/relays", request{header: map[string]string{"Authorization": "Bearer " + s.adminToken}})
		var list struct {
			Relays []struct {
				Destinations []struct{ Room, State, Reason string }
			}
		}
		if err := json.Unmarshal(a.body, &list); err != nil {
			t.Fatalf("%v: %s", err, a.body)
		}
		for _, r := range list.Relays {
			for _, d := range r.Destinations {
				if d.Room == room && d.State == state && d.Reason == reason {
					return
				}
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no destination is %s (%s): %s", state, reason, a.body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
