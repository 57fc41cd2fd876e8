package whip

import (
	"testing"

	"weir/bench/publish"
	"weir/mux/av"
	"weir/room/live"
	"weir/testdata"
)

// twoLayers are the samples as layers, the small one first.
func twoLayers() []publish.Layer {
	return []publish.Layer{
		{RID: "q", H264: testdata.Path("bars-360p.h264")}, {RID: "f", H264: testdata.Path("bars-720p.h264")},
	}
}

// keys counts the key frames of a track that came so far.
func (v *viewer) keys(id av.TrackID) (n int) {
	for _, f := range v.media(id) {
		if f.Key {
			n++
		}
	}
	return n
}

func TestSimulcast(t *testing.T) {
	s := newServer(t)
	p := s.start(t, publish.Options{Layers: twoLayers(), Ogg: testdata.Path("tone.ogg"), Loop: true, StapA: true})
	stream := s.stream(t, "cam")
	v := watch(t, stream, live.StartOldest)
	eventually(t, "pictures of both layers", func() bool {
		return len(v.media(firstLayer)) > 30 && len(v.media(firstLayer+1)) > 30 && len(v.media(videoID)) > 30 && len(v.packets()) > 30
	})
	sizes := map[av.TrackID]int{videoID: 1280, firstLayer: 640, firstLayer + 1: 1280}
	names := map[av.TrackID]string{firstLayer: "q", firstLayer + 1: "f"}
	for id, width := range sizes {
		eventually(t, names[id]+" in its size", func() bool {
			tr := stream.Tracks().Find(id)
			return tr != nil && tr.Width == width && tr.Layer == names[id]
		})
	}
	v.checkTimes(t)

	// One request gives a key frame of every layer.
	before := [...]int{v.keys(firstLayer), v.keys(firstLayer + 1)}
	asked := p.PLICount()
	stream.WantKeyFrame("test")
	eventually(t, "key frames of both layers", func() bool {
		return p.PLICount() > asked && v.keys(firstLayer) > before[0] && v.keys(firstLayer+1) > before[1]
	})
	eventually(t, "receiver reports on all tracks", func() bool { return p.ReportCount() >= 6 })
	if n := metric(t, s.handler.Stats(), "weir_whip_bad_packets_total"); n > 0 {
		t.Errorf("%v bad packets", n)
	}
}

// A layer that loses packets gets them again, on its own stream.
func TestSimulcastRepair(t *testing.T) {
	var seen sequenceSet
	s := newServer(t)
	p := s.start(t, publish.Options{
		Layers: twoLayers(), Loop: true, StapA: true,
		DropRTP: func(seq uint16, video bool) bool {
			n, again := seen.add(seq, video)
			return !again && n%50 == 49
		},
	})
	stream := s.stream(t, "cam")
	v := watch(t, stream, live.StartOldest)
	eventually(t, "pictures of both layers in spite of loss", func() bool {
		return len(v.media(firstLayer)) > 60 && len(v.media(firstLayer+1)) > 60
	})
	v.checkTimes(t)
	packets := func(fate string) float64 {
		return metric(t, s.handler.Stats(), "weir_whip_packets_total", "kind=video", "fate="+fate)
	}
	if p.NACKCount() == 0 || packets("recovered") == 0 || packets("lost") > 0 {
		t.Errorf("%d packets asked for again, %v recovered, %v given up", p.NACKCount(), packets("recovered"), packets("lost"))
	}
}

// The stream goes on from a simulcast to one picture, and back.
func TestSimulcastTakeover(t *testing.T) {
	s := newServer(t)
	first := s.start(t, publish.Options{Layers: twoLayers(), Loop: true, StapA: true})
	stream := s.stream(t, "cam")
	v := watch(t, stream, live.StartOldest)
	eventually(t, "the large layer", func() bool { return len(v.media(videoID)) > 10 })
	first.Close()

	second := s.start(t, publish.Options{H264: testdata.Path("bars-360p.h264"), Loop: true, StapA: true, RTX: true})
	eventually(t, "the single picture", func() bool {
		video := stream.Tracks().Video()
		return len(stream.Tracks()) == 1 && video != nil && video.Width == 640
	})
	second.Close()

	s.start(t, publish.Options{Layers: twoLayers(), Loop: true, StapA: true})
	eventually(t, "the layers again", func() bool {
		video := stream.Tracks().Video()
		return len(stream.Tracks()) == 3 && video != nil && video.Width == 1280
	})
	if now := s.stream(t, "cam"); now != stream {
		t.Error("the stream began anew")
	}
	v.checkTimes(t)
}
