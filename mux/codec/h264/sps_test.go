package h264

import (
	"encoding/hex"
	"errors"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The sets were made by x264 (core 164) through ffmpeg 5.1, but for those that say otherwise.
const (
	spsHigh1080   = "67640028acd940780227e5c044000003000400000300c83c60c658"
	spsMain       = "674d401ed900a02ff93011000003000100000300320f162e48"
	spsHigh422    = "677a000db6cd941519e222f011000003000100000300320f142996"
	spsHigh444    = "67f4000d919b282a33c2119808800000030080000019078a14cb"
	spsGray       = "6764000df365054678f8bc05b2000003000200000300641e28532c"
	spsInterlaced = "67640028acd94078044fde0220000003002000000643e2c5b2c0"
	spsIntra      = "676e100ca6cb82833f3e022000000300200000064080"
	spsBaseline   = "6742c01ed900a02ff97011000003000100000300320f162e48"
	// The one above with another time_scale and num_units_in_tick (E.1.1), set by hand.
	spsTicks   = "6742c01ed900a02ff970110000030001000007d00f162e48"
	spsNoTicks = "6742c01ed900a02ff9701100000300000300000300320f162e48"
	// Main profile, picture order type 2, 320x240, written by hand from 7.3.2.1.1.
	spsOrder2 = "674d001eda0507e4"
)

var casesSPS = []struct {
	name, nal string
	want      SPS
}{
	{"high, 1080 lines of 1088", spsHigh1080, SPS{1920, 1080, 100, 0, 40, true, 25}},
	{"main without B pictures", spsMain, SPS{640, 362, 77, 0x40, 30, false, 25}},
	{"4:2:2, 10 bits", spsHigh422, SPS{322, 182, 122, 0, 13, true, 25}},
	{"4:4:4, odd size", spsHigh444, SPS{321, 181, 244, 0, 13, true, 25}},
	{"monochrome", spsGray, SPS{322, 182, 100, 0, 13, true, 25}},
	{"interlaced", spsInterlaced, SPS{1920, 1080, 100, 0, 40, true, 25}},
	{"intra profile", spsIntra, SPS{320, 180, 110, 0x10, 12, false, 25}},
	{"constrained baseline", spsBaseline, SPS{640, 360, 66, 0xc0, 30, false, 25}},
	{"1000 ticks a second are no rate", spsTicks, SPS{640, 360, 66, 0xc0, 30, false, 0}},
	{"ticks of no time", spsNoTicks, SPS{640, 360, 66, 0xc0, 30, false, 0}},
	{"picture order type 2", spsOrder2, SPS{320, 240, 77, 0, 30, false, 0}},
}

func TestParseSPS(t *testing.T) {
	for _, c := range casesSPS {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseSPS(unhex(t, c.nal))
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestParseSPSRefuses(t *testing.T) {
	long := append(unhex(t, spsBaseline), make([]byte, maxSPSSize)...)
	for name, nal := range map[string][]byte{
		"nothing":           nil,
		"header only":       {0x67},
		"another type":      unhex(t, "68ebc3cb22c0"),
		"cut short":         unhex(t, spsHigh1080)[:7],
		"more than 1 KiB":   long,
		"all ones":          unhex(t, "67ffffffffffffff"),
		"all zeros":         unhex(t, "6700000000000000000000"),
		"16400 pixels wide": unhex(t, "674d001eda0010047e40"),
		"cropped to 0 rows": unhex(t, "674d001eda0507fc0f34"),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseSPS(nal); !errors.Is(err, ErrSPS) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func FuzzParseSPS(f *testing.F) {
	for _, c := range casesSPS {
		f.Add(unhex(f, c.nal))
	}
	f.Fuzz(func(t *testing.T, nal []byte) {
		s, err := ParseSPS(nal)
		if err != nil {
			if !errors.Is(err, ErrSPS) {
				t.Fatalf("a foreign error: %v", err)
			}
			return
		}
		if s.Width < 1 || s.Width > maxDimension || s.Height < 1 || s.Height > maxDimension {
			t.Fatalf("size out of bounds: %+v", s)
		}
		sps, _, err := ParseConfig(AppendConfig(nil, [][]byte{nal}, nil))
		if err != nil || string(sps[0]) != string(nal) {
			t.Fatalf("the set is not in its own record: %v", err)
		}
	})
}
