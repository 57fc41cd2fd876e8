package live

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"weir/mux/av"
	"weir/mux/codec/opus"
)

const ms = time.Millisecond

// over says that a track is over.
func over(id av.TrackID, at time.Duration) *av.Frame {
	return &av.Frame{Track: id, Kind: av.KindConfig, DTS: at, PTS: at}
}

// ids are the ids of tracks.
func ids(ts av.Tracks) (out []av.TrackID) {
	for _, t := range ts {
		out = append(out, t.ID)
	}
	return out
}

// changes are what the configurations in the ring say: the id of a track that begins, or minus that of one that is over.
func changes(frames []Frame) (out []int) {
	for _, f := range frames {
		switch {
		case f.Kind != av.KindConfig:
		case f.Config == nil:
			out = append(out, -int(f.Track))
		default:
			out = append(out, int(f.Track))
		}
	}
	return out
}

// TestTakeoverByOtherTracks: what the new publisher does not bring is over with its first frame, and the stream goes
// on; sound is replaced by silence while there are pictures.
func TestTakeoverByOtherTracks(t *testing.T) {
	opusAudio := audioTrack
	opusAudio.Config = opus.AppendHead(nil, 2, 0)
	for _, c := range []struct {
		name    string
		before  []av.Track
		brings  []av.TrackID
		first   av.Track
		tracks  []av.TrackID
		changes []int
	}{
		{"the same", []av.Track{videoTrack, opusAudio}, []av.TrackID{1, 2}, videoTrack, []av.TrackID{1, 2}, nil},
		{"not known", []av.Track{videoTrack, opusAudio}, nil, videoTrack, []av.TrackID{1, 2}, nil},
		{"sound alone", []av.Track{videoTrack, opusAudio}, []av.TrackID{2}, opusAudio, []av.TrackID{2}, []int{-1}},
		{"pictures alone: silence", []av.Track{videoTrack, opusAudio}, []av.TrackID{1}, videoTrack, []av.TrackID{1, 2}, nil},
		{"sound as well", []av.Track{videoTrack}, []av.TrackID{1, 2}, opusAudio, []av.TrackID{1, 2}, []int{2}},
		{"pictures for sound: silence", []av.Track{opusAudio}, []av.TrackID{1}, videoTrack, []av.TrackID{1, 2}, []int{1}},
		{"sound for pictures", []av.Track{videoTrack}, []av.TrackID{2}, opusAudio, []av.TrackID{2}, []int{2, -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
				first := mustPublish(t, reg, PublishOptions{Tracks: len(c.before)})
				s := first.Stream()
				for _, tr := range c.before {
					mustWrite(t, first, config(tr, 0))
				}
				mustWrite(t, first, &av.Frame{Track: c.before[0].ID, Codec: c.before[0].Codec, Key: true})
				r := s.NewReader(ReaderOptions{Start: StartOldest})
				defer r.Close()
				readAll(t, r)
				second := mustPublish(t, reg, PublishOptions{Tracks: len(c.brings), Brings: c.brings})
				if got := ids(s.Tracks()); len(got) != len(c.before) {
					t.Errorf("tracks changed before the new publisher's first frame: %v", got)
				}
				mustWrite(t, second, config(c.first, 5*ms))
				if second.Stream() != s || !errors.Is(first.Err(), ErrReplaced) {
					t.Error("the stream does not go on")
				}
				if got := ids(s.Tracks()); !slices.Equal(got, c.tracks) {
					t.Errorf("tracks %v, want %v", got, c.tracks)
				}
				if got := changes(readAll(t, r)); !slices.Equal(got, c.changes) {
					t.Errorf("readers are told %v, want %v", got, c.changes)
				}
			})
		})
	}
}

// TestTrackGoesAndComesBack: joiners get the tracks of where they join, and times go on rising.
func TestTrackGoesAndComesBack(t *testing.T) {
	p := mustPublish(t, runRegistry(t, testOptions()), PublishOptions{Tracks: 2})
	mustWrite(t, p, config(videoTrack, 0), config(audioTrack, 0), video(1*ms, true), audio(1*ms), over(1, 5*ms))
	if err := p.Write(video(6*ms, true)); !errors.Is(err, ErrNoTrack) {
		t.Errorf("a picture of a track that is over: %v", err)
	}
	mustWrite(t, p, over(1, 7*ms), audio(21*ms))
	r := p.Stream().NewReader(ReaderOptions{Start: StartNewest})
	defer r.Close()
	if ts, err := r.Start(t.Context()); err != nil || !slices.Equal(ids(ts), []av.TrackID{2}) {
		t.Errorf("a joiner at the sound gets %v, %v", ids(ts), err)
	}
	mustWrite(t, p, config(videoTrack, 30*ms))
	if err := p.Write(video(1*ms, true)); !errors.Is(err, ErrOrder) {
		t.Errorf("a picture from before the end of its track: %v", err)
	}
	mustWrite(t, p, video(30*ms, true), audio(41*ms))
	old := p.Stream().NewReader(ReaderOptions{Start: StartOldest})
	defer old.Close()
	if got := changes(readAll(t, old)); !slices.Equal(got, []int{-1, 1}) {
		t.Errorf("readers are told %v", got)
	}
	fresh := p.Stream().NewReader(ReaderOptions{})
	defer fresh.Close()
	if got := readAll(t, fresh); len(got) != 2 || got[0].DTS != 30*ms || len(fresh.Tracks()) != 2 {
		t.Errorf("a joiner at the picture gets %d frames of %v", len(got), ids(fresh.Tracks()))
	}
}

// TestNobodyJoinsBeforeTheEndOfATrack: the picture before it would be a join point.
func TestNobodyJoinsBeforeTheEndOfATrack(t *testing.T) {
	inBubble(t, testOptions(), func(t *testing.T, reg *Registry) {
		p := mustPublish(t, reg, PublishOptions{Tracks: 2})
		mustWrite(t, p, config(videoTrack, 0), config(audioTrack, 0), video(1*ms, true), over(1, 5*ms))
		got := make(chan av.Tracks)
		go func() {
			r := p.Stream().NewReader(ReaderOptions{})
			defer r.Close()
			ts, _ := r.Start(t.Context())
			got <- ts
		}()
		synctest.Wait()
		mustWrite(t, p, audio(21*ms))
		if ts := <-got; !slices.Equal(ids(ts), []av.TrackID{2}) {
			t.Errorf("the joiner gets %v", ids(ts))
		}
	})
}

// TestAACFeedFollowsTracks: the feed tells the end of its track, and passes AAC on once the source has become that.
func TestAACFeedFollowsTracks(t *testing.T) {
	e, err := newAudioEncoder(av.Tracks{videoTrack, audioTrack}, av.CodecAAC)
	if err != nil {
		t.Skip(err) // built without the encoder
	}
	aacTrack := av.Track{ID: 2, Codec: av.CodecAAC, ClockRate: 48000, Channels: 1, Config: []byte{0x11, 0x88}}
	unit := &av.Frame{Track: 2, Codec: av.CodecAAC, Key: true, DTS: 50 * ms, PTS: 50 * ms, Data: []byte{1}}
	var out []Frame
	for _, f := range []*av.Frame{over(2, 10*ms), config(aacTrack, 40*ms), unit} {
		if out, err = e.Encode(out, Frame{Frame: f}); err != nil {
			t.Fatal(err)
		}
	}
	if got := changes(out); !slices.Equal(got, []int{-2, 2}) || len(out) != 3 || out[2].Frame != unit {
		t.Errorf("%d frames, changes %v", len(out), got)
	}
	if a := e.Tracks().Audio(); a == nil || a.Channels != 1 {
		t.Errorf("the feed announces %+v", a)
	}
}
