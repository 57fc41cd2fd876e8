package whip

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"testing"

	"weir/bench/publish"
	"weir/mux/av"
	"weir/mux/codec/h265"
	"weir/room/live"
	"weir/testdata"
	"weir/testdata/samples"
)

var allCodecs = []av.Codec{av.CodecH264, av.CodecH265, av.CodecAV1, av.CodecVP9}

// takeAll makes a server that takes every codec.
func takeAll(o *Options, _ *live.Options) { o.Codecs = allCodecs }

// videoOffer is an offer of payload types from 100 on, each "name/rate format line".
func videoOffer(t *testing.T, types ...string) string {
	t.Helper()
	var list, lines strings.Builder
	for i, p := range types {
		pt := strconv.Itoa(100 + i)
		name, fmtp, _ := strings.Cut(p, " ")
		list.WriteString(" " + pt)
		lines.WriteString("a=rtpmap:" + pt + " " + name + "\n")
		if fmtp != "" {
			lines.WriteString("a=fmtp:" + pt + " " + fmtp + "\n")
		}
	}
	return offerText(t, "SAVPF 96", "SAVPF"+list.String(), "a=rtpmap:96 H264/90000\n", lines.String(),
		"a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\n", "")
}

// TestFormats has what is chosen of offers with several codecs, and what is answered.
func TestFormats(t *testing.T) {
	const h264, h265, av1, vp9 = "H264/90000 packetization-mode=1;profile-level-id=42e01f", "H265/90000 level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST",
		"AV1/90000 level-idx=5;profile=0;tier=0", "VP9/90000 profile-id=0"
	for _, c := range []struct {
		name   string
		types  []string
		codecs []av.Codec
		want   av.Codec
		pt     int
		fmtp   string
	}{
		{"H.264 before all", []string{"VP8/90000", vp9, av1, h265, h264}, []av.Codec{av.CodecAV1, av.CodecH264}, av.CodecH264, 104, baseline},
		{"the order of the configuration", []string{vp9, av1, h265}, []av.Codec{av.CodecAV1, av.CodecVP9}, av.CodecAV1, 101, "profile=0;level-idx=5;tier=0"},
		{"RFC 7798 7.2.2 the same back", []string{vp9, h265}, []av.Codec{av.CodecH265}, av.CodecH265, 101, "profile-id=1;tier-flag=0;level-id=93;tx-mode=SRST"},
		{"H.265 without a format line", []string{"H265/90000"}, allCodecs, av.CodecH265, 100, ""},
		{"H.265 main before main 10", []string{"H265/90000 profile-id=2", "H265/90000 profile-id=1"}, allCodecs, av.CodecH265, 101, "profile-id=1"},
		{"RFC 7798 7.1 several streams are not taken", []string{"H265/90000 tx-mode=MRST", "H265/90000 tx-mode=srst"}, allCodecs, av.CodecH265, 101, "tx-mode=srst"},
		{"RFC 7798 7.1 interleaving is not taken", []string{"H265/90000 sprop-max-don-diff=2", "H265/90000 sprop-depack-buf-nalus=1", "H265/90000 sprop-max-don-diff=0"}, allCodecs, av.CodecH265, 102, ""},
		{"AV1 main before high", []string{"AV1/90000 profile=1", "AV1/90000"}, allCodecs, av.CodecAV1, 101, ""},
		{"RFC 9628 6 profile 0 before 2", []string{"VP9/90000 profile-id=2", "VP9/90000 profile-id=0", "VP9/90000"}, allCodecs, av.CodecVP9, 101, "profile-id=0"},
		{"RFC 9628 6 profile 2 alone", []string{"VP9/90000 profile-id=2"}, allCodecs, av.CodecVP9, 100, "profile-id=2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := readOffer([]byte(videoOffer(t, c.types...)), c.codecs)
			if err != nil {
				t.Fatal(err)
			}
			if v := o.video; v.codec != c.want || int(v.params.PayloadType) != c.pt || v.params.SDPFmtpLine != c.fmtp {
				t.Errorf("took %v, payload type %d, %q", v.codec, v.params.PayloadType, v.params.SDPFmtpLine)
			}
		})
	}
	for _, types := range [][]string{{"VP8/90000"}, {"H265/90000 tx-mode=MRMT"}, {"AV1/48000"}} {
		if _, err := readOffer([]byte(videoOffer(t, types...)), allCodecs); err == nil {
			t.Errorf("%v is taken", types)
		}
	}
}

// TestSetsOfH265 is RFC 7798 7.1: the parameter sets of an offer.
func TestSetsOfH265(t *testing.T) {
	track, _ := samples.H265(t)
	sets, err := h265.ParseConfig(track.Config)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	o, err := readOffer([]byte(videoOffer(t, "H265/90000 sprop-vps="+b64(sets.VPS[0])+"; sprop-sps="+b64(sets.SPS[0])+
		"; sprop-pps="+b64(sets.PPS[0])+",KAGv!,KAGv")), allCodecs)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.video.sets) != 3 || string(o.video.sets[1]) != string(sets.SPS[0]) {
		t.Errorf("%x", o.video.sets)
	}
}

// TestAnswersOfCodecs: the answer takes the one payload type, with the start bitrate that Chromium needs.
func TestAnswersOfCodecs(t *testing.T) {
	s := newServer(t, takeAll)
	for _, types := range []string{"H265/90000 level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST", "AV1/90000 level-idx=5;profile=0;tier=0", "VP9/90000 profile-id=0", "VP9/90000"} {
		t.Run(types, func(t *testing.T) {
			text := videoOffer(t, "VP8/90000", types)
			answer := s.answerTo(text, aLocalClient)
			f := format(t, answer, "video")
			if f["x-google-start-bitrate"] != "2000" || !strings.Contains(answer, "SAVPF 101\r\n") {
				t.Errorf("the answer is\n%s", answer)
			}
			for _, k := range []string{"profile-id", "profile", "tx-mode"} {
				if want := f[k]; strings.Contains(types, k+"=") && !strings.Contains(types, k+"="+want) {
					t.Errorf("%s is %q", k, want)
				}
			}
		})
	}
}

// TestMediaOfCodecs: what a publisher sends comes into the hub byte for byte.
func TestMediaOfCodecs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file   string
		sample func(t testing.TB) (av.Track, []*av.Frame)
	}{
		{"bars-360p.h265", samples.H265}, {"bars-360p-av1.ivf", samples.AV1}, {"bars-360p-vp9.ivf", samples.VP9},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			track, frames := c.sample(t)
			s := newServer(t, takeAll)
			p := s.start(t, publish.Options{Video: testdata.Path(c.file), FPS: 60, RTX: true, SkipPLI: true})
			stream := s.stream(t, "cam")
			v := watch(t, stream, live.StartOldest)
			if err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "all that was sent", func() bool { return stream.Info().Frames >= uint64(len(frames)) })
			tracks := stream.Tracks()
			if err := p.Delete(t.Context()); err != nil {
				t.Fatal(err)
			}
			<-v.done
			if got := tracks.Video(); got == nil || !got.Same(&track) {
				t.Errorf("track %+v, want %+v", got, track)
			}
			got := v.media(videoID)
			if len(got) != len(frames) {
				t.Fatalf("%d of %d frames", len(got), len(frames))
			}
			for i, f := range got {
				if !bytes.Equal(f.Data, frames[i].Data) || f.Key != frames[i].Key || f.Codec != track.Codec {
					t.Errorf("frame %d differs", i)
				}
			}
		})
	}
}
