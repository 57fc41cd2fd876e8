package whep

import (
	"bytes"
	"encoding/binary"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"weir/room/live"
	"weir/rtc/signaling"
)

// viewer is a peer connection of the library that plays.
type viewer struct {
	t        testing.TB
	server   *server
	pc       *webrtc.PeerConnection
	location string
	tag      string
	status   int
	answer   string

	mu       sync.Mutex // guards the fields below
	pictures []picture
	packets  []rtp.Packet // of sound
	tracks   []*webrtc.TrackRemote
	byes     int
	number   uint16 // of the last packet of video
	reports  map[uint32]*rtcp.SenderReport
}

// picture is one that came, as the numbers that it carries.
type picture struct {
	number    uint32
	key       bool
	timestamp uint32
	last      uint16 // number of its last packet
}

// viewerOptions alter a viewer.
type viewerOptions struct {
	path     string // of the endpoint; /whep/room/cam when empty
	token    string
	settings func(*webrtc.SettingEngine)
	edit     func(sdp string) string // the offer on its way
	trickle  bool                    // the offer has no candidates
}

// watch offers and takes the answer.
func (s *server) watch(o viewerOptions) *viewer {
	s.t.Helper()
	v := newViewer(s, o)
	v.offer(o)
	if v.status != http.StatusCreated {
		s.t.Fatalf("the offer was refused with %d %s", v.status, v.answer)
	}
	return v
}

func newViewer(s *server, o viewerOptions) *viewer {
	s.t.Helper()
	v := &viewer{t: s.t, server: s, reports: make(map[uint32]*rtcp.SenderReport)}
	media := new(webrtc.MediaEngine)
	if err := media.RegisterDefaultCodecs(); err != nil {
		s.t.Fatal(err)
	}
	var registry interceptor.Registry
	if err := webrtc.RegisterDefaultInterceptors(media, &registry); err != nil {
		s.t.Fatal(err)
	}
	se := webrtc.SettingEngine{LoggerFactory: discard()}
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if o.settings != nil {
		o.settings(&se)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(se), webrtc.WithInterceptorRegistry(&registry))
	v.pc = must(api.NewPeerConnection(webrtc.Configuration{}))
	s.t.Cleanup(v.close)
	v.pc.OnTrack(v.onTrack)
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := v.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			s.t.Fatal(err)
		}
	}
	return v
}

// offer sends an offer and takes the answer, if it is one.
func (v *viewer) offer(o viewerOptions) {
	v.t.Helper()
	gathered := webrtc.GatheringCompletePromise(v.pc)
	text := must(v.pc.CreateOffer(nil))
	if err := v.pc.SetLocalDescription(text); err != nil {
		v.t.Fatal(err)
	}
	<-gathered
	body := v.pc.LocalDescription().SDP
	if o.trickle {
		body = text.SDP
	}
	if o.edit != nil {
		body = o.edit(body)
	}
	if o.path == "" {
		o.path = "/whep/room/cam"
	}
	w := v.server.call(call{method: "POST", path: o.path, kind: signaling.KindSDP, token: o.token, body: body})
	v.status, v.answer = w.Code, w.Body.String()
	v.location, v.tag = w.Header().Get("Location"), w.Header().Get("ETag")
	if w.Code != http.StatusCreated {
		return
	}
	if err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: v.answer}); err != nil {
		v.t.Fatalf("%v in\n%s", err, v.answer)
	}
}

func (v *viewer) onTrack(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	v.mu.Lock()
	v.tracks = append(v.tracks, track)
	v.mu.Unlock()
	go v.readReports(receiver)
	if track.Kind() == webrtc.RTPCodecTypeAudio {
		v.readSound(track)
		return
	}
	v.readPictures(track)
}

func (v *viewer) readReports(receiver *webrtc.RTPReceiver) {
	for {
		all, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		v.mu.Lock()
		for _, p := range all {
			switch p := p.(type) {
			case *rtcp.SenderReport:
				v.reports[p.SSRC] = p
			case *rtcp.Goodbye:
				v.byes++
			}
		}
		v.mu.Unlock()
	}
}

func (v *viewer) readSound(track *webrtc.TrackRemote) {
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		v.mu.Lock()
		v.packets = append(v.packets, *p)
		v.mu.Unlock()
	}
}

// readPictures puts pictures together that came whole.
func (v *viewer) readPictures(track *webrtc.TrackRemote) {
	var (
		unit  codecs.H264Packet
		whole []byte
		last  uint16
		begun bool
	)
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if begun && p.SequenceNumber != last+1 {
			whole = nil // what is lost is left out
		}
		last, begun = p.SequenceNumber, true
		v.mu.Lock()
		v.number = last
		v.mu.Unlock()
		if len(p.Payload) == 0 {
			continue
		}
		nal, err := unit.Unmarshal(p.Payload)
		if err != nil {
			v.t.Errorf("a payload cannot be read: %v", err)
			return
		}
		whole = append(whole, nal...)
		if p.Marker {
			v.take(whole, p.Timestamp, last)
			whole = nil
		}
	}
}

// take notes a picture of NAL units behind start codes, the first time that it comes: the library asks for a lost packet
// again and again, since it does not see that it came as a repair. Pictures stand in the order in which they were sent: what
// comes while the library sets up SRTP it hands out behind what comes then.
func (v *viewer) take(annexB []byte, timestamp uint32, last uint16) {
	for nal := range bytes.SplitSeq(annexB, []byte{0, 0, 0, 1}) {
		if len(nal) < 6 || nal[0]&0x1f != 1 && nal[0]&0x1f != 5 {
			continue
		}
		p := picture{binary.BigEndian.Uint32(nal[2:]), nal[0]&0x1f == 5, timestamp, last}
		v.mu.Lock()
		if !slices.Contains(v.pictures, p) {
			i := len(v.pictures)
			for i > 0 && int16(last-v.pictures[i-1].last) < 0 {
				i--
			}
			v.pictures = slices.Insert(v.pictures, i, p)
		}
		v.mu.Unlock()
	}
}

// shown are the pictures so far.
func (v *viewer) shown() []picture {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]picture(nil), v.pictures...)
}

func (v *viewer) heard() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.packets)
}

// sees waits for n more pictures.
func (v *viewer) sees(n int) []picture {
	v.t.Helper()
	before := len(v.shown())
	eventually(v.t, "pictures", func() bool { return len(v.shown()) >= before+n })
	return v.shown()[before:]
}

// hears waits for n more packets of sound.
func (v *viewer) hears(n int) {
	v.t.Helper()
	before := v.heard()
	eventually(v.t, "sound", func() bool { return v.heard() >= before+n })
}

// last is the number of the last packet of video.
func (v *viewer) last() uint16 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.number
}

// track is the SSRC of the track of a kind.
func (v *viewer) track(kind webrtc.RTPCodecType) uint32 {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, t := range v.tracks {
		if t.Kind() == kind {
			return uint32(t.SSRC())
		}
	}
	v.t.Fatalf("there is no %v", kind)
	return 0
}

// senderReports are the last reports, by source.
func (v *viewer) senderReports() map[uint32]*rtcp.SenderReport {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.reports)
}

func (v *viewer) connected() bool {
	return v.pc.ConnectionState() == webrtc.PeerConnectionStateConnected
}

func (v *viewer) close() { _ = v.pc.GracefulClose() }

func (v *viewer) delete() *http.Response {
	return v.server.call(call{method: "DELETE", path: v.location}).Result()
}

// lines are the values of an attribute in a description, in its order.
func lines(text, name string) []string {
	var out []string
	for l := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimRight(l, "\r\n"), "a="+name+":"); ok {
			out = append(out, value)
		}
	}
	return out
}

// inOrder checks that pictures begin with a key frame and that none is missing.
func inOrder(t testing.TB, all []picture) {
	t.Helper()
	for i, p := range all {
		switch {
		case i == 0 && !p.key:
			t.Errorf("the first picture is number %d and no key frame", p.number)
		case i > 0 && p.number != all[i-1].number+1:
			t.Errorf("picture %d comes behind %d", p.number, all[i-1].number)
		case i > 0 && p.timestamp-all[i-1].timestamp > 90000:
			t.Errorf("picture %d comes %d ticks behind the one before", p.number, p.timestamp-all[i-1].timestamp)
		}
	}
}

// Pictures and sound reach a viewer as they are published, and go on; DELETE ends that.
func TestPlay(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.publish(testVideo, testAudio)
	v := s.watch(viewerOptions{})
	v.sees(2 * groupSize)
	v.hears(10)
	inOrder(t, v.shown())
	if n := s.crowd.Of(aKey).By; n != [3]int{0, 0, 1} {
		t.Errorf("the viewers are %v", n)
	}
	if r := v.delete(); r.StatusCode != http.StatusOK {
		t.Errorf("DELETE gives %d", r.StatusCode)
	}
	s.isEmpty()
	if n := s.closed("deleted"); n != 1 {
		t.Errorf("%v viewers are counted that were deleted", n)
	}
}

// A viewer that leaves without a word is noticed.
func TestViewerLeaves(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.publish(testVideo)
	v := s.watch(viewerOptions{})
	v.sees(1)
	v.close()
	s.isEmpty()
	if n := s.closed("client_gone"); n != 1 {
		t.Errorf("%v viewers are counted that went", n)
	}
}

// The server's end is the viewers' end.
func TestShutdown(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.publish(testVideo)
	s.watch(viewerOptions{}).sees(1)
	s.stopHandler()
	s.isEmpty()
	if n := s.closed("shutdown"); n != 1 {
		t.Errorf("%v viewers are counted that were shut down", n)
	}
	if w := s.post(must(newViewer(s, viewerOptions{}).pc.CreateOffer(nil)).SDP); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("an offer to a server that is stopping gives %d %v", w.Code, w.Header())
	}
}

// A viewer behind a network that lets no UDP through plays over TCP.
func TestPlayByTCP(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.publish(testVideo, testAudio)
	v := s.watch(viewerOptions{settings: func(se *webrtc.SettingEngine) {
		se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}})
	inOrder(t, v.sees(groupSize))
}

// A path that is never found is given up within the handshake time, with its place.
func TestNoPath(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *Options, _ *live.Options) { o.Handshake = 300 * time.Millisecond })
	s.publish(testVideo)
	if w := s.post(strings.ReplaceAll(chromiumOffer(t), "a=setup:actpass", "a=setup:active")); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	s.isEmpty()
	if n := s.closed("no_path"); n != 1 {
		t.Errorf("%v viewers are counted that had no path", n)
	}
}

// chromiumOffer is what Chromium offers to play.
func chromiumOffer(t testing.TB) string {
	t.Helper()
	return readFile(t, "offers/chromium.sdp")
}
