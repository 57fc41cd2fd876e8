package fmp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"weir/mux/av"
	"weir/testdata/samples"
)

// recorded is a file with room for an index and three fragments of a second each.
func recorded(t testing.TB) (b []byte, fragments []Fragment, head int) {
	t.Helper()
	track, frames := samples.H265(t)
	b, err := Init(av.Tracks{track})
	if err != nil {
		t.Fatal(err)
	}
	b = AppendFree(b, 200)
	head = len(b)
	for i := range 3 {
		p := PartTrack{ID: TrackID(track.ID), BaseTime: uint64(i) * 20 * 3000}
		for _, f := range frames[i*20 : (i+1)*20] {
			p.Samples = append(p.Samples, Sample{Duration: 3000, Key: f.Key, Data: f.Data})
		}
		at := len(b)
		b = AppendPart(b, Part{Sequence: uint32(i), Tracks: []PartTrack{p}})
		fragments = append(fragments, Fragment{int64(at), int64(len(b) - at), []FragmentTrack{
			{p.ID, p.BaseTime, 60000, p.Samples[0].Key},
		}})
	}
	return b, fragments, head
}

func TestScan(t *testing.T) {
	b, want, head := recorded(t)
	for name, c := range map[string]struct {
		b         []byte
		fragments int
		whole     int64
	}{
		"whole":                      {b, 3, int64(len(b))},
		"one byte is missing":        {b[:len(b)-1], 2, want[2].Offset},
		"the data is missing":        {b[:want[2].Offset+100], 2, want[2].Offset},
		"zeros behind it":            {append(bytes.Clone(b), make([]byte, 4096)...), 3, int64(len(b))},
		"a head that says too much":  {append(bytes.Clone(b), 0xff, 0xff, 0xff, 0xff, 'm', 'o', 'o', 'f'), 3, int64(len(b))},
		"something else behind it":   {append(bytes.Clone(b), 0, 0, 0, 8, 'u', 'd', 't', 'a'), 3, int64(len(b))},
		"no fragment":                {b[:head], 0, int64(head)},
		"the first fragment in part": {b[:head+10], 0, int64(head)},
	} {
		t.Run(name, func(t *testing.T) {
			var got []Fragment
			l, err := Scan(bytes.NewReader(c.b), int64(len(c.b)), func(f Fragment) error {
				got = append(got, f)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != c.fragments || len(got) > 0 && !reflect.DeepEqual(got, want[:c.fragments]) {
				t.Errorf("fragments %+v, want %+v", got, want[:c.fragments])
			}
			if l.Whole != c.whole || l.Head != int64(head) || l.Free != int64(head)-200 || l.FreeSize != 200 || l.Indexed {
				t.Errorf("layout %+v", l)
			}
			if !reflect.DeepEqual(l.Tracks, []TrackInfo{{ID: 2, TimeScale: VideoTimeScale, Video: true}}) {
				t.Errorf("tracks %+v", l.Tracks)
			}
		})
	}
}

func TestScanErrors(t *testing.T) {
	b, _, _ := recorded(t)
	none := func(Fragment) error { return nil }
	for name, b := range map[string][]byte{
		"empty":              nil,
		"no box":             []byte("this is no file"),
		"ends in its moov":   b[:100],
		"begins with a moof": AppendPart(nil, Part{}),
	} {
		if _, err := Scan(bytes.NewReader(b), int64(len(b)), none); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Scan(bytes.NewReader(b), int64(len(b)), func(Fragment) error { return ErrCodec }); !errors.Is(err, ErrCodec) {
		t.Errorf("the caller's error is lost: %v", err)
	}
	if _, err := Scan(bytes.NewReader(b[:100]), int64(len(b)), none); err == nil {
		t.Error("the reader's error is lost")
	}
}

func FuzzScan(f *testing.F) {
	b, _, head := recorded(f)
	f.Add(b)
	f.Add(b[:head+500])
	f.Add(AppendIndex(bytes.Clone(b[:head]), &Index{References: make([]Reference, 3)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Scan(bytes.NewReader(b), int64(len(b)), func(fr Fragment) error {
			if fr.Offset < 0 || fr.Size <= 0 || fr.Offset+fr.Size > int64(len(b)) {
				t.Fatalf("a fragment %+v of %d bytes", fr, len(b))
			}
			return nil
		})
		if err == nil && (l.Whole > int64(len(b)) || l.Head > l.Whole) {
			t.Fatalf("%+v of %d bytes", l, len(b))
		}
	})
}

func TestAppendIndex(t *testing.T) {
	x := &Index{TrackID: 2, TimeScale: 90000, Earliest: 5, Gap: 8, References: []Reference{{1000, 90000, true}, {2000, 45000, false}}}
	b := AppendIndex([]byte("before"), x)[6:]
	if len(b) != x.Size() || int(binary.BigEndian.Uint32(b)) != len(b) || string(b[4:8]) != "sidx" {
		t.Fatalf("%x", b)
	}
	want := unhex("01000000" + "00000002" + "00015f90" + "0000000000000005" + "0000000000000008" + "00000002" +
		"000003e8" + "00015f90" + "90000000" + "000007d0" + "0000afc8" + "00000000")
	if !bytes.Equal(b[8:], want) {
		t.Errorf("ISO/IEC 14496-12 8.16.3: %x, want %x", b[8:], want)
	}
}

func TestMerge(t *testing.T) {
	all := []Reference{{1, 10, true}, {2, 20, true}, {3, 30, false}, {4, 40, true}, {5, 50, true}}
	for most, want := range map[int][]Reference{
		5: all, 3: {{3, 30, true}, {7, 70, false}, {5, 50, true}}, 2: {{10, 100, true}, {5, 50, true}}, 1: {{15, 150, true}},
	} {
		if got, ok := Merge(all, most); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%d: %v, want %v", most, got, want)
		}
	}
	if _, ok := Merge(all, 0); ok {
		t.Error("merged into nothing")
	}
	if _, ok := Merge([]Reference{{1 << 30, 1, true}, {1 << 30, 1, true}}, 1); ok {
		t.Error("merged beyond 31 bits")
	}
}

// ffprobe takes the duration of a file from its index, and reads what stands behind it.
func TestIndexIsRead(t *testing.T) {
	ffprobe, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Skip("ffprobe is not installed")
	}
	b, fragments, head := recorded(t)
	x := &Index{TrackID: 2, TimeScale: VideoTimeScale}
	for _, f := range fragments {
		x.References = append(x.References, Reference{uint32(f.Size), 60000, f.Tracks[0].Key})
	}
	x.Gap = uint64(200 - x.Size())
	index := AppendFree(AppendIndex(nil, x), int(x.Gap))
	copy(b[head-200:], index)
	l, err := Scan(bytes.NewReader(b), int64(len(b)), func(Fragment) error { return nil })
	if err != nil || !l.Indexed || l.Whole != int64(len(b)) || l.Head != int64(head) {
		t.Fatalf("%+v, %v", l, err)
	}
	name := filepath.Join(t.TempDir(), "r.mp4")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), ffprobe, "-v", "warning", "-count_frames", "-show_entries", "format=duration:stream=nb_read_frames", "-of", "csv=p=0", name).CombinedOutput()
	if err != nil || strings.Fields(string(out))[0] != "60" || strings.Fields(string(out))[1] != "2.000000" {
		t.Errorf("%v\n%s", err, out)
	}
}
