package e2e

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/bench/publish"
	"weir/testdata"
)

// sent is one slice NAL unit that went out.
type sent struct {
	sum [32]byte
	pts time.Duration
	key bool
}

// source is a publisher that remembers its slices and its packets of sound.
type source struct {
	*publish.Session
	mu     sync.Mutex // guards the fields below
	slices []sent
	sounds []entry
}

// media says what is published.
type media struct{ video, audio bool }

// publish publishes the samples as user "host" until the test ends.
func (s *server) publish(t *testing.T, path string, m media) *source {
	t.Helper()
	src := new(source)
	o := publish.Options{
		URL: s.http + "/whip/" + path, Token: s.token, Loop: true, StapA: true, RTX: true, StereoFmtp: true,
		OnNAL: src.note, OnOpus: src.noteSound,
	}
	if m.video {
		o.H264 = testdata.Path("bars-360p.h264")
	}
	if m.audio {
		o.Ogg = testdata.Path("tone.ogg")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	session, err := publish.Start(ctx, o)
	if err != nil {
		t.Fatalf("cannot publish %s: %v", path, err)
	}
	src.Session = session
	t.Cleanup(session.Close)
	return src
}

// note implements publish.Options.OnNAL.
func (s *source) note(nal []byte, pts time.Duration) {
	kind := nal[0] & 0x1f
	if kind < 1 || kind > 5 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slices = append(s.slices, sent{sha256.Sum256(nal), pts, kind == 5})
}

// noteSound implements publish.Options.OnOpus.
func (s *source) noteSound(packet []byte, pts time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sounds = append(s.sounds, entry{sha256.Sum256(packet), pts})
}

// ledger is what went out so far. The samples' pictures have one slice each.
func (s *source) ledger() ledger {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := ledger{pictures: make([]entry, len(s.slices)), sounds: slices.Clone(s.sounds)}
	for i, n := range s.slices {
		l.pictures[i] = entry{n.sum, n.pts}
	}
	return l
}

// delete ends the publication at the server.
func (s *source) delete(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Delete(ctx); err != nil {
		t.Fatal(err)
	}
}

// find returns where the slices that arrived stand in what was sent, in one piece and byte for byte; -1 if they do
// not. The sample repeats, so of several places the one counts that is nearest to pts on the stream's clock, which
// begins less than a second before the media.
func (s *source) find(arrived [][]byte, pts time.Duration) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	best := -1
	for i := range len(s.slices) - len(arrived) + 1 {
		if !s.isAtLocked(i, arrived) {
			continue
		}
		if best < 0 || (pts-s.slices[i].pts).Abs() < (pts-s.slices[best].pts).Abs() {
			best = i
		}
	}
	return best
}

func (s *source) isAtLocked(i int, arrived [][]byte) bool {
	for k, nal := range arrived {
		if s.slices[i+k].sum != sha256.Sum256(nal) {
			return false
		}
	}
	return true
}

// at is a slice that was sent.
func (s *source) at(i int) sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slices[i]
}
