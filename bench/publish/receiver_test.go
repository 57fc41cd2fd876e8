package publish

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// patience is the longest that a test waits for what must come; nothing is measured with it.
const patience = 30 * time.Second

const testToken = "secret"

// receiver is a WHIP server for one session at a time, made of pion alone.
type receiver struct {
	t      *testing.T
	server *httptest.Server

	mu      sync.Mutex
	pc      *webrtc.PeerConnection
	packets map[webrtc.RTPCodecType]map[uint16]*rtp.Packet // by sequence number, the first of each
	reports map[webrtc.RTPCodecType]*rtcp.SenderReport
	ssrc    map[webrtc.RTPCodecType]webrtc.SSRC
	deleted int
	changed chan struct{} // closed and made anew with each change
	states  []webrtc.PeerConnectionState
	readers sync.WaitGroup
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{
		t:       t,
		packets: map[webrtc.RTPCodecType]map[uint16]*rtp.Packet{webrtc.RTPCodecTypeVideo: {}, webrtc.RTPCodecTypeAudio: {}},
		reports: map[webrtc.RTPCodecType]*rtcp.SenderReport{},
		ssrc:    map[webrtc.RTPCodecType]webrtc.SSRC{},
		changed: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /whip/room/main", r.post)
	mux.HandleFunc("DELETE /session/1", r.delete)
	r.server = httptest.NewServer(mux)
	t.Cleanup(r.stop)
	return r
}

func (r *receiver) url() string { return r.server.URL + "/whip/room/main" }

func (r *receiver) stop() {
	r.mu.Lock()
	pc := r.pc
	r.mu.Unlock()
	if pc != nil {
		pc.Close()
	}
	r.readers.Wait()
	r.server.Close()
	http.DefaultClient.CloseIdleConnections()
}

// change changes what the lock guards and wakes those who wait for it.
func (r *receiver) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}

// wait waits until ok, which is called under the lock.
func (r *receiver) wait(what string, ok func() bool) {
	r.t.Helper()
	timeout := time.After(patience)
	for {
		r.mu.Lock()
		fine, changed := ok(), r.changed
		r.mu.Unlock()
		if fine {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			r.t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (r *receiver) post(w http.ResponseWriter, req *http.Request) {
	if req.Header.Get("Authorization") != "Bearer "+testToken {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	offer, _ := io.ReadAll(req.Body)
	answer, err := r.answer(string(offer))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Location", "../../session/1") // relative, as RFC 9725 4.2 allows
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
}

func (r *receiver) delete(w http.ResponseWriter, req *http.Request) {
	if req.Header.Get("Authorization") != "Bearer "+testToken {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	r.change(func() { r.deleted++ })
}

func (r *receiver) answer(offer string) (string, error) {
	var engine webrtc.MediaEngine
	var registry interceptor.Registry
	if err := engine.RegisterDefaultCodecs(); err != nil {
		return "", err
	}
	if err := webrtc.RegisterDefaultInterceptorsWithOptions(&engine, &registry, webrtc.WithInterceptorLoggerFactory(silent())); err != nil {
		return "", err
	}
	se := webrtc.SettingEngine{LoggerFactory: silent()}
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	se.SetICETimeouts(time.Second, time.Second, 200*time.Millisecond)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&engine), webrtc.WithInterceptorRegistry(&registry), webrtc.WithSettingEngine(se)).
		NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", err
	}
	r.change(func() { r.pc = pc })
	pc.OnTrack(r.read)
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) { r.change(func() { r.states = append(r.states, s) }) })
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return pc.LocalDescription().SDP, nil
}

func (r *receiver) read(track *webrtc.TrackRemote, rtpReceiver *webrtc.RTPReceiver) {
	kind := track.Kind()
	r.change(func() { r.ssrc[kind] = track.SSRC() })
	r.readers.Go(func() {
		for {
			packets, _, err := rtpReceiver.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				if sr, ok := p.(*rtcp.SenderReport); ok {
					r.change(func() { r.reports[kind] = sr })
				}
			}
		}
	})
	r.readers.Go(func() {
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			r.change(func() {
				if r.packets[kind][p.SequenceNumber] == nil {
					r.packets[kind][p.SequenceNumber] = p
				}
			})
		}
	})
}

// pli asks the publisher for a key frame.
func (r *receiver) pli() {
	r.mu.Lock()
	pc, ssrc := r.pc, r.ssrc[webrtc.RTPCodecTypeVideo]
	r.mu.Unlock()
	if err := pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(ssrc)}}); err != nil {
		r.t.Fatal(err)
	}
}

// orderedLocked returns what came of one kind by sequence number.
func (r *receiver) orderedLocked(kind webrtc.RTPCodecType) []*rtp.Packet {
	var out []*rtp.Packet
	for _, p := range r.packets[kind] {
		out = append(out, p)
	}
	if len(out) == 0 {
		return nil
	}
	near := out[0].SequenceNumber
	slices.SortFunc(out, func(a, b *rtp.Packet) int {
		return int(int16(a.SequenceNumber-near)) - int(int16(b.SequenceNumber-near))
	})
	return out
}

func (r *receiver) ordered(kind webrtc.RTPCodecType) []*rtp.Packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.orderedLocked(kind)
}

// nals are the NAL units that came, provided that no packet between them is missing.
func (r *receiver) nals() [][]byte {
	r.t.Helper()
	var reader codecs.H264Packet
	var stream []byte
	packets := r.ordered(webrtc.RTPCodecTypeVideo)
	for i, p := range packets {
		if i > 0 && p.SequenceNumber != packets[i-1].SequenceNumber+1 {
			r.t.Fatalf("packet %d is missing", packets[i-1].SequenceNumber+1)
		}
		part, err := reader.Unmarshal(p.Payload)
		if err != nil {
			r.t.Fatal(err)
		}
		stream = append(stream, part...)
	}
	return SplitNALs(stream)
}

// sawLocked tells whether the connection was ever in the state.
func (r *receiver) sawLocked(s webrtc.PeerConnectionState) bool { return slices.Contains(r.states, s) }
