package e2e

import (
	"encoding/binary"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// watcher is a viewer by WebRTC on another implementation, which asks for lost packets and keeps the pictures' packets.
type watcher struct {
	pc *webrtc.PeerConnection

	mu      sync.Mutex          // guards the fields below
	packets map[int]videoPacket // by their numbers, which go on behind 65535
	last    int
	begin   uint32
	sound   [][]byte      // packets
	soundAt []uint32      // their timestamps
	news    chan struct{} // closed at the next packet

	videoReport, soundReport report // the last ones
}

type videoPacket struct {
	ticks   int // since the first
	marker  bool
	payload []byte
}

// pictureTicks are those of a thirtieth of a second.
const pictureTicks = 3000

// watchBy plays an address on a socket until the test ends.
func watchBy(t *testing.T, conn net.PacketConn, url string) *watcher {
	t.Helper()
	v := &watcher{packets: make(map[int]videoPacket), last: -1, news: make(chan struct{})}
	v.pc = newViewing(t, conn)
	v.pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		go v.reports(track.Kind(), receiver) // until the connection is closed
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			if track.Kind() == webrtc.RTPCodecTypeVideo {
				v.take(p.SequenceNumber, p.Timestamp, p.Marker, p.Payload)
				continue
			}
			v.mu.Lock()
			v.sound = append(v.sound, p.Payload)
			v.soundAt = append(v.soundAt, p.Timestamp)
			v.mu.Unlock()
		}
	})
	v.offer(t, url)
	return v
}

// newViewing is a connection that receives, on a socket of its own.
func newViewing(t *testing.T, conn net.PacketConn) *webrtc.PeerConnection {
	t.Helper()
	media := new(webrtc.MediaEngine)
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	media.RegisterFeedback(webrtc.RTCPFeedback{Type: "nack"}, webrtc.RTPCodecTypeVideo)
	registry := new(interceptor.Registry)
	asker, err := nack.NewGeneratorInterceptor(nack.GeneratorInterval(20 * time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	registry.Add(asker)
	for _, configure := range []func(*webrtc.MediaEngine, *interceptor.Registry) error{
		func(_ *webrtc.MediaEngine, r *interceptor.Registry) error { return webrtc.ConfigureRTCPReports(r) },
		webrtc.ConfigureTWCCSender,
	} {
		if err := configure(media, registry); err != nil {
			t.Fatal(err)
		}
	}
	loggers := logging.NewDefaultLoggerFactory()
	loggers.DefaultLogLevel = logging.LogLevelDisabled
	loggers.ScopeLevels = nil
	mux := webrtc.NewICEUDPMux(nil, conn)
	se := webrtc.SettingEngine{LoggerFactory: loggers}
	se.SetICEUDPMux(mux)
	se.SetIncludeLoopbackCandidate(true)
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(se), webrtc.WithInterceptorRegistry(registry))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = pc.Close()
		_ = mux.Close()
		_ = conn.Close()
	})
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	return pc
}

// offer begins the session.
func (v *watcher) offer(t *testing.T, url string) {
	t.Helper()
	gathered := webrtc.GatheringCompletePromise(v.pc)
	text, err := v.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.pc.SetLocalDescription(text); err != nil {
		t.Fatal(err)
	}
	<-gathered
	a := ask(t, http.MethodPost, url, request{
		body: v.pc.LocalDescription().SDP, header: map[string]string{"Content-Type": "application/sdp"},
	})
	if a.StatusCode != http.StatusCreated {
		t.Fatalf("the offer was refused with %s %s", a.Status, a.body)
	}
	if err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(a.body)}); err != nil {
		t.Fatal(err)
	}
}

// take keeps a packet.
func (v *watcher) take(seq uint16, timestamp uint32, marker bool, payload []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last < 0 {
		v.last, v.begin = int(seq), timestamp
	}
	number := v.last + int(int16(seq-uint16(v.last)))
	v.last = max(v.last, number)
	v.packets[number] = videoPacket{int(int32(timestamp - v.begin)), marker, slices.Clone(payload)}
	close(v.news)
	v.news = make(chan struct{})
}

// newest is the number of the newest picture, counted from the first in thirtieths of a second.
func (v *watcher) newest() (picture int, news <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.packets[v.last].ticks / pictureTicks, v.news
}

// until waits for a picture.
func (v *watcher) until(t *testing.T, picture int) {
	t.Helper()
	timer := time.NewTimer(patience + time.Duration(picture)*time.Second/30)
	defer timer.Stop()
	for {
		at, news := v.newest()
		if at >= picture {
			return
		}
		select {
		case <-news:
		case <-timer.C:
			t.Fatalf("picture %d did not come, only %d", picture, at)
		}
	}
}

// decodable are the slices of n pictures, from the first key frame behind a picture on, as far as they came whole and
// with all that they depend on.
func (v *watcher) decodable(from, n int) (out [][]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	intact, before := false, -1 // the pictures so far, the last packet of the last whole picture
	for _, run := range v.runsLocked() {
		first, last := v.packets[run[0]], v.packets[run[len(run)-1]]
		whole := last.marker && run[len(run)-1]-run[0] == len(run)-1 && beginsPicture(first.payload)
		slice, key := v.sliceLocked(run)
		intact = whole && (key || intact && run[0] == before+1)
		if !intact {
			continue
		}
		before = run[len(run)-1]
		if at := first.ticks / pictureTicks; len(out) == 0 && key && at > from {
			from, out = at, append(out, slice)
		} else if len(out) > 0 && at < from+n {
			out = append(out, slice)
		}
	}
	return out
}

// beginsPicture tells whether a payload of a picture in one slice can be its first: no fragment but the first.
func beginsPicture(b []byte) bool { return b[0]&0x1f != 28 || b[1]&0x80 != 0 }

// sliceLocked is the slice in packets of one picture (RFC 6184), and whether it is of a key frame.
func (v *watcher) sliceLocked(run []int) (nal []byte, key bool) {
	for _, n := range run {
		b := v.packets[n].payload
		switch b[0] & 0x1f {
		case 28: // FU-A
			if nal == nil {
				nal = []byte{b[0]&0xe0 | b[1]&0x1f}
			}
			nal = append(nal, b[2:]...)
		case 24: // STAP-A, of parameter sets and a small slice behind them
			for b = b[1:]; len(b) > 2; {
				size := min(2+int(binary.BigEndian.Uint16(b)), len(b))
				if kind := b[2] & 0x1f; kind >= 1 && kind <= 5 {
					nal = b[2:size]
				}
				b = b[size:]
			}
		case 1, 5:
			nal = b
		}
	}
	return nal, len(nal) > 0 && nal[0]&0x1f == 5
}

// runsLocked are the packets of each picture by their numbers.
func (v *watcher) runsLocked() (runs [][]int) {
	numbers := slices.Sorted(maps.Keys(v.packets))
	for i := 0; i < len(numbers); {
		end := i
		for end < len(numbers) && v.packets[numbers[end]].ticks == v.packets[numbers[i]].ticks {
			end++
		}
		runs = append(runs, numbers[i:end])
		i = end
	}
	return runs
}

// reports keeps the last sender report of a track.
func (v *watcher) reports(kind webrtc.RTPCodecType, receiver *webrtc.RTPReceiver) {
	for {
		packets, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			sr, ok := p.(*rtcp.SenderReport)
			if !ok {
				continue
			}
			v.mu.Lock()
			if kind == webrtc.RTPCodecTypeVideo {
				v.videoReport = report{sr.NTPTime, sr.RTPTime}
			} else {
				v.soundReport = report{sr.NTPTime, sr.RTPTime}
			}
			v.mu.Unlock()
		}
	}
}
