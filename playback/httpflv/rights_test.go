package httpflv

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"weir/mux/av"
	"weir/room/auth"
)

// allowed grants everybody some rights.
type allowed auth.Rights

func (a allowed) Authorize(context.Context, auth.Request) (auth.Grant, error) {
	return auth.Grant{App: 1, Rights: auth.Rights(a)}, nil
}

// rightsRig is a stream whose viewers have some rights.
func rightsRig(t *testing.T, rights auth.Rights) *rig {
	t.Helper()
	o := testOptions()
	o.Auth = allowed(rights)
	return newRig(t, o, nil)
}

// TestRightsOfAToken: whoever may receive sound or pictures alone is sent and told of nothing else, in either form of FLV.
func TestRightsOfAToken(t *testing.T) {
	const video, sound = 1, 2
	for name, tc := range map[string]struct {
		rights auth.Rights
		flags  byte // of the header (E.2): 4 sound, 1 pictures
		gets   av.TrackID
	}{
		"sound alone":    {auth.RightReceiveAudio, 4, sound},
		"pictures alone": {auth.RightReceiveVideo, 1, video},
	} {
		for form, open := range map[string]func(*rig) io.Reader{
			"FLV":    func(r *rig) io.Reader { return r.get("?audio=opus").Body },
			"WS-FLV": func(r *rig) io.Reader { return bufio.NewReaderSize(r.dialWS("?audio=opus", nil), 1<<20) },
		} {
			t.Run(name+" by "+form, func(t *testing.T) {
				r := rightsRig(t, tc.rights)
				r.publish(true, true)
				r.sounds(0, 1)
				r.pictures(1)
				p := play(t, open(r))
				if p.head[4] != tc.flags {
					t.Errorf("the header says %d, want %d", p.head[4], tc.flags)
				}
				r.pictures(9)
				r.sounds(packet, 50)
				for p.last[tc.gets] < 9*picture {
					if f := p.next(); f.Kind != av.KindData && f.Track != tc.gets {
						t.Fatalf("a frame of track %d came", f.Track)
					}
				}
			})
		}
	}
}

// TestRightsOutlastTheOtherTrack: a track that the viewer may not receive comes and goes without ending the response.
func TestRightsOutlastTheOtherTrack(t *testing.T) {
	r := rightsRig(t, auth.RightReceiveAudio)
	r.publish(false, true)
	r.sounds(0, 1)
	p := play(t, r.get("?audio=opus").Body)
	var sps, pps []byte
	r.nals, sps, pps = film(t)
	at := 10 * packet
	r.write(videoConfig(t, sps, pps, at))
	r.sounds(at, 1)
	r.write(&av.Frame{Track: 1, Codec: av.CodecH264, Key: true, DTS: at + time.Millisecond, PTS: at + time.Millisecond, Data: r.nals[0].data})
	r.write(&av.Frame{Track: 1, Kind: av.KindConfig, Codec: av.CodecH264, DTS: at + 2*time.Millisecond, PTS: at + 2*time.Millisecond})
	r.sounds(at+packet, 10)
	for p.last[2] < at+10*packet {
		if f := p.next(); f.Kind != av.KindData && f.Track != 2 {
			t.Fatalf("a frame of track %d came", f.Track)
		}
	}
}

// TestRightsToNothing: a stream that has nothing of what the viewer may receive is refused, to GET and HEAD alike.
func TestRightsToNothing(t *testing.T) {
	r := rightsRig(t, auth.RightReceiveAudio)
	r.publish(true, false)
	r.pictures(1)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		req, err := http.NewRequestWithContext(t.Context(), method, r.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden || resp.Header.Get("X-Code") != "forbidden" {
			t.Errorf("%s: %d %s", method, resp.StatusCode, resp.Header.Get("X-Code"))
		}
	}
}
