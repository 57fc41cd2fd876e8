package live

import (
	"errors"
	"slices"
	"testing"
	"time"

	"weir/mux/av"
)

// shownAt are the times in ms of the pictures that readers get, key pictures below zero.
func shownAt(frames []Frame) (out []int) {
	for _, f := range frames {
		if f.Kind != av.KindMedia || !f.Codec.IsVideo() {
			continue
		}
		at := int(f.DTS / ms)
		if f.Key {
			at = -at
		}
		out = append(out, at)
	}
	return out
}

// filming publishes a key picture at 1000 ms and, if it moves, another one behind it, with sound up to the present.
func filming(t *testing.T, moves bool) (p *Publisher, r *Reader[Frame], sounds func(to int)) {
	t.Helper()
	p = mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 2})
	mustWrite(t, p, config(videoTrack, 0), config(stereoTrack, 0), video(1000*ms, true))
	if moves {
		mustWrite(t, p, video(1040*ms, false))
	}
	r = p.Stream().NewReader(ReaderOptions{Start: StartOldest})
	t.Cleanup(r.Close)
	next := 1000
	return p, r, func(to int) {
		for ; next < to; next += 20 {
			mustWrite(t, p, sound(stereoTrack, time.Duration(next)*ms))
		}
	}
}

func TestStillPictures(t *testing.T) {
	p, r, sounds := filming(t, true)
	sounds(2900)
	if got := shownAt(readAll(t, r)); !slices.Equal(got, []int{-1000, 1040}) {
		t.Errorf("before its time: %v", got)
	}
	sounds(5200)
	if got := shownAt(readAll(t, r)); !slices.Equal(got, []int{-3000, -4000, -5000}) {
		t.Errorf("while there are none: %v", got)
	}
	if i := p.Stream().Info(); i.Repeated != 3 {
		t.Errorf("%d pictures shown again", i.Repeated)
	}
	// A picture behind what was shown cannot be decoded from it.
	if err := p.Write(video(5200*ms, false)); !errors.Is(err, ErrStill) {
		t.Errorf("a picture behind a still one: %v", err)
	}
	mustWrite(t, p, video(5240*ms, true), video(5280*ms, false))
	sounds(7000)
	if got := shownAt(readAll(t, r)); !slices.Equal(got, []int{-5240, 5280}) {
		t.Errorf("afterwards: %v", got)
	}
}

// TestStillScreen: where nothing came behind the key picture, what comes next can follow it again.
func TestStillScreen(t *testing.T) {
	p, r, sounds := filming(t, false)
	sounds(5000)
	mustWrite(t, p, video(5000*ms, false))
	if got := shownAt(readAll(t, r)); !slices.Equal(got, []int{-1000, -3000, -4000, 5000}) {
		t.Errorf("pictures at %v", got)
	}
}

// TestPictureOvertakenByAStillOne: it is dropped, since its time is taken, and with it all that may need it.
func TestPictureOvertakenByAStillOne(t *testing.T) {
	p, r, sounds := filming(t, false)
	sounds(3100)
	if err := p.Write(video(2990*ms, false)); !errors.Is(err, ErrOrder) {
		t.Errorf("a picture of before the still one: %v", err)
	}
	if err := p.Write(video(3030*ms, false)); !errors.Is(err, ErrStill) {
		t.Errorf("a picture behind it: %v", err)
	}
	mustWrite(t, p, video(3110*ms, true), video(3150*ms, false))
	if got := shownAt(readAll(t, r)); !slices.Equal(got, []int{-1000, -3000, -3110, 3150}) {
		t.Errorf("pictures at %v", got)
	}
}

// TestSlowPicturesAreLeftAlone: one picture in less than two seconds is what a still screen gives.
func TestSlowPicturesAreLeftAlone(t *testing.T) {
	p, r, sounds := filming(t, true)
	for at := 2900; at < 20_000; at += 1900 {
		sounds(at)
		mustWrite(t, p, video(time.Duration(at)*ms, false))
	}
	if n := p.Stream().Info().Repeated; n != 0 {
		t.Errorf("%d pictures shown again", n)
	}
	readAll(t, r)
}

// TestBurstOfSound: sound that was held up with the pictures and comes before them does not stand for their absence.
func TestBurstOfSound(t *testing.T) {
	p, _, sounds := filming(t, true)
	sounds(1100)
	mustWrite(t, p, sound(stereoTrack, 6000*ms), video(6000*ms, false))
	if i := p.Stream().Info(); i.Repeated != 0 || i.Misfits != 0 {
		t.Errorf("%d pictures shown again, %d misfits", i.Repeated, i.Misfits)
	}
}

// TestStillPicturesNeverGoBack: sound may be far behind the pictures.
func TestStillPicturesNeverGoBack(t *testing.T) {
	p, r, sounds := filming(t, true)
	mustWrite(t, p, video(6000*ms, true))
	sounds(5900)
	if got := shownAt(readAll(t, r)); !slices.Equal(got, []int{-1000, 1040, -6000}) {
		t.Errorf("pictures at %v", got)
	}
}

// TestStillPicturesAreAsFarBehind the sound as pictures were, so that there is room for one that comes.
func TestStillPicturesAreAsFarBehind(t *testing.T) {
	p, r, sounds := filming(t, true)
	sounds(1500)
	mustWrite(t, p, video(1080*ms, false))
	sounds(3500)
	mustWrite(t, p, video(3120*ms, true))
	if got := shownAt(readAll(t, r)); !slices.Equal(got, []int{-1000, 1040, 1080, -3080, -3120}) {
		t.Errorf("pictures at %v", got)
	}
}

// TestStillBehindAnotherConfiguration: the old key picture is none of the new track.
func TestStillBehindAnotherConfiguration(t *testing.T) {
	p, r, sounds := filming(t, true)
	wide := videoTrack
	wide.Width = 1280
	mustWrite(t, p, config(wide, 1080*ms))
	sounds(9000)
	if got := shownAt(readAll(t, r)); !slices.Equal(got, []int{-1000, 1040}) {
		t.Errorf("pictures at %v", got)
	}
	mustWrite(t, p, video(9000*ms, true))
}

// TestVideoIsHiddenAndComesBack: after a minute the video is over, and back with its next key picture.
func TestVideoIsHiddenAndComesBack(t *testing.T) {
	p, r, sounds := filming(t, true)
	sounds(70_000)
	last := shownAt(readAll(t, r))
	if at := -last[len(last)-1]; at < 59_000 || at > 61_100 {
		t.Errorf("last shown at %d ms", at)
	}
	if got := ids(p.Stream().Tracks()); !slices.Equal(got, []av.TrackID{2}) {
		t.Errorf("the tracks are %v", got)
	}
	if err := p.Write(video(70_000*ms, false)); !errors.Is(err, ErrStill) {
		t.Errorf("a picture that is no key picture: %v", err)
	}
	mustWrite(t, p, video(70_040*ms, true))
	sounds(70_100)
	got := readAll(t, r)
	if c := changes(got); !slices.Equal(c, []int{1}) {
		t.Errorf("readers are told %v", c)
	}
	if ps := shownAt(got); !slices.Equal(ps, []int{-70_040}) {
		t.Errorf("pictures at %v", ps)
	}
}

// TestHiddenVideoOfAPublisherBefore is over for good when the next one does not bring it.
func TestHiddenVideoOfAPublisherBefore(t *testing.T) {
	p, _, sounds := filming(t, true)
	sounds(70_000)
	second, err := p.stream.reg.Publish(testKey, PublishOptions{Tracks: 1, Brings: []av.TrackID{2}})
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, second, config(stereoTrack, 70_000*ms))
	if err := second.Write(video(70_040*ms, true)); !errors.Is(err, ErrNoTrack) {
		t.Errorf("a picture of a track that it does not bring: %v", err)
	}
}

// TestFillingAllocatesNothing while there is nothing to fill.
func TestFillingAllocatesNothing(t *testing.T) {
	p, _, _ := filming(t, true)
	s := p.Stream()
	picture, packet := video(1080*ms, true), sound(stereoTrack, 1080*ms)
	if n := testing.AllocsPerRun(100, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		picture.DTS += 40 * ms
		packet.DTS += 40 * ms
		s.fillLocked(picture)
		s.fillLocked(packet)
	}); n != 0 {
		t.Errorf("%v allocations for a picture and a packet", n)
	}
}

// TestStillLayers: layers are shown again each for its readers, and the main video that is one of them; after a minute
// all are over, and back.
func TestStillLayers(t *testing.T) {
	p := layered(t, runRegistry(t, longOptions()), 2)
	mustWrite(t, p, config(stereoTrack, 0))
	next := writeLayers(t, p, "qhf", 0, 30)
	r := p.Stream().NewReader(ReaderOptions{Start: StartOldest})
	t.Cleanup(r.Close)
	readAll(t, r)
	for at := next; at < next+4*time.Second; at += 20 * ms {
		mustWrite(t, p, sound(stereoTrack, at))
	}
	shown := map[av.TrackID]int{}
	for _, f := range readAll(t, r) {
		if f.Kind == av.KindMedia && f.Codec.IsVideo() {
			shown[f.Track]++
			if f.Join() != (f.Track == MainVideo) {
				t.Errorf("a picture of track %d: join %v", f.Track, f.Join())
			}
		}
	}
	if len(shown) != 4 || shown[MainVideo] != 2 {
		t.Errorf("shown again: %v", shown)
	}
	for at := next + 4*time.Second; at < next+70*time.Second; at += 20 * ms {
		mustWrite(t, p, sound(stereoTrack, at))
		if at%time.Second == 0 {
			readAll(t, r)
		}
	}
	if got := ids(p.Stream().Tracks()); !slices.Equal(got, []av.TrackID{2}) {
		t.Errorf("the tracks are %v", got)
	}
	readAll(t, r)
	for i := range 20 {
		for _, name := range []string{"q", "h", "f"} {
			mustWrite(t, p, layerFrame(name, next+70*time.Second+time.Duration(i)*40*ms, i == 0 || i == 15))
		}
	}
	if v := p.Stream().Tracks().Video(); v == nil || v.ID != MainVideo {
		t.Errorf("the video is %+v", v)
	}
	if n := len(shownAt(readAll(t, r))); n < 61 {
		t.Errorf("%d pictures of 60 and those of the main video", n)
	}
}
