package e2e

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"weir/bench/receive"
)

// together is a stream among others.
type together struct {
	name string
	whip bool // published by WHIP, else by RTMP
	sent func() ledger
	end  func(t *testing.T)

	lossless map[string]*viewer // by TCP from the publisher's node on
	hls      *player
	whep     *watcher // of WHIP alone: the encoder sends B pictures
	pushed   *viewer  // at the server that it is pushed to by WHIP
}

// TestTogether: two publishers by WHIP and two by RTMP at once. What each of them sends comes out whole, byte for byte and with
// sound at its picture, in every form, at a node in front, at the servers that it is pushed to, and in recordings.
func TestTogether(t *testing.T) { //nolint:tparallel // its parts look at what came
	t.Parallel()
	nginx, far, dir := startReceiver(t), start(t), t.TempDir()
	rules, err := json.Marshal([]map[string]string{
		{"match": "live/*", "to": nginx.URL + "/{stream}"},
		{"match": "live/w*", "to": far.http + "/whip/pushed/{stream}", "token": far.token},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, nodeKey, keepAll, "WEIR_RELAY_RULES="+string(rules), "WEIR_DATA_DIR="+dir,
		`WEIR_RECORD_RULES=[{"match":"live/*"},{"match":"live/*","format":"flv"}]`)
	front := start(t, nodeKey, "WEIR_EDGE_ORIGINS="+s.http)
	all := []*together{s.whip(t, "w1"), s.whip(t, "w2"), s.encoder(t, "r1"), s.encoder(t, "r2")}
	for _, st := range all {
		s.awaitState(t, "live", st.name, "live")
		st.watch(t, s, front, far)
	}
	for _, st := range all {
		st.lossless["FLV"].untilLength(t, 8*time.Second)
	}
	for _, st := range all {
		st.end(t)
	}
	for _, st := range all {
		t.Run(st.name, func(t *testing.T) {
			st.check(t)
			st.checkFiles(t, s, nginx, dir)
		})
	}
}

// whip publishes the samples.
func (s *server) whip(t *testing.T, name string) *together {
	t.Helper()
	src := s.publish(t, "live/"+name, media{video: true, audio: true})
	return &together{name: name, whip: true, sent: src.ledger, end: src.delete}
}

// encoder publishes as encoders do.
func (s *server) encoder(t *testing.T, name string) *together {
	t.Helper()
	p, sent := s.push(t, "live/"+name, encoderSample(t)), encoderSent(t)
	return &together{name: name, sent: func() ledger { return sent }, end: func(t *testing.T) { t.Helper(); p.end(t, syscall.SIGINT) }}
}

// watch begins to play it everywhere.
func (st *together) watch(t *testing.T, s, front, far *server) {
	t.Helper()
	address, as := "/live/live/"+st.name, ""
	if st.whip {
		as = "?audio=opus" // as it is sent
		st.whep = s.watchWHEP(t, "live/"+st.name)
		far.awaitState(t, "pushed", st.name, "live")
		st.pushed = watch(t, far.http+"/live/pushed/"+st.name+".flv"+as)
	}
	st.lossless = map[string]*viewer{
		"FLV": watch(t, s.http+address+".flv"+as), "WS-FLV": watchWS(t, s.http+address+".flv"+as),
		"FLV in front": watch(t, front.http+address+".flv"+as),
	}
	st.hls = play(t, s.http+address+".m3u8")
}

// check compares what viewers got, when it is over.
func (st *together) check(t *testing.T) {
	t.Helper()
	st.hls.untilEnd(t)
	outputs := map[string]ledger{"HLS": st.hls.ledger(t)}
	for name, v := range st.lossless {
		if err := v.ended(t); err != nil {
			t.Errorf("%s was cut: %v", name, err)
		}
		outputs[name] = v.ledger(t)
	}
	for name, came := range outputs {
		t.Log(name)
		checkWhole(t, st.sent(), came)
	}
	if !st.whip {
		return
	}
	if err := st.pushed.ended(t); err != nil {
		t.Errorf("what was pushed by WHIP was cut: %v", err)
	}
	checkPart(t, st.sent(), st.pushed.ledger(t), 0.9, atArrival)
	checkPart(t, st.sent(), st.whep.ledger(t), 0.9, 20*time.Millisecond)
}

// checkFiles compares what was recorded, here and by a server that it was pushed to.
func (st *together) checkFiles(t *testing.T, s *server, nginx *receive.RTMP, dir string) {
	t.Helper()
	checked := 0
	eventually(t, "recordings to be complete", func() bool {
		checked = 0
		for _, r := range s.recordings(t) {
			if r.Stream == st.name && r.State == "complete" {
				checked++
			}
		}
		return checked == 2
	})
	flv := []string{onlyRecording(t, nginx, st.name)}
	for _, r := range s.recordings(t) {
		switch {
		case r.Stream != st.name:
		case len(r.Files) != 1:
			t.Errorf("%+v", r)
		case r.Format == "mp4":
			checkWhole(t, st.sent(), ledgerOfMP4(t, ask(t, http.MethodGet, r.Files[0].URL, request{}).body))
		default:
			flv = append(flv, filepath.Join(dir, "recordings", "1400000000", r.ID, r.Files[0].Name))
		}
	}
	for _, file := range flv {
		video, audio, _ := framesOf(t, file)
		came := ledgerOf(t, video, audio)
		if !st.whip {
			checkWhole(t, st.sent(), came)
			continue
		}
		if p := pass(st.sent().pictures, came.pictures, 0); !p.holds(1) { // its sound is AAC now
			t.Errorf("%s: pictures: %v", filepath.Base(file), p)
		}
		checkShare(t, "sounds", came.sounds, 0.95)
	}
}
