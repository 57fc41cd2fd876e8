package whep

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tencentyun/tls-sig-api-v2-golang/tencentyun"

	"weir/room/auth"
	"weir/room/live"
	"weir/rtc/signaling"
)

// signedServer is a server where playing needs authority.
func signedServer(t testing.TB) *server {
	t.Helper()
	return newServer(t, func(o *Options, _ *live.Options) { o.Auth = newAuthorizer(t, auth.Options{PlaySigned: true}) })
}

// limited is a UserSig for the room and some rights in it.
func limited(t testing.TB, rights auth.Rights) string {
	t.Helper()
	return must(tencentyun.GenPrivateMapKeyWithStringRoomID(testApp, testKey, "ann", 3600, "room", uint32(rights|auth.RightEnterRoom)))
}

// declined tells which kinds of media an answer declines (RFC 3264 6: port 0).
func declined(answer string) (sound, pictures bool) {
	return strings.Contains(answer, "m=audio 0 "), strings.Contains(answer, "m=video 0 ")
}

// TestRightsOfAToken: whoever may receive sound alone is not sent the picture, nor the other way round.
func TestRightsOfAToken(t *testing.T) {
	t.Parallel()
	s := signedServer(t)
	s.publish(testVideo, testAudio)

	ears := s.watch(viewerOptions{token: limited(t, auth.RightReceiveAudio)})
	if sound, pictures := declined(ears.answer); sound || !pictures {
		t.Errorf("for sound alone the answer is\n%s", ears.answer)
	}
	eyes := s.watch(viewerOptions{token: limited(t, auth.RightReceiveVideo)})
	if sound, pictures := declined(eyes.answer); !sound || pictures {
		t.Errorf("for pictures alone the answer is\n%s", eyes.answer)
	}
	both := s.watch(viewerOptions{token: limited(t, auth.RightReceiveAudio|auth.RightReceiveVideo)})
	ears.hears(20)
	eyes.sees(20)
	both.hears(1)
	both.sees(1)
	if n := len(ears.shown()); n != 0 {
		t.Errorf("%d pictures came to who may receive sound alone", n)
	}
	if n := eyes.heard(); n != 0 {
		t.Errorf("%d packets of sound came to who may receive pictures alone", n)
	}
}

// TestRightsOfferNothing: an offer of which the token allows nothing is forbidden.
func TestRightsOfferNothing(t *testing.T) {
	s := signedServer(t)
	s.publish(testVideo, testAudio)
	offer := strings.Replace(chromiumOffer(t), "m=audio ", "m=text ", 1)
	w := s.call(call{
		method: "POST", path: "/whep/room/cam?usersig=" + url.QueryEscape(limited(t, auth.RightReceiveAudio)),
		kind: signaling.KindSDP, body: offer,
	})
	if w.Code != http.StatusForbidden || w.Header().Get("Code") != "forbidden" {
		t.Errorf("%d %s %s", w.Code, w.Header().Get("Code"), w.Body)
	}
}

// TestRightsWherePlayingIsOpen: a token takes nothing from its user that nobody needs one for.
func TestRightsWherePlayingIsOpen(t *testing.T) {
	s := newServer(t)
	s.publish(testVideo, testAudio)
	v := s.watch(viewerOptions{token: limited(t, auth.RightReceiveAudio)})
	v.sees(1)
}
