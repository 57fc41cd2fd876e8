package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// testSecrets is the canary (SEC-03): after all that was done with a known key and known tokens, neither stands in
// what the server wrote or shows. The log is that of level debug, which has every request.
func testSecrets(t *testing.T, s *server) {
	marks := []string{"/live/secret/cam.flv", "/live/secret/cam.m3u8", "/live", "/api/v1/streams", "/studio"}
	shown := []string{}
	for _, path := range marks {
		for _, token := range []string{s.token, s.adminToken} {
			a := get(t, s.http+path+"?usersig="+token)
			shown = append(shown, string(a.body))
		}
	}
	a := ask(t, http.MethodPost, s.http+"/whip/secret/cam?usersig="+s.token, request{
		body: "no offer", header: map[string]string{"Content-Type": "application/sdp"},
	})
	shown = append(shown, string(a.body), string(get(t, s.admin+"/metrics").body),
		string(get(t, s.admin+"/debug/pprof/cmdline").body))
	log := s.log.String()
	for _, path := range marks {
		if !strings.Contains(log, `"path":"`+path+`"`) {
			t.Errorf("the log does not have the request for %s: there is nothing to search", path)
		}
	}
	for name, secret := range map[string]string{
		"the key": authKey, "a publisher's token": longestWord(s.token), "an administrator's token": longestWord(s.adminToken),
	} {
		if n := strings.Count(log, secret); n > 0 {
			t.Errorf("%s stands in the log %d times", name, n)
		}
		if n := strings.Count(strings.Join(shown, "\n"), secret); n > 0 {
			t.Errorf("%s stands in answers %d times", name, n)
		}
	}
}

// longestWord is the longest piece of a token that looks the same in a URL, in JSON and by itself.
func longestWord(token string) string {
	words := strings.FieldsFunc(token, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return slices.MaxFunc(words, func(a, b string) int { return len(a) - len(b) })
}
