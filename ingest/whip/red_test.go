package whip

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/ingest/depacket"
	"weir/mux/av"
	"weir/room/live"
)

// RFC 2198: redundancy is taken where it is offered for the very Opus that is, and stands first in the answer.
func TestREDIsAnswered(t *testing.T) {
	s := newServer(t)
	for _, tc := range []struct {
		name, formats, lines string
		want                 []string
	}{
		{"not offered", "111", "", []string{"111"}},
		{"as Chromium has it", "111 63", "a=rtpmap:63 red/48000/2\na=fmtp:63 111/111\n", []string{"63", "111"}},
		{"first", "63 111", "a=rtpmap:63 red/48000/2\na=fmtp:63 111/111\n", []string{"63", "111"}},
		{"two copies", "111 63", "a=rtpmap:63 red/48000/2\na=fmtp:63 111/111/111\n", []string{"63", "111"}},
		{"of another type", "111 63", "a=rtpmap:63 red/48000/2\na=fmtp:63 111/0\n", []string{"111"}},
		{"without a format line", "111 63", "a=rtpmap:63 red/48000/2\n", []string{"111"}},
		{"mono", "111 63", "a=rtpmap:63 red/48000\na=fmtp:63 111/111\n", []string{"111"}},
		{"at another rate", "111 63", "a=rtpmap:63 red/8000/2\na=fmtp:63 111/111\n", []string{"111"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const opusLine = "a=rtpmap:111 opus/48000/2\n"
			answer := s.answerTo(offerText(t, "SAVPF 111", "SAVPF "+tc.formats, opusLine, opusLine+tc.lines), aLocalClient)
			for _, m := range sections(t, answer) {
				if m.MediaName.Media == "audio" && !slices.Equal(m.MediaName.Formats, tc.want) {
					t.Errorf("answered %v, want %v", m.MediaName.Formats, tc.want)
				}
			}
			if len(tc.want) == 2 && !strings.Contains(answer, "a=rtpmap:63 red/48000/2\r\n") {
				t.Errorf("nothing says what 63 is:\n%s", answer)
			}
		})
	}
}

// RFC 4588 8.6: retransmission is agreed on however its format line says for which payload type.
func TestRTXSpellings(t *testing.T) {
	s := newServer(t)
	for _, line := range []string{"apt=96", "apt=96;rtx-time=3000", "rtx-time=3000; apt=96", " apt=96"} {
		text := offerText(t, "SAVPF 96", "SAVPF 96 97", plainSection,
			plainSection+"a=ssrc-group:FID 1 2\na=ssrc:1 cname:a\na=ssrc:2 cname:a\na=rtpmap:97 rtx/90000\na=fmtp:97 "+line+"\n")
		answer := s.answerTo(text, aLocalClient)
		if !strings.Contains(answer, "a=fmtp:97 apt=96\r\n") {
			t.Errorf("offered %q, answered:\n%s", line, answer)
		}
		o, err := readOffer([]byte(text), h264Only)
		if err != nil || o.video.rtx == nil || o.video.rtx.SDPFmtpLine != "apt=96" {
			t.Errorf("offered %q: %v, %+v", line, err, o)
		}
	}
}

// Packets of redundant data are taken apart, plain ones and those of a type nobody agreed on between them.
func TestTrackTakesRED(t *testing.T) {
	hub := live.NewRegistry(live.Options{
		RingBytes: 1 << 20, RingTime: time.Hour, Fresh: time.Minute, Grace: time.Minute, TrackWait: time.Second, MaxStreams: 1,
	})
	p := must(hub.Publish(key("cam"), live.PublishOptions{Tracks: 1, Brings: []av.TrackID{audioID}}))
	defer p.End(errDeleted)
	h := &Handler{opts: Options{Reorder: time.Hour}}
	s := &session{handler: h, log: slog.New(slog.DiscardHandler), feedback: newFeedback(nil, 1, newStats(h))}
	s.attach(p)
	format := func(pt webrtc.PayloadType) webrtc.RTPCodecParameters {
		return webrtc.RTPCodecParameters{PayloadType: pt, RTPCodecCapability: webrtc.RTPCodecCapability{ClockRate: 48000}}
	}
	red := format(63)
	track := newTrack(s, &section{kind: webrtc.RTPCodecTypeAudio, codec: av.CodecOpus, params: format(111), red: &red}, audioID, nil)
	r := p.Stream().NewReader(live.ReaderOptions{Name: "test", Start: live.StartOldest})
	defer r.Close()
	send := func(seq uint16, pt uint8, payload ...byte) {
		now := s.now()
		track.take(&depacket.Packet{Seq: seq, Timestamp: 960 * uint32(seq), Type: pt, Payload: payload, Arrival: now}, now)
	}
	const music = 31 << 3
	send(10, 111, music, 10)
	// 11 is lost, and 12 has a copy of it.
	send(12, 63, 1<<7|111, 960>>6, 960<<2&0xff, 2, 111, music, 11, music, 1, 2, 3, 12)
	send(13, 13, music, 99) // comfort noise (RFC 3389), say
	send(14, 111, music, 14)
	var got []byte
	for _, f := range read(t, r) {
		if f.Kind == av.KindMedia {
			got = append(got, f.Data[len(f.Data)-1])
		}
	}
	if want := []byte{10, 11, 12, music, 14}; !slices.Equal(got, want) { // a packet of no sound in the place of 13
		t.Errorf("the packets end with %v, want %v", got, want)
	}
	if f := track.figures(); f.Packets.Received != 4 || f.Packets.Restored != 1 || f.Packets.Lost != 0 || f.Gaps != 1 {
		t.Errorf("%+v", f)
	}
}

// read is what a stream has for a reader.
func read(t *testing.T, r *live.Reader[live.Frame]) []live.Frame {
	t.Helper()
	var batch [16]live.Frame
	n, err := r.ReadBatch(t.Context(), batch[:])
	if err != nil {
		t.Fatal(err)
	}
	return batch[:n]
}
