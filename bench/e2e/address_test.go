package e2e

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/bench/publish"
	"weir/testdata"
)

// generated are addresses that the generator made.
type generated struct {
	Expires time.Time
	Push    struct{ RTMP, WHIP string }
	Play    struct {
		WebRTC, FLV, HLS string
		ByID             *struct{ FLV, HLS string } `json:"by_streamid"`
	}
}

// generate asks the generator of addresses, as an administrator.
func (s *server) generate(t *testing.T, asked string) (g generated) {
	t.Helper()
	got := ask(t, http.MethodPost, s.http+"/api/v1/addresses", request{
		body: asked, header: map[string]string{"Authorization": "Bearer " + s.adminToken, "Content-Type": "application/json"},
	})
	if err := json.Unmarshal(got.body, &g); err != nil || got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	return g
}

// encoderTo is what an encoder without B pictures is called with.
func encoderTo(address string, more ...string) []string {
	return append(append([]string{
		"-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30", "-c:a", "aac", "-ac", "2",
	}, more...), "-f", "flv", address)
}

// pushIsRefused fails unless ffmpeg cannot publish at the address.
func pushIsRefused(t *testing.T, what, address string) {
	t.Helper()
	if out, err := tool(t, "ffmpeg", encoderTo(address, "-t", "5")...); err == nil {
		t.Errorf("%s: ffmpeg publishes at %s\n%s", what, address, out)
	}
}

// TestB31B32: ffmpeg publishes at a generated address, in weir's own dialect and in Tencent's, by a stream id and by a room and
// stream; it plays by FLV, HLS and WebRTC; and nobody publishes at an address that was altered or has expired.
func TestB31B32(t *testing.T) {
	t.Parallel()
	s := start(t, "WEIR_AUTH_PLAY=signed")
	for _, dialect := range []string{"weir", "tencent"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			id := "1400000000_" + dialect + "_host_main"
			a := s.generate(t, `{"streamid":"`+id+`","dialect":"`+dialect+`"}`)
			if !strings.HasPrefix(a.Push.RTMP, s.rtmp+"/live/"+id+"?") || a.Play.ByID == nil {
				t.Fatalf("got %+v", a)
			}
			pushIsRefused(t, "another user's", strings.Replace(a.Push.RTMP, "_host_", "_guest_", 1))
			pushIsRefused(t, "another signature", altered(a.Push.RTMP))
			pushIsRefused(t, "none", s.rtmp+"/live/"+id)
			pushIsRefused(t, "the players'", s.rtmp+strings.Replace(strings.TrimPrefix(a.Play.ByID.FLV, s.http), ".flv?", "?", 1))

			launch(t, "ffmpeg", encoderTo(a.Push.RTMP)...)
			eventually(t, "the stream", func() bool { _, ok := s.info(t, dialect, "host"); return ok })
			for _, address := range []string{a.Play.ByID.FLV, a.Play.ByID.HLS, a.Play.FLV, a.Play.HLS} {
				checkDecodes(t, address, "-t", "2")
				if got := get(t, altered(address)); got.code() != "signature_invalid" {
					t.Errorf("altered, %s gives %s %s", address, got.Status, got.body)
				}
			}
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			watchBy(t, conn, a.Play.WebRTC).until(t, 20)

			short := s.generate(t, `{"room":"late","stream":"`+dialect+`","dialect":"`+dialect+`","ttl":"1s"}`)
			eventually(t, "the expiry", func() bool { return get(t, short.Play.FLV).code() == "signature_expired" })
			pushIsRefused(t, "expired", short.Push.RTMP)
		})
	}
}

// altered is a signed address with the last digit of its signature or of its time changed.
func altered(address string) string {
	last := address[len(address)-1]
	other := byte('0')
	if last == other {
		other = '1'
	}
	return address[:len(address)-1] + string(other)
}

// TestA26: with the automatic relay on, what a browser or an encoder publishes has its stream id without further calls, plays by
// it, and goes to the CDN, with addresses that it signs anew. The CDN is another weir, which takes Tencent's dialect alone.
func TestA26(t *testing.T) {
	t.Parallel()
	const key = "a key that both have"
	cdn := start(t, "WEIR_AUTH_KEYS_PUBLISH="+key, "WEIR_PLAYBACK_WAIT=30s")
	s := start(t, "WEIR_RELAY_AUTO_ON=true", "WEIR_RELAY_AUTO_TO="+cdn.rtmp+"/live/{streamid}",
		"WEIR_RELAY_AUTO_DIALECT=tencent", "WEIR_RELAY_AUTO_KEY="+key)
	s.publish(t, "room/cam", media{video: true, audio: true})
	const id = "1400000000_room_host_main"
	checkDecodes(t, s.http+"/live/"+id+".flv", "-t", "2")
	checkDecodes(t, s.http+"/live/"+id+".m3u8", "-t", "2")
	if a := s.playURLs(t, "room/cam"); a.Play.ByID == nil || a.Play.ByID.FLV != s.http+"/live/"+id+".flv" {
		t.Errorf("the addresses are %+v", a.Play)
	}
	checkDecodes(t, cdn.http+"/live/"+id+".flv", "-t", "2")
	if _, ok := cdn.info(t, "room", "host"); !ok {
		t.Error("the CDN has another stream")
	}
	for _, text := range []string{s.log.String(), cdn.log.String()} {
		if strings.Contains(text, key) || signature.MatchString(text) {
			t.Error("a log has the key or a signature")
		}
	}
	off := start(t)
	off.publish(t, "room/cam", media{video: true})
	checkDecodes(t, off.http+"/live/room/cam.flv", "-t", "1")
	if a := off.playURLs(t, "room/cam"); a.Play.ByID != nil {
		t.Errorf("without it there is %+v", a.Play.ByID)
	}
}

// TestStreamIDs: an id belongs to one stream at a time, and a cloud's id to the room and user that it names, whatever they
// publish by; and who waits for an id gets its stream.
func TestStreamIDs(t *testing.T) {
	t.Parallel()
	s := start(t, "WEIR_PLAYBACK_WAIT=30s")
	played := make(chan error, 1)
	go func() {
		_, err := tryAsk(t.Context(), http.MethodGet, s.http+"/live/later.m3u8", request{})
		played <- err
	}()
	s.publish(t, "ids/one?streamid=later", media{video: true, audio: true})
	if err := <-played; err != nil {
		t.Error(err)
	}
	checkDecodes(t, s.http+"/live/later.flv", "-t", "1")
	refused := func(path, token string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		session, err := publish.Start(ctx, publish.Options{URL: s.http + "/whip/" + path, Token: token, H264: testdata.Path("bars-360p.h264")})
		if err == nil {
			session.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "409") {
			t.Errorf("%s: %v", path, err)
		}
	}
	refused("ids/two?streamid=later", s.token)
	refused("other/one?streamid=later", s.token)
	refused("ids/two?streamid=1400000000_ids_guest_main", s.token)
	pushIsRefused(t, "RTMP by an id that a stream has", s.rtmp+"/live/later?usersig="+s.token)
	pushIsRefused(t, "RTMP by another user's id", s.rtmp+"/live/1400000000_ids_guest_main?usersig="+s.token)

	launch(t, "ffmpeg", encoderTo(s.rtmp+"/live/1400000000_ids_host_main?usersig="+s.token)...)
	checkDecodes(t, s.http+"/live/1400000000_ids_host_main.flv", "-t", "1")
	checkDecodes(t, s.http+"/live/ids/host.flv", "-t", "1")
}

// playURLs are the addresses that the server tells of a stream.
func (s *server) playURLs(t *testing.T, path string) (g generated) {
	t.Helper()
	got := ask(t, http.MethodGet, s.http+"/api/v1/streams/"+path+"/urls", request{header: map[string]string{"Authorization": "Bearer " + s.token}})
	if err := json.Unmarshal(got.body, &g); err != nil || got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	return g
}
