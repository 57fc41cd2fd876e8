package signaling

import (
	"errors"
	"strings"
	"testing"
)

// fragments are the cases of the table test and the seeds of the fuzz test.
var fragments = []struct {
	name, text string
	status     int // 0 when it is taken
	candidates int
	ufrag      string
	end        bool
}{
	{"RFC 8840 9.1: candidates of a section", "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\n" +
		"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag 8hhY network-id 1\r\na=end-of-candidates\r\n", 0, 1, "8hhY", true},
	{"credentials in the section", "m=audio 9 RTP/AVP 0\na=mid:0\na=ice-ufrag:8hhY\na=ice-pwd:asd88fgpdd777uzjYhagZg\n", 0, 0, "8hhY", false},
	{"credentials twice, the same", "a=ice-ufrag:8hhY\na=ice-pwd:asd88fgpdd777uzjYhagZg\nm=audio 9 RTP/AVP 0\na=ice-ufrag:8hhY\na=ice-pwd:asd88fgpdd777uzjYhagZg\n", 0, 0, "8hhY", false},
	{"RFC 8840 9.2: what is not known", "a=ice-options:trickle\na=x-future:1\na=end-of-candidates\n", 0, 0, "", true},
	{"a candidate in no section", "a=candidate:1 1 UDP 1 2001:db8::1 1 typ srflx raddr 10.0.0.1 rport 9\n", 0, 1, "", false},
	{"credentials twice, others", "a=ice-ufrag:8hhY\nm=audio 9 RTP/AVP 0\na=ice-ufrag:9iiZ\n", 422, 0, "", false},
	{"empty", "", 400, 0, "", false},
	{"nothing of ICE", "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n", 400, 0, "", false},
	{"another line", "v=0\r\na=end-of-candidates\r\n", 400, 0, "", false},
	{"RFC 8839 5.4: a short ufrag", "a=ice-ufrag:abc\na=ice-pwd:asd88fgpdd777uzjYhagZg\n", 400, 0, "", false},
	{"RFC 8839 5.4: a short password", "a=ice-ufrag:abcd\na=ice-pwd:asd88fgpdd777uzjYhag\n", 400, 0, "", false},
	{"RFC 8839 5.4: a long ufrag", "a=ice-ufrag:" + strings.Repeat("a", 257) + "\na=ice-pwd:asd88fgpdd777uzjYhagZg\n", 400, 0, "", false},
	{"RFC 8839 5.4: another character", "a=ice-ufrag:ab d\na=ice-pwd:asd88fgpdd777uzjYhagZg\n", 400, 0, "", false},
	{"RFC 8839 5.1: a port too large", "a=candidate:1 1 udp 1 192.0.2.1 65536 typ host\n", 400, 0, "", false},
	{"RFC 8839 5.1: no type", "a=candidate:1 1 udp 1 192.0.2.1 65535 type host\n", 400, 0, "", false},
	{"RFC 8839 5.1: a long foundation", "a=candidate:" + strings.Repeat("1", 33) + " 1 udp 1 192.0.2.1 1 typ host\n", 400, 0, "", false},
	{"as many as may be, and more", strings.Repeat("a=candidate:1 1 udp 1 192.0.2.1 1 typ host\n", 2*MaxCandidates), 0, MaxCandidates, "", false},
}

func TestFragment(t *testing.T) {
	for _, tc := range fragments {
		f, err := ParseFragment(tc.text)
		var no *RefusedError
		if errors.As(err, &no) != (tc.status != 0) || no != nil && no.Status != tc.status {
			t.Errorf("%s: %v, want %d", tc.name, err, tc.status)
			continue
		}
		if err == nil && (len(f.Candidates) != tc.candidates || f.Ufrag != tc.ufrag || f.End != tc.end) {
			t.Errorf("%s: %+v", tc.name, f)
		}
	}
	f, _ := ParseFragment(fragments[0].text)
	if c := f.Candidates[0]; c.MID != "1" || c.Ufrag != "8hhY" || !strings.HasPrefix(c.Value, "candidate:1387637174 1 udp ") {
		t.Errorf("%+v", c)
	}
}

// Whatever comes is taken within the bounds or refused with a 4xx.
func FuzzFragment(f *testing.F) {
	for _, tc := range fragments {
		f.Add(tc.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseFragment(text)
		var no *RefusedError
		switch {
		case err != nil && (!errors.As(err, &no) || no.Status/100 != 4):
			t.Fatalf("%v", err)
		case err == nil && (len(got.Candidates) > MaxCandidates || (got.Ufrag == "") != (got.Pwd == "") || strings.ContainsAny(got.Ufrag+got.Pwd, "\r\n ")):
			t.Fatalf("%+v", got)
		}
	})
}

// A candidate's address is as long as its sender likes; what is remembered of it is not.
func TestDescriptionsAreBounded(t *testing.T) {
	long := strings.Repeat("a", 16<<10)
	got := Describe("candidate:1 1 UDP 1 " + long + " 9 typ host")
	if want := ("udp " + long)[:maxDescription]; got != want {
		t.Errorf("%d bytes", len(got))
	}
	if got := Describe("1 1 udp 1 2001:db8::1 9 typ host generation 0"); got != "udp 2001:db8::1 9 host" {
		t.Errorf("%q", got)
	}
}
