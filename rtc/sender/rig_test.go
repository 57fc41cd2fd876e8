package sender

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	pion "github.com/pion/rtp"
	"go.uber.org/goleak"

	"weir/mux/av"
	"weir/mux/codec/h264"
	"weir/room/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	frameTime  = time.Second / 30
	packetTime = 20 * time.Millisecond
	groupSize  = 30 // pictures
)

var (
	testKey = live.Key{App: "1", Room: "demo", Stream: "cam"}
	errTest = errors.New("the test ends it")

	testVideo = Track{
		Codec: av.CodecH264, ClockRate: 90000, PayloadType: 102, SSRC: 1000, RepairType: 103, RepairSSRC: 1001,
		MID: "0", MIDExtension: 4, CountExtension: 3,
	}
	testAudio = Track{
		Codec: av.CodecOpus, ClockRate: 48000, PayloadType: 111, SSRC: 2000, MID: "1", MIDExtension: 4, CountExtension: 3,
	}
	testSPS = []byte{0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0xa0, 0x5b, 0xb0, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x18, 0x32, 0xe0}
	testPPS = []byte{0x68, 0xce, 0x3c, 0x80}
)

// sent is a packet as the transport got it.
type sent struct {
	pion.Header
	payload []byte
	at      time.Time
	bytes   []byte // header and payload
}

// wire is a transport that keeps everything.
type wire struct {
	mu      sync.Mutex
	packets []sent
	reports [][]byte
	flushes int
	pending int // written and not flushed
	err     error
	gate    chan struct{} // nil, or what writing waits for
}

func (w *wire) WriteRTP(h *pion.Header, payload []byte) error {
	w.mu.Lock()
	gate := w.gate
	w.mu.Unlock()
	if gate != nil {
		<-gate
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	b, err := h.Marshal()
	if err != nil {
		return err
	}
	b = append(b, payload...)
	var copied pion.Header
	n, err := copied.Unmarshal(b)
	if err != nil {
		return err
	}
	w.packets = append(w.packets, sent{copied, b[n:], time.Now(), b})
	w.pending++
	return nil
}

func (w *wire) WriteRTCP(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports = append(w.reports, slices.Clone(b))
	w.pending++
	return w.err
}

func (w *wire) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flushes, w.pending = w.flushes+1, 0
	return w.err
}

// hold makes writing wait until the function that it returns is called.
func (w *wire) hold() (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	gate := make(chan struct{})
	w.gate = gate
	return func() {
		w.mu.Lock()
		w.gate = nil
		w.mu.Unlock()
		close(gate)
	}
}

// of are the packets of a source so far.
func (w *wire) of(ssrc uint32) (out []sent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.packets {
		if p.SSRC == ssrc {
			out = append(out, p)
		}
	}
	return out
}

// rtcp are the packets of the reports so far.
func (w *wire) rtcp(t *testing.T) (out []rtcp.Packet) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.reports {
		ps, err := rtcp.Unmarshal(b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, ps...)
	}
	return out
}

// rig is a stream in a hub, in a bubble of time of its own.
type rig struct {
	t     *testing.T
	hub   *live.Registry
	pub   *live.Publisher
	wants int // key frames that were asked for
	n     int // pictures so far
	sound int // packets of sound so far
	keys  bool
	// size is that of pictures, by their place in the group.
	size func(i int) int
	// nal is the header of pictures that are no key frames, by their place.
	nal func(i int) byte
}

// inBubble runs a test with a hub.
func inBubble(t *testing.T, o live.PublishOptions, test func(r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{
			t: t, keys: true,
			size: func(i int) int {
				if i == 0 {
					return 40_000
				}
				return 7_000
			},
			nal: func(int) byte { return 0x41 },
			hub: live.NewRegistry(live.Options{
				RingBytes: 16 << 20, RingTime: 4 * time.Second, Fresh: 3 * time.Second, Grace: time.Minute,
				TrackWait: time.Second, FeedIdle: time.Second, MaxStreams: 10,
			}),
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			_ = r.hub.Run(ctx)
			close(done)
		}()
		var mu sync.Mutex
		o.KeyFrame = func() {
			mu.Lock()
			defer mu.Unlock()
			r.wants++
		}
		var err error
		if r.pub, err = r.hub.Publish(testKey, o); err != nil {
			t.Fatal(err)
		}
		test(r)
		stop()
		<-done
		synctest.Wait()
	})
}

func (r *rig) write(f *av.Frame) {
	r.t.Helper()
	if err := r.pub.Write(f); err != nil {
		r.t.Fatal(err)
	}
}

// videoTrack is a track of the test's H.264.
func videoTrack(id av.TrackID, layer string, width, height int) *av.Track {
	return &av.Track{
		ID: id, Codec: av.CodecH264, ClockRate: 90000, Width: width, Height: height, Layer: layer,
		Config: h264.AppendConfig(nil, [][]byte{testSPS}, [][]byte{testPPS}),
	}
}

// begin announces a video and an audio track.
func (r *rig) begin() {
	r.t.Helper()
	v := videoTrack(1, "", 1280, 720)
	r.write(&av.Frame{Track: 1, Kind: av.KindConfig, Codec: v.Codec, Config: v})
	a := &av.Track{ID: 2, Codec: av.CodecOpus, ClockRate: 48000, Channels: 2}
	r.write(&av.Frame{Track: 2, Kind: av.KindConfig, Codec: a.Codec, Config: a})
}

// play writes media in real time for a while.
func (r *rig) play(d time.Duration) {
	r.t.Helper()
	for end := r.pub.Stream().Now() + d; ; {
		video, audio := time.Duration(r.n)*frameTime, time.Duration(r.sound)*packetTime
		next := min(video, audio)
		if next >= end {
			break
		}
		if wait := next - r.pub.Stream().Now(); wait > 0 {
			time.Sleep(wait)
		}
		if video <= audio {
			r.picture(1, video, r.n%groupSize)
			r.n++
			continue
		}
		r.write(&av.Frame{Track: 2, Codec: av.CodecOpus, Key: true, DTS: audio, PTS: audio, Data: []byte{0xfc, byte(r.sound), byte(r.sound >> 8)}})
		r.sound++
	}
	synctest.Wait()
}

// picture writes the i-th of a group.
func (r *rig) picture(id av.TrackID, at time.Duration, i int) {
	r.t.Helper()
	r.write(pictureOf(id, at, i == 0 && (r.keys || r.n == 0), r.size(i), r.nal(i), uint32(r.n)))
}

// pictureOf is a picture that carries its number.
func pictureOf(id av.TrackID, at time.Duration, key bool, size int, nal byte, number uint32) *av.Frame {
	if key {
		nal = 0x65
	}
	data := binary.BigEndian.AppendUint32(nil, uint32(size))
	data = append(data, nal, 0x88)
	data = binary.BigEndian.AppendUint32(data, number)
	for len(data) < 4+size {
		data = append(data, byte(len(data)))
	}
	return &av.Frame{Track: id, Codec: av.CodecH264, Key: key, DTS: at, PTS: at, Data: data[:4+size]}
}

// viewer is a sender that runs.
type viewer struct {
	*Sender
	wire *wire
	stop context.CancelCauseFunc
	done chan error
}

// watch begins a viewer.
func (r *rig) watch(change func(*Options)) *viewer {
	r.t.Helper()
	w := new(wire)
	video, audio := testVideo, testAudio
	o := Options{
		Stream: r.pub.Stream(), To: w, Video: &video, Audio: &audio, CNAME: "weir", MaxLags: 2, Stats: NewStats("weir_whep", "WebRTC viewers"),
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(r.t.Context())
	v := &viewer{Sender: s, wire: w, stop: stop, done: make(chan error, 1)}
	go func() { v.done <- s.Run(ctx) }()
	synctest.Wait()
	return v
}

// leave ends the viewer.
func (v *viewer) leave() error {
	v.stop(errTest)
	return <-v.done
}

// pictures are the numbers of the whole pictures in a run of packets, and whether each is a key frame. It fails at a
// hole in the sequence numbers and at a picture that does not end.
func pictures(t *testing.T, packets []sent) (numbers []uint32, keys []bool) {
	t.Helper()
	var nal []byte
	for i, p := range packets {
		if i > 0 && p.SequenceNumber != packets[i-1].SequenceNumber+1 {
			t.Fatalf("packet %d: number %d behind %d", i, p.SequenceNumber, packets[i-1].SequenceNumber)
		}
		switch p.payload[0] & 0x1f {
		case 24:
		case 28:
			if p.payload[1]&0x80 != 0 {
				nal = []byte{p.payload[0]&0xe0 | p.payload[1]&0x1f}
			}
			nal = append(nal, p.payload[2:]...)
		default:
			nal = p.payload
		}
		if !p.Marker {
			continue
		}
		numbers = append(numbers, binary.BigEndian.Uint32(nal[2:]))
		keys = append(keys, nal[0]&0x1f == 5)
		nal = nil
	}
	if nal != nil {
		t.Fatal("the last picture has no end")
	}
	return numbers, keys
}

// consecutive fails unless the numbers go on without a hole.
func consecutive(t *testing.T, numbers []uint32) {
	t.Helper()
	for i := 1; i < len(numbers); i++ {
		if numbers[i] != numbers[i-1]+1 {
			t.Fatalf("picture %d behind %d", numbers[i], numbers[i-1])
		}
	}
}
