package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"weir/bench/publish"
	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/mux/codec/h265"
	"weir/testdata"
)

// reel is coded pictures with their parameter sets, from a key frame on.
type reel struct {
	track    av.Track
	pictures []av.Frame // Key and Data
}

// readReel makes a reel of an H.264 file.
func readReel(t *testing.T, path string) *reel {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := new(reel)
	var sps, pps [][]byte
	for _, u := range publish.SplitAccessUnits(raw) {
		f := av.Frame{Key: u.Key}
		for _, nal := range u.NALs {
			switch h264.NALType(nal[0]) {
			case h264.NALSPS:
				sps = [][]byte{nal}
			case h264.NALPPS:
				pps = [][]byte{nal}
			default:
				n := len(nal)
				f.Data = append(append(f.Data, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), nal...)
			}
		}
		r.pictures = append(r.pictures, f)
	}
	info, err := h264.ParseSPS(sps[0])
	if err != nil {
		t.Fatal(err)
	}
	r.track = av.Track{
		ID: 1, Codec: av.CodecH264, ClockRate: 90000, Width: info.Width, Height: info.Height,
		Config: h264.AppendConfig(nil, sps, pps),
	}
	return r
}

// readReel265 makes a reel of an H.265 file with one slice a picture.
func readReel265(t *testing.T, path string) *reel {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := new(reel)
	var sets h265.Sets
	for nal := range bytes.SplitSeq(raw, []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00")
		if len(nal) == 0 {
			continue
		}
		switch kind := h265.NALType(nal[0]); kind {
		case h265.NALVPS:
			sets.VPS = [][]byte{nal}
		case h265.NALSPS:
			sets.SPS = [][]byte{nal}
		case h265.NALPPS:
			sets.PPS = [][]byte{nal}
		default:
			n := len(nal)
			data := append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, nal...)
			r.pictures = append(r.pictures, av.Frame{Key: h265.IsIRAP(kind), Data: data})
		}
	}
	info, err := h265.ParseSPS(sets.SPS[0])
	if err != nil {
		t.Fatal(err)
	}
	r.track = av.Track{
		ID: 1, Codec: av.CodecH265, ClockRate: 90000, Width: info.Width, Height: info.Height, Config: h265.AppendConfig(nil, sets),
	}
	return r
}

// shoot has ffmpeg make a reel of a size and profile.
func shoot(t *testing.T, size, profile string) *reel {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reel.h264")
	out, err := tool(t, "ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size="+size+":rate=30", "-t", "2",
		"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", profile,
		"-bf", "0", "-g", "60", "-x264-params", "sliced-threads=0:slices=1:repeat-headers=1:aud=0", "-f", "h264", path)
	if err != nil || out != "" {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return readReel(t, path)
}

// adtsUnits are the access units of the AAC sample.
func adtsUnits(t *testing.T) (units [][]byte) {
	t.Helper()
	raw, err := os.ReadFile(testdata.Path("tone.aac"))
	if err != nil {
		t.Fatal(err)
	}
	for len(raw) > 7 {
		n := int(raw[3]&3)<<11 | int(raw[4])<<3 | int(raw[5])>>5 // ISO/IEC 13818-7 6.2: aac_frame_length
		units, raw = append(units, raw[7:n]), raw[n:]
	}
	return units
}

// oggPackets are the packets of the Opus sample, each on a page of its own.
func oggPackets(t *testing.T) (packets [][]byte) {
	t.Helper()
	raw, err := os.ReadFile(testdata.Path("tone.ogg"))
	if err != nil {
		t.Fatal(err)
	}
	for page := range bytes.SplitSeq(raw, []byte("OggS")) {
		if len(page) < 24 { // RFC 3533 6: the page's header, then its segment table
			continue
		}
		if p := page[23+int(page[22]):]; !bytes.HasPrefix(p, []byte("Opus")) {
			packets = append(packets, p)
		}
	}
	return packets
}
